"""The web as it is served, asked for everything that its OpenAPI document allows, and for what it does not."""

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import positive_data_acceptance
from schemathesis.config import SchemathesisConfig

from bot.serving import WebServer
from bot.store.sql import Store
from bot.web.app import create_web
from tests.builders import RESPONDER, Clock
from tests.contract.web.conftest import ALERT_TOKEN, API_TOKEN, parts_on
from tests.contract.web.test_web_alerts import sent, webhook
from tests.contract.web.test_web_api import API, AUTHORIZED, add_story
from tests.effort import examples
from tests.hostile import ANY_JSON, TEXTS, as_json, spoiled


async def _forget(*_: object) -> None:
    """Enqueue nothing: no job is run here."""


# Described by an app whose database is never opened: tests are made of the document before there is anything to ask.
UNOPENED = create_web(parts_on(Store("sqlite:///unopened.sqlite", now=Clock(), enqueue=_forget), Clock()))
# A body that is too large is refused as such, before anybody asks what else is wrong with it.
REFUSALS = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
CONFIG = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
schema = schemathesis.openapi.from_dict(UNOPENED.openapi(), config=CONFIG)


@schema.hook
def filter_query(_: schemathesis.HookContext, query: dict[str, object] | None) -> bool:
    """Leave out what has no spelling in an address: it would not be sent, and nothing is wrong with what is."""
    return all(value not in (None, [], {}) for value in (query or {}).values())


@asynccontextmanager
async def serving(database_url: str) -> AsyncIterator[tuple[str, str]]:
    """Serve the web on a store that has an incident; yield the address and a personal token."""
    clock = Clock()
    store = Store(database_url, now=clock, enqueue=_forget)
    await store.open()
    await add_story(store)
    server = WebServer("127.0.0.1", 0)
    parts = parts_on(store, clock)
    await server.start(create_web(parts))
    yield server.url, (await parts.tokens.issue(RESPONDER))[1]
    await server.stop()
    await store.close()


@contextmanager
def served(database_url: str) -> Iterator[tuple[str, str]]:
    """Serve it from a loop in a thread of its own: what asks is not asynchronous."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="served")
    thread.start()
    web = serving(database_url)
    try:
        yield asyncio.run_coroutine_threadsafe(web.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(web.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def installation(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    file = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("fuzz") / "stanch.sqlite")
    with served(f"sqlite:///{file}") as at:
        yield at


@pytest.fixture(scope="module")
def url(installation: tuple[str, str]) -> str:
    return installation[0]


@pytest.fixture(scope="module")
def personal_token(installation: tuple[str, str]) -> str:
    return installation[1]


@pytest.fixture(scope="module")
def anybody(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


@schema.parametrize()
@settings(max_examples=examples(10), suppress_health_check=list(HealthCheck))
def test_with_a_credential_and_without_every_answer_is_as_described(
    case: schemathesis.Case, url: str, personal_token: str
) -> None:
    takes_alerts = case.path.startswith("/alerts/")
    acts = case.method == "POST" and not takes_alerts
    # What a body must look like is the vendor's to say, and whether a step fits where things stand is Stanch's: the
    # document cannot tell which ones are accepted.
    excluded = [positive_data_acceptance] if takes_alerts or acts else []
    token = ALERT_TOKEN if takes_alerts else personal_token if acts or "/runbooks/" in case.path else API_TOKEN
    case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {token}"}, excluded_checks=excluded)
    case.call_and_validate(base_url=url)


HONEST = st.builds(
    lambda summary, labels, count: json.loads(
        webhook(*[sent(f"f{n}", annotations={"summary": summary}, labels=labels) for n in range(count)])
    ),
    TEXTS,
    st.dictionaries(TEXTS, TEXTS, max_size=3) | st.just({"alertname": "HarmfulAnswers"}),
    st.integers(0, 3),
)


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.binary() | ANY_JSON.map(as_json) | spoiled(HONEST).map(as_json) | HONEST.map(as_json))
def test_any_delivery_is_stored_or_refused_and_what_was_stored_can_be_read(anybody: httpx.Client, body: bytes) -> None:
    answer = anybody.post("/alerts/alertmanager", content=body, headers={"Authorization": f"Bearer {ALERT_TOKEN}"})
    assert answer.status_code in {200, 400}, answer.text
    assert set(answer.json()) == ({"alerts"} if answer.is_success else {"error", "message"})
    if not answer.json().get("alerts"):
        return
    listed = anybody.get(API, params={"limit": 1}, headers=AUTHORIZED)
    assert listed.status_code == 200, listed.text
    newest = listed.json()["incidents"][0]["number"]
    assert anybody.get(f"{API}/{newest}", headers=AUTHORIZED).status_code == 200
    assert anybody.get(f"{API}/{newest}/review", headers=AUTHORIZED).status_code == 200


HEADER_BYTES = st.binary(max_size=40).map(lambda drawn: bytes(byte for byte in drawn if byte > 32 and byte != 127))


@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT", "TRACE"]),
    st.sampled_from(["/alerts/alertmanager", "/alerts/", API, f"{API}/", "/healthz", "/openapi.json", "/"]),
    st.binary(max_size=20).map(lambda drawn: "".join(f"%{byte:02X}" for byte in drawn)),
    st.dictionaries(st.sampled_from([b"Authorization", b"Content-Type", b"Content-Encoding", b"Accept"]), HEADER_BYTES),
)
def test_no_address_and_no_header_breaks_it(
    anybody: httpx.Client, method: str, path: str, more: str, headers: dict[bytes, bytes]
) -> None:
    for address in (f"{path}{more}", f"{path}/{more}", f"{path}?{more}={more}"):
        assert anybody.request(method, address, headers=headers).status_code < 500
