"""Evidence first: what a change may destroy is preserved before it is written, or a person says why not."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.timeline import chain_problems
from bot.domain.values import IncidentId
from bot.errors import EvidenceAltered, InvalidTransition, NotFound, NotPermitted
from bot.services.people import People
from bot.services.resumptions import Resumptions
from bot.services.retention import Retention
from bot.store.mapping import table_of
from bot.store.sql import Store
from bot.store.tables import EvidenceRow
from tests import builders
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.contract.test_retention import NoJobs
from tests.responders import COMMANDER, RESPONDER, ROLL_BACK, SWITCH_OFF, Members, Responders

BAD_PROMPT = {"v41": 0, "v42": 1000}
TITLES = ["State of the target prompt at unleash", "Readings of the signal harm_rate", "The alerts as received"]


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


@pytest.fixture
def resumptions(team: Responders) -> Resumptions:
    return Resumptions(team.store, team.catalog, People(Members(), lambda: team.catalog.policy), team.clock)


async def kept(team: Responders, incident: Incident) -> list[Evidence]:
    async with team.store.begin() as tx:
        return list(await tx.evidence.of_incident(incident.id))


async def documents(team: Responders, incident: Incident) -> dict[str, Any]:
    """The preserved documents by title, each checked against the hash on the timeline."""
    found = {}
    for each in await kept(team, incident):
        async with team.store.begin() as tx:
            content = await tx.evidence.content(each.id)
            events = await tx.timeline.events(incident.id)
        told = next(event.content for event in events if event.content and each.id in str(event.content))
        assert told["payload"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert len(content) == each.size
        found[each.title] = json.loads(content)
    return found


async def the_target_cannot_be_read(team: Responders, times: int) -> None:
    await team.vendor_fails("500", times=times, on="all")


async def stopped_for_evidence(team: Responders) -> tuple[Incident, Containment]:
    incident = await team.alerted()
    planned = await team.approved(await team.planned(incident))
    await the_target_cannot_be_read(team, 10_000)
    return incident, await team.carried_out(planned)


async def test_a_plan_says_what_will_be_preserved(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    assert [item.title for item in planned.plan.evidence] == TITLES
    assert await kept(team, await team.incidents.numbered(1)) == []


async def test_what_the_target_held_is_preserved_before_it_is_written(team: Responders) -> None:
    incident = await team.alerted()
    done = await team.carried_out(await team.approved(await team.planned(incident)))
    assert done.state is ContainmentState.VERIFIED

    preserved = await documents(team, incident)
    assert sorted(preserved) == sorted(TITLES)
    state, readings, alerts = (preserved[title] for title in TITLES)
    assert state["content"] == done.plan.changes[0].before
    assert state["incident"] == "INC-1"
    assert max(sample["value"] for sample in readings["content"]) > 1
    assert [each["alert"]["fingerprint"] for each in alerts["content"]] == [team.alerts()[0].fingerprint]

    kinds = await team.timeline(incident)
    assert kinds.count("evidence.preserved") == 3
    assert kinds.index("evidence.preserved") < kinds.index("change.applied")


async def test_the_go_ahead_is_the_custody(team: Responders) -> None:
    incident = await team.alerted()
    await team.carried_out(await team.approved(await team.planned(incident)))
    assert {each.preserved_by for each in await kept(team, incident)} == {COMMANDER}


async def test_two_processes_preserve_once(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.approved(await team.planned(incident))
    await team.execution.advance(planned.id)
    for _ in range(3):
        await team.execution.advance(planned.id)
    await team.carried_out(planned)
    assert len(await kept(team, incident)) == 3


async def test_a_vendor_that_comes_back_within_half_a_minute_delays_it_only(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.approved(await team.planned(incident))
    await the_target_cannot_be_read(team, 4)
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert done.unpreserved_since is None or done.preserved
    assert sorted(await documents(team, incident)) == sorted(TITLES)


async def test_what_cannot_be_preserved_stops_it_with_nothing_written_and_the_rest_kept(team: Responders) -> None:
    incident, stopped = await stopped_for_evidence(team)
    assert stopped.state is ContainmentState.FAILED
    assert stopped.stopped_for_evidence
    assert "“State of the target prompt at unleash” could not be preserved" in stopped.problem
    assert stopped.progress[0].state is StepState.PENDING
    assert await team.served_prompt() == BAD_PROMPT
    assert sorted(await documents(team, incident)) == sorted(TITLES[1:])
    assert team.clock() - stopped.plan.requested_at < timedelta(minutes=1)


async def test_it_is_no_change_that_could_be_skipped(team: Responders, resumptions: Resumptions) -> None:
    _, stopped = await stopped_for_evidence(team)
    assert not stopped.can_skip
    with pytest.raises(InvalidTransition, match="no change was refused"):
        await resumptions.skip(COMMANDER, stopped.id, "never mind")


async def test_a_person_goes_ahead_without_and_says_why(team: Responders, resumptions: Resumptions) -> None:
    incident, stopped = await stopped_for_evidence(team)
    await resumptions.go_without_evidence(COMMANDER, stopped.id, "  people are harmed now ")
    await team.vendor_recovers()
    done = await team.carried_out(stopped)

    assert done.state is ContainmentState.VERIFIED
    assert done.without_evidence == "people are harmed now"
    assert len(await kept(team, incident)) == 2
    async with team.store.begin() as tx:
        events = await tx.timeline.events(incident.id)
    waived = next(event for event in events if event.kind == "evidence.waived")
    assert waived.content is not None
    assert waived.actor == COMMANDER
    assert waived.content["text"] == (
        "Has C-1 go ahead without evidence (State of the target prompt at unleash): people are harmed now"
    )
    assert chain_problems(events) == []


async def test_going_ahead_without_needs_a_reason_and_whose_approval_counts(
    team: Responders, resumptions: Resumptions
) -> None:
    _, stopped = await stopped_for_evidence(team)
    with pytest.raises(NotPermitted, match="other than who asked"):
        await resumptions.go_without_evidence(RESPONDER, stopped.id, "no time")
    with pytest.raises(NotPermitted, match="needs a reason"):
        await resumptions.go_without_evidence(COMMANDER, stopped.id, " \u200b")
    assert (await team.containments.get(stopped.id)).state is ContainmentState.FAILED


async def test_nothing_else_that_stopped_goes_ahead_without_evidence(
    team: Responders, resumptions: Resumptions
) -> None:
    planned = await team.approved(await team.planned(await team.alerted()))
    await team.somebody_else_serves({"v41": 500, "v42": 500})
    stopped = await team.carried_out(planned)
    assert stopped.state is ContainmentState.FAILED
    with pytest.raises(InvalidTransition, match="Evidence is not what"):
        await resumptions.go_without_evidence(COMMANDER, stopped.id, "no time")


async def test_after_a_retry_only_what_is_missing_is_preserved(team: Responders, resumptions: Resumptions) -> None:
    incident, stopped = await stopped_for_evidence(team)
    await team.vendor_recovers()
    await resumptions.retry(RESPONDER, stopped.id)
    done = await team.carried_out(stopped)
    assert done.state is ContainmentState.VERIFIED
    assert [each.title for each in await kept(team, incident)] == [*sorted(TITLES[1:]), TITLES[0]]


async def test_an_undo_preserves_nothing_more(team: Responders) -> None:
    incident = await team.alerted()
    done = await team.carried_out(await team.approved(await team.planned(incident, SWITCH_OFF)))
    undo = await team.follow_ups.plan_undo(RESPONDER, done.id, "it is mended")
    assert undo.plan.evidence == ()


async def test_evidence_that_was_altered_in_the_database_is_found_out(team: Responders) -> None:
    incident = await team.alerted()
    await team.carried_out(await team.approved(await team.planned(incident, ROLL_BACK)))
    first, second, *_ = await kept(team, incident)
    async with team.store.session() as session:
        rows = table_of(EvidenceRow)
        other = (await session.execute(rows.select().where(rows.c.id == second.id))).mappings().one()["content"]
        await session.execute(update(rows).where(rows.c.id == first.id).values(content=other))
        await session.execute(update(rows).where(rows.c.id == second.id).values(content=b"not packed"))
    async with team.store.begin() as tx:
        with pytest.raises(EvidenceAltered, match="its hash differs"):
            await tx.evidence.content(first.id)
        with pytest.raises(EvidenceAltered, match="damaged"):
            await tx.evidence.content(second.id)


async def test_content_goes_in_its_time_and_custody_stays(team: Responders, clock: Clock) -> None:
    incident = await team.alerted()
    await team.carried_out(await team.approved(await team.planned(incident)))
    policy = builders.retention(evidence=timedelta(days=30))
    sweep = Retention(team.store, policy, NoJobs(), clock)

    clock.advance(timedelta(days=40))
    await sweep.sweep("the incident is open")
    assert all(each.removed_at is None for each in await kept(team, incident))

    await team.incidents.resolve(COMMANDER, IncidentId(incident.id))
    clock.advance(timedelta(days=31))
    await sweep.sweep("its time has come")
    await sweep.sweep("and again")

    removed = await kept(team, incident)
    assert [each.removed_at for each in removed] == [clock()] * 3
    async with team.store.begin() as tx:
        events = await tx.timeline.events(incident.id)
        with pytest.raises(NotFound, match="removed under the retention policy"):
            await tx.evidence.content(removed[0].id)
    assert [event.kind for event in events].count("evidence.removed") == 1
    assert chain_problems(events) == []
