"""What taking alerts in promises, on a real store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.app import load_catalog
from bot.content import Catalog
from bot.domain.alert import AlertStatus, Verdict
from bot.domain.delivery import DeliveryKind
from bot.domain.severity import Severity
from bot.domain.system import System
from bot.errors import BadCommand, Busy, InvalidTransition, StoreUnavailable
from bot.services.containments import CARRY_OUT
from bot.services.incidents import LOOK_BACK
from bot.services.intake import Intake
from bot.services.lanes import TRIAGE
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import COMMANDER, Responders


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


def unknown(number: int = 1, **changed: object) -> dict[str, object]:
    """Fields of an alert that no playbook knows."""
    name = f"DiskFull{number}"
    return {"fingerprint": name, "group_key": name, "title": name, "text": "", "labels": {"alertname": name}, **changed}


async def test_a_playbook_that_says_so_opens_one_incident_and_says_why(team: Responders) -> None:
    incident = await team.alerted()
    assert incident.severity is Severity.SEV2
    assert incident.opened_by.id == "alertmanager"
    assert "playbook harmful-output declares Sev-2 by itself" in incident.opened_why
    assert incident.milestones.detected is not None
    assert incident.milestones.detected.at == team.clock()


async def test_the_start_comes_from_the_harm_signal_and_not_from_the_alert(team: Responders) -> None:
    await team.intake.receive(team.alerts())
    opened = (await team.incidents.listed(only_open=True, limit=1))[0]
    assert opened.milestones.started is None
    await team.run_jobs(LOOK_BACK)
    looked_back = await team.incident(opened)
    assert looked_back.milestones.started is not None
    alert_began = team.alerts()[0].started_at
    assert alert_began is not None
    assert looked_back.milestones.started.at < alert_began


async def test_a_repeat_adds_nothing_but_a_count(team: Responders) -> None:
    first = team.alerts()
    await team.intake.receive(first)
    async with team.store.begin() as tx:
        before = await tx.deliveries.waiting(TRIAGE)
    team.clock.advance(timedelta(minutes=4))
    await team.intake.receive([alert.changed(received_at=team.clock()) for alert in first])
    incidents = await team.incidents.listed(only_open=False, limit=10)
    assert len(incidents) == 1
    assert await team.timeline(incidents[0]) == ["incident.declared", "alerts.received"]
    async with team.store.begin() as tx:
        assert await tx.deliveries.waiting(TRIAGE) == before
        assert [group.received for group in await tx.alerts.groups_of(incidents[0].id)] == [2]


async def test_a_resolved_alert_updates_its_card_and_incident(team: Responders) -> None:
    first = team.alerts()
    await team.intake.receive(first)
    resolved = [alert.changed(status=AlertStatus.RESOLVED, received_at=team.clock()) for alert in first]
    await team.intake.receive(resolved)
    incident = (await team.incidents.listed(only_open=True, limit=1))[0]
    async with team.store.begin() as tx:
        (group,) = await tx.alerts.groups_of(incident.id)
    assert (group.firing, group.resolved) == (0, 1)
    assert await team.timeline(incident) == ["incident.declared", "alerts.received", "alerts.received"]


async def test_an_alert_that_no_playbook_knows_waits_for_a_person(team: Responders) -> None:
    await team.intake.receive(team.alerts(**unknown()))
    assert await team.incidents.listed(only_open=False, limit=10) == []
    async with team.store.begin() as tx:
        waiting = await tx.deliveries.waiting(TRIAGE)
    assert waiting is not None
    assert waiting.kind is DeliveryKind.ALERT_CARD


async def _card_subject(team: Responders) -> str:
    async with team.store.begin() as tx:
        waiting = await tx.deliveries.waiting(TRIAGE)
    assert waiting is not None
    return waiting.subject


async def test_a_person_declares_an_alert_once(team: Responders) -> None:
    await team.intake.receive(team.alerts(**unknown()))
    group_id = await _card_subject(team)
    incident = await team.incidents.declare_group(COMMANDER, group_id)  # type: ignore[arg-type]
    assert incident.opened_by == COMMANDER
    with pytest.raises(InvalidTransition, match="INC-1 is open for this alert"):
        await team.incidents.declare_group(COMMANDER, group_id)  # type: ignore[arg-type]


async def test_an_alert_that_is_not_actionable_says_who_decided(team: Responders) -> None:
    await team.intake.receive(team.alerts(**unknown()))
    group_id = await _card_subject(team)
    group = await team.incidents.dismiss_group(COMMANDER, group_id, "a test rule")  # type: ignore[arg-type]
    assert group.verdict is Verdict.NOT_ACTIONABLE
    assert group.verdict_by == COMMANDER.id
    with pytest.raises(InvalidTransition, match="already"):
        await team.incidents.dismiss_group(COMMANDER, group_id, "again")  # type: ignore[arg-type]


async def test_an_alert_with_an_incident_cannot_be_dismissed(team: Responders) -> None:
    incident = await team.alerted()
    async with team.store.begin() as tx:
        (group,) = await tx.alerts.groups_of(incident.id)
    with pytest.raises(InvalidTransition, match="resolve the incident instead"):
        await team.incidents.dismiss_group(COMMANDER, group.id, "noise")


async def test_an_alert_that_still_fires_does_not_reopen_what_was_resolved(team: Responders) -> None:
    first = team.alerts()
    await team.intake.receive(first)
    incident = (await team.incidents.listed(only_open=True, limit=1))[0]
    await team.incidents.attest_mitigated(COMMANDER, incident.id, "nobody complains any more")
    await team.incidents.resolve(COMMANDER, incident.id)
    await team.intake.receive([alert.changed(received_at=team.clock()) for alert in first])
    assert len(await team.incidents.listed(only_open=False, limit=10)) == 1


async def test_harm_that_begins_anew_after_the_resolution_is_a_new_incident(team: Responders) -> None:
    await team.intake.receive(team.alerts())
    incident = (await team.incidents.listed(only_open=True, limit=1))[0]
    await team.incidents.attest_mitigated(COMMANDER, incident.id, "nobody complains any more")
    await team.incidents.resolve(COMMANDER, incident.id)
    team.clock.advance(timedelta(hours=3))
    await team.intake.receive(team.alerts())
    assert [each.number for each in await team.incidents.listed(only_open=False, limit=10)] == [2, 1]


async def test_a_storm_opens_one_incident_and_tells_it_in_few_events(team: Responders) -> None:
    deliveries = [team.alerts(fingerprint=f"f{number}") for number in range(40)]
    await asyncio.gather(*(team.intake.receive(alerts) for alerts in deliveries))
    (incident,) = await team.incidents.listed(only_open=False, limit=10)
    async with team.store.begin() as tx:
        (group,) = await tx.alerts.groups_of(incident.id)
    assert (group.firing, group.received) == (40, 40)
    assert len(await team.timeline(incident)) <= 4


async def test_one_delivery_that_cannot_be_stored_does_not_fail_the_others(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    class Picky(Catalog):
        def system_for(self, labels: dict[str, str]) -> System | None:
            if "poison" in labels:
                raise BadCommand("these labels cannot be stored")
            return super().system_for(labels)

    shipped = load_catalog(None)
    picky = Picky(**vars(shipped))
    team = Responders(store, clock, enqueued, picky)
    good, bad = team.alerts(), team.alerts(labels={"poison": "yes"}, fingerprint="poison")
    outcomes = await asyncio.gather(
        team.intake.receive(good), team.intake.receive(bad), team.intake.receive(good), return_exceptions=True
    )
    await team.stop()
    assert [type(outcome) for outcome in outcomes] == [type(None), BadCommand, type(None)]
    assert len(await team.incidents.listed(only_open=False, limit=10)) == 1


async def test_too_many_waiting_alerts_are_sent_back_with_a_time(team: Responders) -> None:
    team.intake = Intake(team.store, team.catalog, team.incidents, team.clock, max_waiting=5)
    alert = team.alerts()[0]
    outcomes = await asyncio.gather(*(team.intake.receive([alert] * 2) for _ in range(5)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert [type(outcome) for outcome in refused] == [Busy, Busy]
    assert all(outcome.retry_after == timedelta(seconds=5) for outcome in refused if isinstance(outcome, Busy))


async def test_nothing_is_acknowledged_while_the_database_is_away(clock: Clock, enqueued: list[Enqueued]) -> None:
    away = Store("postgresql://nobody@127.0.0.1:1/nothing", now=clock, enqueue=_refuse)
    team = Responders(away, clock, enqueued)
    with pytest.raises(StoreUnavailable):
        await team.intake.receive(team.alerts())
    await team.stop()
    await away.close()


async def _refuse(*_: object) -> None:
    raise AssertionError(CARRY_OUT)
