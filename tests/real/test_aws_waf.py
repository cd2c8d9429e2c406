"""The AWS WAF actions on moto, which plays AWS over HTTP and checks signatures with botocore."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import Action, AuthFailed, JsonObject, Rejected
from integrations.aws_waf.addresses import BlockClient
from integrations.aws_waf.client import Settings, WafApi
from integrations.aws_waf.rules import LowerLimit
from tests.integrations.aws_waf.contract import rules, visible
from tests.real.acting import Acting
from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_port, running

pytestmark = pytest.mark.real

_MOTO = REPOSITORY / ".cache" / "real" / "moto"
_REGION = "eu-central-1"
_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "wafv2:*", "Resource": "*"}]}'


@dataclass(frozen=True)
class Waf:
    """A running moto with a web ACL and an IP set of one test.

    Attributes:
        rule: Target of `lower_limit`.
        blocked: Target of `block_client`.
    """

    settings: Settings
    client: httpx.AsyncClient
    rule: JsonObject
    blocked: JsonObject

    def acting(self, made: type[Action], ref: JsonObject) -> Acting:
        return Acting(made(self.settings, self.client), ref)

    @property
    def api(self) -> WafApi:
        return WafApi(self.settings, self.client)

    async def acl(self) -> JsonObject:
        """Return the web ACL without what every write makes anew."""
        named = {key: self.rule[key] for key in ("scope", "name", "id")}
        answer: JsonObject = await self.api.call("GetWebACL", {key.title(): value for key, value in named.items()})
        return {key: value for key, value in answer["WebACL"].items() if key != "LockToken"}


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not _MOTO.exists():
        raise NotStarted("moto is not installed: run `.ci/real-setup` first.")
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    command = [str(REPOSITORY / ".venv" / "bin" / "python"), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    ready = answers_at(f"{url}/moto-api/data.json")
    with running(command, ready, log=folder / "moto.log", env={"PYTHONPATH": os.fspath(_MOTO)}):
        yield url


@pytest.fixture
def key(moto: str) -> Iterator[dict[str, SecretStr]]:
    """The key of a user in an empty AWS, which from here on compares signatures with those that botocore computes."""
    httpx.post(f"{moto}/moto-api/reset", trust_env=False).raise_for_status()
    made = _user(moto)
    httpx.post(f"{moto}/moto-api/reset-auth", content="0", trust_env=False).raise_for_status()
    yield made
    httpx.post(f"{moto}/moto-api/reset-auth", content="inf", trust_env=False).raise_for_status()


@pytest.fixture
async def waf(moto: str, key: dict[str, SecretStr]) -> AsyncIterator[Waf]:
    async with httpx.AsyncClient(base_url=moto, timeout=30, trust_env=False) as client:
        settings = Settings(url=moto, region=_REGION, **key)
        api = WafApi(settings, client)
        acl = {
            "Name": "assistant",
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "Description": "In front of the assistant",
            "Rules": rules(),
            "VisibilityConfig": visible("assistant"),
            "TokenDomains": ["assistant.example.com"],
        }
        blocked = {
            "Name": "blocked",
            "Scope": "REGIONAL",
            "Description": "Blocked clients",
            "IPAddressVersion": "IPV4",
            "Addresses": ["198.51.100.0/24"],
        }
        made = [await api.call("CreateWebACL", acl), await api.call("CreateIPSet", blocked)]
        rule, listed = (
            {"scope": "REGIONAL", "name": each["Summary"]["Name"], "id": each["Summary"]["Id"]}
            for each in made
            if isinstance(each, dict)
        )
        yield Waf(settings, client, {**rule, "rule": "per-client"}, listed)


def _user(moto: str) -> dict[str, SecretStr]:
    """Make a user who may use WAF, and return its key."""

    def asked(action: str, **params: str) -> str:
        scope = "Credential=AKID/20261127/us-east-1/iam/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"}
        form = {"Action": action, "Version": "2010-05-08", "UserName": "stanch", **params}
        return httpx.post(moto, data=form, headers=headers, trust_env=False).raise_for_status().text

    asked("CreateUser")
    asked("PutUserPolicy", PolicyName="waf", PolicyDocument=_POLICY)
    made = ET.fromstring(asked("CreateAccessKey"))  # noqa: S314 - the server is ours
    found = {each.tag.rpartition("}")[2]: SecretStr(each.text or "") for each in made.iter()}
    return {"access_key_id": found["AccessKeyId"], "secret_access_key": found["SecretAccessKey"]}


async def test_a_limit_goes_down_and_back_and_nothing_else_of_the_web_acl_changes(waf: Waf) -> None:
    limit, before = waf.acting(LowerLimit, waf.rule), await waf.acl()
    done = await limit.carry_out(limit=100)
    changed = await waf.acl()
    assert changed["Rules"][1]["Statement"]["RateBasedStatement"]["Limit"] == 100
    changed["Rules"][1]["Statement"]["RateBasedStatement"]["Limit"] = 2000
    assert changed == before
    await limit.undo(done)
    assert await waf.acl() == before


async def test_a_client_enters_the_set_and_leaves_it(waf: Waf) -> None:
    block = waf.acting(BlockClient, waf.blocked)
    first = await block.carry_out(client="203.0.113.7")
    second = await block.carry_out(client="203.0.113.64/26")
    assert set((await block.read())["addresses"]) == {"198.51.100.0/24", "203.0.113.7/32", "203.0.113.64/26"}
    await block.undo(second)
    await block.undo(first)
    assert set((await block.read())["addresses"]) == {"198.51.100.0/24"}


async def test_a_write_with_an_old_lock_token_is_refused(waf: Waf) -> None:
    named = {"Name": waf.blocked["name"], "Scope": "REGIONAL", "Id": waf.blocked["id"]}
    seen = await waf.api.call("GetIPSet", named)
    assert isinstance(seen, dict)
    done = await waf.acting(BlockClient, waf.blocked).carry_out(client="203.0.113.7")
    with pytest.raises(Rejected, match="WAFOptimisticLockException"):
        await waf.api.call("UpdateIPSet", {**named, "Addresses": [], "LockToken": seen["LockToken"]})
    assert await waf.acting(BlockClient, waf.blocked).read() == done.after


async def test_a_change_by_somebody_else_is_never_written_over(waf: Waf) -> None:
    limit = waf.acting(LowerLimit, waf.rule)
    done = await limit.carry_out(limit=100)
    theirs = await limit.carry_out(limit=50)
    with pytest.raises(Rejected, match="somebody else changed it"):
        await limit.undo(done)
    assert await limit.read() == theirs.after


async def test_a_web_acl_that_is_not_there_is_rejected(waf: Waf) -> None:
    with pytest.raises(Rejected):
        await waf.acting(LowerLimit, {**waf.rule, "id": "00000000-0000-4000-8000-000000000000", "name": "gone"}).read()


async def test_a_signature_of_another_key_is_refused(waf: Waf) -> None:
    wrong = waf.settings.model_copy(update={"secret_access_key": SecretStr("another")})
    with pytest.raises(AuthFailed):
        await Acting(LowerLimit(wrong, waf.client), waf.rule).read()
