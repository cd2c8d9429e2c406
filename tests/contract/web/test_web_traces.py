"""Who shows a credential is traced, in the trace that it asks for; a stranger is not, whatever it asks for."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bot import tracing
from bot.otlp import Otlp
from bot.trace_settings import TraceSettings
from tests.collector import Collector, running_collector
from tests.contract.web.conftest import ALERT_TOKEN, API_TOKEN, Client
from tests.contract.web.test_web_alerts import sent, webhook

THEIRS = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = {"traceparent": f"00-{THEIRS}-b7ad6b7169203331-01"}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with running_collector() as running:
        yield running


@pytest.fixture
def tracer(collector: Collector) -> Iterator[Otlp]:
    started = Otlp(TraceSettings(f"{collector.url}/v1/traces", {}, "stanch"), "one")
    tracing.use(started)
    yield started
    tracing.use(None)


async def asked(client: Client, path: str, token: str = API_TOKEN) -> httpx.Response:
    return await client.get(path, headers={"Authorization": f"Bearer {token}", **TRACEPARENT})


async def alerted(client: Client, body: bytes, token: str = ALERT_TOKEN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", **TRACEPARENT}
    return await client.post("/alerts/alertmanager", content=body, headers=headers)


async def test_an_alert_goes_on_with_the_trace_of_its_sender(
    client: Client, tracer: Otlp, collector: Collector
) -> None:
    assert (await alerted(client, webhook(sent()))).status_code == 200
    await tracer.stop()
    (taken,) = collector.named("POST /alerts/{source}")
    assert (taken.trace, taken.parent, taken.kind, taken.failed) == (THEIRS, "b7ad6b7169203331", "server", False)
    assert taken.attributes["http.route"] == "/alerts/{source}"
    assert taken.attributes["http.response.status_code"] == 200
    assert taken.attributes["stanch.request"]
    assert collector.tree(taken) == [taken.name, ["store.transaction", "incident.open"]]
    assert b"Support assistant gives harmful answers" not in b"".join(collector.bodies)


async def test_a_question_to_the_api_is_told_by_its_route_and_status(
    client: Client, tracer: Otlp, collector: Collector
) -> None:
    assert (await asked(client, "/api/v1/incidents/7")).status_code == 404
    await tracer.stop()
    (answered,) = collector.named("GET /api/v1/incidents/{number}")
    assert (answered.trace, answered.attributes["http.response.status_code"], answered.failed) == (THEIRS, 404, False)


async def test_a_database_that_is_away_shows_as_a_failure(
    client_without_database: Client, tracer: Otlp, collector: Collector
) -> None:
    assert (await alerted(client_without_database, webhook(sent()))).status_code == 503
    await tracer.stop()
    (taken,) = collector.named("POST /alerts/{source}")
    assert (taken.failed, taken.attributes["error.type"]) == (True, "503")
    (transaction,) = collector.within(taken)
    assert (transaction.failed, transaction.attributes["error.type"]) == (True, "StoreUnavailable")


async def test_strangers_and_probes_leave_no_trace(client: Client, tracer: Otlp, collector: Collector) -> None:
    wrong = "a-token-that-was-guessed"
    answers = [
        await alerted(client, webhook(sent()), wrong),
        await asked(client, "/api/v1/incidents", wrong),
        await asked(client, "/healthz"),
        await asked(client, "/metrics"),
        await asked(client, "/nothing/here"),
    ]
    assert [each.status_code for each in answers] == [401, 401, 200, 200, 404]
    await tracer.stop()
    assert collector.spans == []
