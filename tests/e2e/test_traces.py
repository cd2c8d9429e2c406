"""A whole Stanch tells a collector what it did, from the alert to the effect, and keeps to itself what people wrote."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from bot import logs
from bot.demo import story
from bot.workspace.seed import DEFAULT_SEED
from tests.collector import Collector, Told, running_collector
from tests.contract.workspace_fixtures import eventually
from tests.e2e.conftest import ALERT_TOKEN, ROLL_BACK, TRIAGE, Scene

TRANSACTION = "store.transaction"
CREDENTIAL = "made-up-collector-credential"
SECRETS = (
    DEFAULT_SEED.app.bot_token,
    DEFAULT_SEED.app.app_token,
    ALERT_TOKEN,
    CREDENTIAL,
    "made-up-timeline-key",
    "*:*.simulated",
)
WRITTEN = ("harmful advice since v42", story.GOOD_PROMPT, "U0COMMANDER", "U0RESPONDER", "who is this about")


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    async with running_collector() as running:
        yield running


@pytest.fixture
def more_settings(collector: Collector) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-collector-key={CREDENTIAL}",
        "OTEL_SERVICE_NAME": "stanch-in-a-test",
    }


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What is logged, as JSON lines."""
    kept = [(each, each.handlers, each.level, each.propagate) for each in map(logging.getLogger, ("", "dbos", "httpx"))]
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    yield stream
    for logger, handlers, level, propagate in kept:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


async def told(collector: Collector, name: str) -> Told:
    """Return the first span of a name as soon as it has arrived."""
    await eventually(lambda: bool(collector.named(name)), within=20)
    return collector.named(name)[0]


async def test_the_way_from_an_alert_to_a_verified_containment(scene: Scene, collector: Collector) -> None:
    channel = await scene.incident()
    await scene.commander.command(channel, "/incident severity sev1 who is this about")
    card = await scene.contained(channel)
    await scene.commander.press("Undo", message=card)

    taken = await told(collector, "POST /alerts/{source}")
    (transaction,) = collector.within(taken)[:1]
    opened = await told(collector, "incident.open")
    assert (opened.trace, opened.parent) == (taken.trace, transaction.id)
    deliveries = [each for each in collector.within(taken) if each.name == "delivery.send"]
    kinds = {str(each.attributes["stanch.delivery.kind"]) for each in deliveries}
    assert {"alert_card", "incident_channel", "incident_card"} <= kinds
    card_key = f"incident_card:{opened.attributes['stanch.incident']}"
    sent = next(each for each in deliveries if each.attributes["stanch.delivery"] == card_key)
    assert "slack chat.postMessage" in {each.name for each in collector.within(sent)}

    await told(collector, "slack button runbook.plan")
    planned = await told(collector, "containment.plan")
    form = next(each for each in collector.spans if each.id == planned.parent)
    assert form.name == "slack form plan.submit"

    approved = await told(collector, "slack button containment.approve")
    carried_out = await told(collector, "job containment.carry_out")
    assert carried_out.trace != approved.trace
    (cause,) = carried_out.causes
    assert cause in {each.id for each in collector.spans if each.trace == approved.trace}
    assert carried_out.attributes["stanch.job"] == "containment.carry_out"
    steps = [each for each in collector.within(carried_out) if each.name != TRANSACTION]
    preserved, written = steps[:3], steps[3:]
    assert {each.name for each in preserved} == {"evidence.read"}
    assert {each.attributes["stanch.evidence"] for each in preserved} == {
        "target_state",
        "signal_readings",
        "alerts_received",
    }
    assert [each.name for each in written] == ["containment.read", "containment.apply", "containment.verify"]
    assert all(collector.within(each)[0].attributes["stanch.integration"] == "unleash" for each in written)
    watched = await told(collector, "job containment.watch")
    assert "prometheus query_range" in {each.name for each in collector.within(watched)}

    severity = await told(collector, "slack command severity")
    assert (severity.kind, severity.parent) == ("server", "")
    await told(collector, "slack button containment.undo")
    assert {resource["service.name"] for resource in collector.resources} == {"stanch-in-a-test"}
    assert {headers["x-collector-key"] for headers in collector.headers} == {CREDENTIAL}
    exported = b"".join(collector.bodies)
    assert [each for each in (*SECRETS, *WRITTEN) if each.encode() in exported] == []


async def test_what_is_logged_for_a_request_from_slack_names_it_and_its_trace(
    said: io.StringIO, scene: Scene, collector: Collector
) -> None:
    await scene.workspace.fail(kind="answer", method="views.update", status=500, calls=2)
    channel = await scene.incident()
    await scene.responder.press("Plan", channel=channel, containing=ROLL_BACK)
    await scene.responder.wait_for_view(containing="One moment")
    await eventually(lambda: "slack.answer_lost" in said.getvalue(), within=20)
    line = next(json.loads(each) for each in said.getvalue().splitlines() if "slack.answer_lost" in each)
    pressed = await told(collector, "slack button runbook.plan")
    assert line["request"] == pressed.attributes["stanch.request"]
    assert line["trace_id"] == pressed.trace
    assert TRIAGE not in line["channel"]
