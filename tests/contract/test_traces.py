"""Traces reach a collector whole, never hold up or disturb what they tell of, and cost nothing where none is set."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import logs, tracing
from bot.domain.containment import ContainmentState
from bot.errors import NotPermitted, Unavailable
from bot.otlp import Otlp
from bot.serving import WebServer
from bot.store.sql import Store
from bot.trace_settings import TraceSettings
from bot.tracing import Kind
from tests.builders import Clock
from tests.collector import Collector, running_collector
from tests.conftest import Enqueued
from tests.contract.workspace_fixtures import eventually
from tests.responders import Responders

ROOT = Path(__file__).resolve().parents[2]
CREDENTIAL = "made-up-collector-credential"
TRANSACTION = "store.transaction"
THEIRS = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with running_collector() as running:
        yield running


@pytest.fixture
async def nowhere() -> str:
    """An address at which nothing listens."""
    free = WebServer("127.0.0.1", 0)
    await free.stop()
    return free.url


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have spans sent as soon as they ended, and nobody told of any once the test is over."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    yield
    tracing.use(None)


def told_to(url: str) -> Otlp:
    """Have this process's spans told to a collector."""
    headers = {"authorization": SecretStr(f"Bearer {CREDENTIAL}")}
    tracer = Otlp(TraceSettings(f"{url}/v1/traces", headers, "stanch"), "one")
    tracing.use(tracer)
    return tracer


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(":")[0] for record in caplog.records if "traces." in record.getMessage()]


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


async def test_a_containment_shows_each_step_with_the_vendor_calls_in_it(
    team: Responders, collector: Collector
) -> None:
    incident = await team.alerted()
    tracer = told_to(collector.url)
    with tracing.span("planning"):
        planned = await team.planned(incident)
    await team.approved(planned)
    with tracing.span("carrying out"):
        done = await team.carried_out(planned)
    await tracer.stop()

    assert done.state is ContainmentState.VERIFIED
    (planning,), (carrying_out,) = collector.named("planning"), collector.named("carrying out")
    read = ["containment.read", "unleash read flag"]
    assert collector.tree(planning, without=TRANSACTION) == ["planning", ["containment.plan", read]]
    steps = [told for told in collector.within(carrying_out) if told.name.startswith("containment.")]
    assert [told.name for told in steps] == ["containment.read", "containment.apply", "containment.verify"]
    for step in steps:
        calls = collector.within(step)
        assert {told.kind for told in calls} == {"client"}
        assert {told.attributes["stanch.integration"] for told in calls} == {"unleash"}
        assert {told.attributes["http.response.status_code"] for told in calls} == {200}
        assert step.attributes["stanch.incident"] == planned.plan.incident_id
        assert step.attributes["stanch.containment"] == planned.id
        assert step.attributes["stanch.action"] == "unleash.roll_back_variation"
    assert len(collector.named(TRANSACTION)) > len(steps)
    assert {told.trace for told in collector.spans} == {planning.trace, carrying_out.trace}


async def test_a_vendor_that_refuses_shows_by_the_kind_of_error_and_nothing_that_it_said(
    team: Responders, collector: Collector
) -> None:
    planned = await team.approved(await team.planned(await team.alerted()))
    await team.vendor_fails("401", times=9)
    tracer = told_to(collector.url)
    with tracing.span("carrying out"):
        await team.carried_out(planned)
    await tracer.stop()
    (applying,) = collector.named("containment.apply")
    (refused,) = [told for told in collector.within(applying) if told.failed]
    assert (applying.failed, applying.attributes["error.type"]) == (True, "AuthFailed")
    assert refused.attributes["http.response.status_code"] == 401
    assert b"refused" not in b"".join(collector.bodies)


async def test_what_runs_at_once_is_told_where_it_belongs(collector: Collector) -> None:
    async def work(name: str) -> None:
        with tracing.span(name):
            await asyncio.sleep(0)
            await asyncio.gather(part(f"{name}, first part"), part(f"{name}, second part"))

    async def part(name: str) -> None:
        with tracing.span(name):
            await asyncio.sleep(0)

    tracer = told_to(collector.url)
    await asyncio.gather(work("one"), work("two"))
    await tracer.stop()
    for name in ("one", "two"):
        (root,) = collector.named(name)
        assert collector.tree(root) == [name, f"{name}, first part", f"{name}, second part"]
        assert root.parent == ""


async def test_a_refusal_to_a_person_is_no_failure(collector: Collector) -> None:
    tracer = told_to(collector.url)
    with pytest.raises(NotPermitted), tracing.span("approve"):
        raise NotPermitted("You asked for this plan.")
    with pytest.raises(Unavailable), tracing.span("read"):
        raise Unavailable("unleash", "read", "no answer")
    await tracer.stop()
    (asked,), (read,) = collector.named("approve"), collector.named("read")
    assert (asked.failed, asked.attributes["error.type"]) == (False, "NotPermitted")
    assert (read.failed, read.attributes["error.type"]) == (True, "Unavailable")


async def test_a_call_outside_of_any_work_is_not_told(collector: Collector) -> None:
    tracer = told_to(collector.url)
    with tracing.call("unleash read feature"):
        pass
    with tracing.span("work"):
        pass
    await tracer.stop()
    assert [told.name for told in collector.spans] == ["work"]


async def test_spans_and_log_lines_name_each_other(collector: Collector) -> None:
    tracer = told_to(collector.url)
    with logs.about(request="r1"), tracing.span("work"):
        logged = logs.names()
    await tracer.stop()
    (told,) = collector.spans
    assert logged == {"request": "r1", "trace_id": told.trace}
    assert told.attributes == {"stanch.request": "r1"}


async def test_text_from_outside_is_cut_and_never_costs_the_batch(collector: Collector) -> None:
    tracer = told_to(collector.url)
    with tracing.span("work", {"stanch.channel": "C" * 10_000, "stanch.source": "half a pair \ud83d"}):
        pass
    await tracer.stop()
    (told,) = collector.spans
    assert told.attributes == {"stanch.channel": "C" * 200, "stanch.source": "half a pair ?"}


async def test_the_collector_is_told_who_sends_and_with_which_credential(collector: Collector) -> None:
    tracer = told_to(collector.url)
    with tracing.span("work"):
        pass
    await tracer.stop()
    assert [headers["authorization"] for headers in collector.headers] == [f"Bearer {CREDENTIAL}"]
    (resource,) = collector.resources
    assert (resource["service.name"], resource["service.instance.id"]) == ("stanch", "one")
    assert CREDENTIAL.encode() not in b"".join(collector.bodies)


async def test_a_trace_that_a_caller_began_is_gone_on_with(collector: Collector) -> None:
    tracer = told_to(collector.url)
    with tracing.apart("work", kind=Kind.SERVER, within=f"00-{THEIRS}-b7ad6b7169203331-01"):
        pass
    await tracer.stop()
    (told,) = collector.spans
    assert (told.trace, told.parent) == (THEIRS, "b7ad6b7169203331")


@pytest.mark.parametrize(
    "traceparent",
    [
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{THEIRS}-{'0' * 16}-01",
        f"ff-{THEIRS}-b7ad6b7169203331-01",
        f"00-{THEIRS}-b7ad6b7169203331-01-",
        "\ud83d" * 5_000,
        "",
    ],
)
async def test_what_is_no_trace_begins_one(collector: Collector, traceparent: str) -> None:
    tracer = told_to(collector.url)
    with tracing.apart("work", kind=Kind.SERVER, within=traceparent):
        pass
    await tracer.stop()
    (told,) = collector.spans
    assert (told.trace != THEIRS, told.parent) == (True, "")


async def test_a_collector_that_is_away_is_told_of_once_and_disturbs_nothing(
    nowhere: str, team: Responders, caplog: pytest.LogCaptureFixture
) -> None:
    tracer = told_to(nowhere)
    with tracing.span("work"):
        done = await team.carried_out(await team.approved(await team.planned(await team.alerted())))
    begun = time.monotonic()
    await tracer.stop()
    assert time.monotonic() - begun < 4
    assert done.state is ContainmentState.VERIFIED
    assert len(said(caplog)) <= 2
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


async def test_spans_that_are_refused_are_told_of_once_and_once_when_they_get_through(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collector.status = 401
    tracer = told_to(collector.url)
    for sent in (1, 2, 3):
        with tracing.span("work"):
            pass
        await eventually(lambda sent=sent: collector.posted == sent)  # type: ignore[misc]
    collector.status = 200
    with tracing.span("work"):
        pass
    await eventually(lambda: len(said(caplog)) == 2)
    await tracer.stop()
    assert said(caplog) == ["traces.lost", "traces.resumed"]
    lost, resumed = (record.getMessage() for record in caplog.records if "traces." in record.getMessage())
    assert "401" in lost
    assert "3 were lost" in resumed
    assert CREDENTIAL not in caplog.text
    assert len(collector.spans) == 1


async def test_a_collector_that_hangs_holds_up_neither_the_work_nor_the_stop(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.open.clear()
    tracer = told_to(collector.url)
    begun = time.monotonic()
    for _ in range(5_000):
        with tracing.span("work"):
            pass
    await eventually(lambda: collector.posted == 1)
    await tracer.stop()
    assert time.monotonic() - begun < 6
    assert said(caplog)[-1:] == ["traces.unsent"]


_ALONE = """
import asyncio, json, os, sys
from datetime import UTC, datetime
from bot.__main__ import main
from bot.app import Application
from bot.settings import read_settings

async def run():
    stanch = Application(read_settings(os.environ), lambda: datetime.now(UTC))
    await stanch.start()
    await stanch.stop()

asyncio.run(run())
print(json.dumps([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]))
"""


def test_without_an_endpoint_nothing_of_the_sdk_is_even_imported(sqlite_url: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("STANCH_", "OTEL_"))} | {
        "STANCH_DATABASE_URL": sqlite_url,
        "STANCH_SLACK_BOT_TOKEN": "xoxb-1",
        "STANCH_SLACK_SIGNING_SECRET": "made-up-signing-secret",
        "STANCH_TIMELINE_KEY": "made-up-timeline-key",
        "STANCH_PORT": "0",
    }
    ended = subprocess.run(
        [sys.executable, "-c", _ALONE], cwd=ROOT, env=variables, check=True, capture_output=True, text=True
    )
    assert ended.stdout.splitlines()[-1] == "[]", ended.stderr
