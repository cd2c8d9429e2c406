"""The campaign's eyes: what must not happen is noticed when it does, or its zeros would mean nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.delivery import DeliveryKind
from bot.domain.timeline import TimelineEvent, append
from bot.domain.values import JsonObject
from bot.store.sql import Store
from bot.store.world import SimulatedWorld
from bot.workspace.client import Person
from tests.builders import INCIDENT_ID, NOW, fact, incident
from tests.chaos.audit import Audit, disorder
from tests.chaos.channels import Channels
from tests.chaos.record import Record
from tests.chaos.report import Report

_NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def audit(store: Store, database_url: str) -> AsyncIterator[Audit]:
    async with Person(_NOWHERE, "commander") as reader:
        record, channels = Record(database_url), Channels(_NOWHERE, reader)
        yield Audit(record, channels, "ai-alerts")
        record.close()
        await channels.close()


def _write(number: int, before: str, after: str) -> JsonObject:
    return {"id": number, "preData": before, "data": after}


async def _vendor_logs(store: Store, *events: JsonObject) -> None:
    await SimulatedWorld(store, scope="live").change("unleash", lambda _: {"events": list(events)})


async def test_an_alert_that_was_promised_and_is_not_stored_is_lost(audit: Audit) -> None:
    assert await audit.alerts_lost(frozenset()) == []
    assert await audit.alerts_lost(frozenset({"f00d"})) == ["alert f00d was promised and is not stored"]


async def test_a_write_that_nobody_planned_is_noticed(store: Store, audit: Audit) -> None:
    await _vendor_logs(store)
    assert await audit.writes_doubled() == []
    await _vendor_logs(store, _write(1, "v42", "v41"))
    assert await audit.writes_doubled() == ["1 writes of 0 changes"]


async def test_a_write_that_repeats_another_is_noticed(store: Store, audit: Audit) -> None:
    await _vendor_logs(store, _write(1, "v42", "v41"), _write(2, "v41", "v41"), _write(3, "v42", "v41"))
    assert await audit.writes_doubled() == [
        "3 writes of 0 changes",
        "write 2 changed nothing",
        "write 3 does not follow from write 2",
    ]


async def test_an_incident_that_nobody_resolved_is_unsettled(audit: Audit) -> None:
    assert await audit.unsettled(incident()) == ["INC-1 is open"]


async def test_a_delivery_that_was_not_made_is_still_owed(store: Store, audit: Audit) -> None:
    async with store.begin() as tx:
        await tx.deliveries.want(DeliveryKind.ALERT_CARD, "triage", "group-1")
    assert await audit.owed() == ["alert_card:group-1 is owed after 0 attempts: "]


def _events(*kinds: str) -> list[TimelineEvent]:
    events: list[TimelineEvent] = []
    for number, kind in enumerate(kinds):
        told = fact(kind=kind, payload={"containment": "c-1"})
        last = events[-1] if events else None
        events.append(append(INCIDENT_ID, last, told, recorded_at=NOW, salt=f"{number:032x}"))
    return events


def test_a_containment_that_is_verified_before_it_is_applied_is_out_of_order() -> None:
    assert disorder(_events("plan.approved", "change.applied", "containment.verified")) == []
    assert disorder(_events("containment.verified", "change.applied")) == [
        "event 2 change.applied comes after containment.verified"
    ]


def test_a_clock_that_goes_back_on_a_timeline_is_noticed() -> None:
    first, second = _events("plan.approved", "change.applied")
    back = second.changed(recorded_at=NOW - timedelta(seconds=1))
    assert disorder([first, back]) == ["event 2 was recorded before event 1"]


def test_one_wrong_sentence_makes_a_report_wrong() -> None:
    assert Report("--seed 1").is_as_it_must_be
    report = Report("--seed 1")
    report.wrong["alerts lost"].append("alert f00d was promised and is not stored")
    assert not report.is_as_it_must_be
    assert "WRONG alert f00d was promised and is not stored" in report.table()


def test_a_private_answer_may_be_doubled_once_a_kill() -> None:
    report = Report("--seed 1", private_doubled=1)
    assert not report.is_as_it_must_be
    report.done["kills"] = 1
    assert report.is_as_it_must_be
