"""Sign in with Slack against the workspace, as an OpenID client does it: the page, the code, the signed statement."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth import OpenIDConnectAuthorizeUrlGenerator
from slack_sdk.web.async_client import AsyncWebClient

from tests.contract.workspace_fixtures import RunningWorkspace

# slack_sdk identifies the app to aiohttp in a way that aiohttp has given notice of.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

BACK = "http://127.0.0.1:9999/signed-in"
WANTED = {
    "response_type": "code",
    "client_id": "local-client",
    "scope": "openid profile email",
    "redirect_uri": BACK,
    "state": "s&1",
    "nonce": "n1",
}
CREDENTIALS = {"client_id": "local-client", "client_secret": "local-client-secret"}


async def answered(
    slack: RunningWorkspace, person: str = "responder", *, answer: str = "allow", asked: Mapping[str, str] = WANTED
) -> dict[str, list[str]]:
    """Answer the page as a person does and return what the app is sent."""
    sent = await slack.http.post(
        "/openid/connect/authorize", params=dict(asked), data={"person": person, "answer": answer}
    )
    assert sent.status_code == 303, sent.text
    assert sent.headers["location"].startswith(BACK)
    return parse_qs(urlsplit(sent.headers["location"]).query)


async def code_for(slack: RunningWorkspace, person: str = "responder", asked: Mapping[str, str] = WANTED) -> str:
    return (await answered(slack, person, asked=asked))["code"][0]


def without_token(slack: RunningWorkspace) -> AsyncWebClient:
    return AsyncWebClient(base_url=f"{slack.base_url}/api/")


async def refusal(slack: RunningWorkspace, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as raised:
        await without_token(slack).openid_connect_token(**(CREDENTIALS | {"redirect_uri": BACK} | arguments))
    return str(raised.value.response["error"])


async def test_an_app_learns_who_signed_in_and_can_check_it(slack: RunningWorkspace) -> None:
    generator = OpenIDConnectAuthorizeUrlGenerator(
        client_id="local-client",
        redirect_uri=BACK,
        scopes=["openid", "email"],
        authorization_url=f"{slack.base_url}/openid/connect/authorize",
    )
    page = await slack.http.get(generator.generate(state="s1", nonce="n1"))
    assert page.status_code == 200
    assert "Sign in to Stanch with Local workspace" in page.text
    assert "127.0.0.1:9999" in page.text
    found = (await slack.http.get("/.well-known/openid-configuration")).json()
    asked = WANTED | {"scope": "openid,email"}
    got = await without_token(slack).openid_connect_token(
        **CREDENTIALS, code=await code_for(slack, asked=asked), redirect_uri=BACK, grant_type="authorization_code"
    )
    keys = jwt.PyJWKSet.from_dict((await slack.http.get(found["jwks_uri"])).json())
    header = jwt.get_unverified_header(got["id_token"])
    claims = jwt.decode(
        got["id_token"],
        keys[header["kid"]],
        algorithms=found["id_token_signing_alg_values_supported"],
        audience="local-client",
        issuer=found["issuer"],
        options={"verify_exp": False, "verify_iat": False},  # the workspace's clock is the test's
    )
    assert (claims["sub"], claims["nonce"]) == ("U0RESPONDER", "n1")
    assert claims["https://slack.com/team_id"] == "T0LOCAL"
    assert claims["email"] == "responder@example.com"
    assert claims["exp"] - claims["iat"] == 300
    assert "name" not in claims
    who = await slack.client(got["access_token"]).openid_connect_userInfo()
    assert (who["sub"], who["email"]) == ("U0RESPONDER", "responder@example.com")


async def test_the_answer_carries_the_state_back_unchanged(slack: RunningWorkspace) -> None:
    assert (await answered(slack))["state"] == ["s&1"]


async def test_a_person_who_cancels_is_nobody(slack: RunningWorkspace) -> None:
    assert await answered(slack, answer="deny") == {"error": ["access_denied"], "state": ["s&1"]}


async def test_the_app_may_identify_itself_by_http_basic(slack: RunningWorkspace) -> None:
    body = {"code": await code_for(slack), "redirect_uri": BACK, "grant_type": "authorization_code"}
    answer = await slack.http.post(
        "/api/openid.connect.token", data=body, auth=httpx.BasicAuth("local-client", "local-client-secret")
    )
    assert answer.json()["ok"]
    broken = await slack.http.post("/api/openid.connect.token", data=body, headers={"Authorization": "Basic %%"})
    assert broken.json() == {"ok": False, "error": "invalid_auth"}


async def test_a_code_is_good_once_for_ten_minutes_and_for_its_own_address(slack: RunningWorkspace) -> None:
    code = await code_for(slack)
    assert await refusal(slack, code=code, redirect_uri="http://127.0.0.1:9999/elsewhere") == "bad_redirect_uri"
    await without_token(slack).openid_connect_token(**CREDENTIALS, code=code, redirect_uri=BACK)
    assert await refusal(slack, code=code) == "code_already_used"
    late = await code_for(slack)
    slack.clock.advance(timedelta(minutes=10, seconds=1))
    assert await refusal(slack, code=late) == "invalid_code"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"client_id": "other"}, "invalid_client_id"),
        ({"client_secret": "guessed"}, "bad_client_secret"),
        ({"grant_type": "password"}, "invalid_grant_type"),
        ({"code": "guessed"}, "invalid_code"),
    ],
)
async def test_a_foreign_app_or_code_is_refused(slack: RunningWorkspace, arguments: dict[str, str], error: str) -> None:
    assert await refusal(slack, **({"code": await code_for(slack)} | arguments)) == error


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "other"}, "invalid_client_id"),
        ({"redirect_uri": "https://example.com/back"}, "bad_redirect_uri"),
        ({"redirect_uri": "http://[::1]:9999/back"}, "bad_redirect_uri"),
        ({"redirect_uri": "javascript:alert(1)"}, "bad_redirect_uri"),
        ({"redirect_uri": "http://[127.0.0.1/"}, "bad_redirect_uri"),
        ({"redirect_uri": ""}, "bad_redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid chat:write"}, "invalid_scope"),
        ({"team": "T0OTHER"}, "invalid_team_for_non_distributed_app"),
    ],
)
async def test_what_no_app_may_ask_for_sends_nobody_anywhere(
    slack: RunningWorkspace, changed: dict[str, str], error: str
) -> None:
    for answer in (
        await slack.http.get("/openid/connect/authorize", params=WANTED | changed),
        await slack.http.post(
            "/openid/connect/authorize", params=WANTED | changed, data={"person": "owner", "answer": "allow"}
        ),
    ):
        assert answer.status_code == 400
        assert error in answer.text


async def test_the_bot_itself_and_strangers_cannot_be_signed_in(slack: RunningWorkspace) -> None:
    for person in ("stanch", "nobody", ""):
        answer = await slack.http.post(
            "/openid/connect/authorize", params=WANTED, data={"person": person, "answer": "allow"}
        )
        assert answer.status_code == 404


async def test_a_user_token_tells_who_somebody_is_and_nothing_else(slack: RunningWorkspace) -> None:
    got = await without_token(slack).openid_connect_token(**CREDENTIALS, code=await code_for(slack), redirect_uri=BACK)
    for client, method in (
        (slack.client(got["access_token"]), "users.list"),
        (slack.web, "openid.connect.userInfo"),
        (slack.client("xapp-local"), "openid.connect.userInfo"),
    ):
        with pytest.raises(SlackApiError) as raised:
            await client.api_call(method)
        assert raised.value.response["error"] == "not_allowed_token_type"


async def test_no_credential_of_a_sign_in_is_in_the_record(slack: RunningWorkspace) -> None:
    code = await code_for(slack)
    got = await without_token(slack).openid_connect_token(**CREDENTIALS, code=code, redirect_uri=BACK)
    await slack.client(got["access_token"]).openid_connect_userInfo()
    record = (await slack.http.get("/_workspace/requests")).text
    assert "openid.connect.token" in record
    for secret in (code, CREDENTIALS["client_secret"], got["access_token"], got["id_token"]):
        assert secret not in record
