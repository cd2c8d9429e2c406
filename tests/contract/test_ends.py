"""What happens at a containment's end, and after an undo, on a real store and simulated vendors."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.containment import Containment, ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.policy import ApprovalRule
from bot.domain.runbook import Level, OnEnd, Runbook
from bot.services.containments import CARRY_OUT
from bot.services.ends import END_NEAR, REVERT, WATCH_AFTER
from bot.services.lanes import incident_lane
from bot.services.planning import PlanRequest
from bot.services.plans import add
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import COMMANDER, RESPONDER, ROLL_BACK, Responders, shipped_catalog

BAD_PROMPT, GOOD_PROMPT = {"v41": 0, "v42": 1000}, {"v41": 1000, "v42": 0}
FOR_A_WHILE = PlanRequest("for-a-while", {"variation": "v41"}, "harmful advice since v42")


def for_a_while() -> Runbook:
    """The roll-back, undone by itself at its end."""
    back = shipped_catalog().runbooks["roll-the-prompt-back"]
    return back.changed(id="for-a-while", ends=back.ends.changed(on_end=OnEnd.REVERT))


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    shipped, runbook = shipped_catalog(), for_a_while()
    catalog = replace(shipped, runbooks={**shipped.runbooks, runbook.id: runbook})
    responders = Responders(store, clock, enqueued, catalog)
    await responders.start()
    yield responders
    await responders.stop()


async def contained(team: Responders, request: PlanRequest = FOR_A_WHILE) -> Containment:
    planned = await team.approved(await team.planned(await team.alerted(), request))
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    return done


async def at_its_end(team: Responders, containment: Containment) -> Containment:
    assert containment.ends_at is not None
    await team.timers.run_due(team.clock.advance(containment.ends_at - team.clock()))
    await team.run_jobs(REVERT)
    await team.run_jobs(CARRY_OUT)
    return await team.containments.get(containment.id)


async def notes(team: Responders, containment: Containment) -> list[str]:
    """What the incident's channel is owed as messages of their own."""
    found = []
    async with team.store.begin() as tx:
        lane = incident_lane(containment.plan.incident_id)
        while (owed := await tx.deliveries.waiting(lane)) is not None:
            if owed.kind is DeliveryKind.NOTE:
                found.append(str(owed.payload["what"]))
            await tx.deliveries.record_sent(owed, channel="C1", ts="1.1")
    return found


async def test_it_is_undone_at_its_end_when_the_cause_is_gone(team: Responders) -> None:
    done = await contained(team)
    await team.cause_is_gone()
    ended = await at_its_end(team, done)
    assert ended.state is ContainmentState.UNDONE
    assert await team.served_prompt() == BAD_PROMPT
    await team.run_jobs(WATCH_AFTER)
    incident = await team.incidents.numbered(1)
    kinds = await team.timeline(incident)
    assert kinds.index("containment.end_reached") < kinds.index("containment.undone")
    assert "containment.harm_returned" not in kinds


async def test_harm_that_is_back_after_an_undo_is_told_once_and_contained_again(team: Responders) -> None:
    done = await contained(team)
    ended = await at_its_end(team, done)
    assert ended.state is ContainmentState.UNDONE
    await team.run_jobs(WATCH_AFTER)
    incident = await team.incidents.numbered(1)
    assert (await team.timeline(incident)).count("containment.harm_returned") == 1
    assert (await notes(team, done)).count("harm_returned") == 1

    again = await team.planning.plan_again(RESPONDER, done.id)
    assert again.plan.inputs == done.plan.inputs
    assert "the harm is back" in again.plan.reason
    await team.approved(again)
    await team.carried_out(again)
    assert await team.served_prompt() == GOOD_PROMPT


async def test_an_effect_that_was_never_verified_keeps_it_in_force(team: Responders) -> None:
    planned = await team.approved(await team.planned(await team.alerted(), FOR_A_WHILE))
    await team.run_jobs(CARRY_OUT)
    ended = await at_its_end(team, await team.containments.get(planned.id))
    assert ended.is_in_force
    assert ended.kept_because == "its effect was not verified"
    assert await team.served_prompt() == GOOD_PROMPT
    assert "kept_at_end" in await notes(team, ended)


async def test_a_signal_that_is_not_clean_keeps_it_in_force(team: Responders) -> None:
    done = await contained(team)
    await team.harm_goes_on_whatever_is_done()
    ended = await at_its_end(team, done)
    assert ended.is_in_force
    assert "not clean" in ended.kept_because
    assert await team.served_prompt() == GOOD_PROMPT


async def test_somebody_elses_change_keeps_it_in_force(team: Responders) -> None:
    done = await contained(team)
    await team.cause_is_gone()
    await team.somebody_else_serves({"v41": 500, "v42": 500})
    ended = await at_its_end(team, done)
    assert ended.is_in_force
    assert "Somebody changed the target" in ended.kept_because
    assert await team.served_prompt() == {"v41": 500, "v42": 500}


async def test_an_undo_at_the_end_that_stops_midway_wakes_the_approvers_and_tells_the_channel(team: Responders) -> None:
    done = await contained(team)
    await team.cause_is_gone()
    assert done.ends_at is not None
    await team.timers.run_due(team.clock.advance(done.ends_at - team.clock()))
    await team.run_jobs(REVERT)
    await team.vendor_fails("401", times=9)
    await team.run_jobs(CARRY_OUT)

    undo = (await team.containments.of_incident(done.plan.incident_id))[-1]
    assert (undo.state, undo.plan.of) == (ContainmentState.FAILED, done.id)
    assert (await team.containments.get(done.id)).is_in_force
    assert await team.served_prompt() == GOOD_PROMPT
    assert "undo_stopped" in await notes(team, undo)
    ((key, page),) = (await team.sent_pages()).items()
    assert key == f"stanch:undo-stopped:{undo.id}:{undo.version}"
    assert page["summary"].startswith("INC-1 C-1 was to be undone at its end and C-2, which does so, stopped: unleash:")
    assert "pager.paged" in await team.timeline(await team.incidents.numbered(1))


async def test_an_undo_that_a_person_planned_wakes_nobody_when_it_stops(team: Responders) -> None:
    done = await contained(team)
    undo = await team.approved(await team.follow_ups.plan_undo(RESPONDER, done.id, "the fix is out"), COMMANDER)
    await team.vendor_fails("401", times=9)
    assert (await team.carried_out(undo)).state is ContainmentState.FAILED
    assert await team.sent_pages() == {}
    assert "undo_stopped" not in await notes(team, undo)


async def test_a_vendor_that_cannot_be_read_keeps_it_in_force_after_half_an_hour(team: Responders) -> None:
    done = await contained(team)
    await team.cause_is_gone()
    await team.vendor_fails("500", times=10_000, on="all")
    ended = await at_its_end(team, done)
    assert ended.is_in_force
    assert ended.kept_because
    assert ended.ends_at is not None
    assert team.clock() - ended.ends_at >= timedelta(minutes=30)


async def test_nothing_is_undone_by_itself_that_was_not_approved_to_be(team: Responders) -> None:
    done = await contained(team, ROLL_BACK)
    incident = await team.incidents.numbered(1)
    undo = (await team.follow_ups.undo_of(done, incident, RESPONDER, "no reason")).changed(by_itself=True)
    async with team.store.begin() as tx:
        forged = await tx.containments.save((await add(tx, undo)).changed(state=ContainmentState.APPROVED))
        await tx.jobs.enqueue(CARRY_OUT, forged.id, key="forged")
    refused = await team.carried_out(forged)
    assert refused.state is ContainmentState.FAILED
    assert "Nobody approved that this ends by itself" in refused.problem
    assert await team.served_prompt() == GOOD_PROMPT
    assert f"stanch:undo-stopped:{forged.id}:{refused.version}" in await team.sent_pages()


async def test_people_are_reminded_before_the_end(team: Responders) -> None:
    done = await contained(team)
    assert done.ends_at is not None
    async with team.store.begin() as tx:
        reminder = await tx.timers.get(f"{END_NEAR}:{done.id}")
    assert reminder is not None
    assert done.ends_at - reminder.due_at == timedelta(minutes=15)
    await notes(team, done)
    await team.timers.run_due(team.clock.advance(reminder.due_at - team.clock()))
    assert await notes(team, done) == ["end_near"]


async def test_an_extension_moves_the_reminder_and_an_undo_removes_it(team: Responders) -> None:
    done = await contained(team)
    extension = await team.follow_ups.plan_extend(RESPONDER, done.id, timedelta(hours=48), "the fix takes longer")
    await team.approved(extension)
    await team.carried_out(extension)
    moved = await team.containments.get(done.id)
    async with team.store.begin() as tx:
        reminder = await tx.timers.get(f"{END_NEAR}:{done.id}")
    assert reminder is not None
    assert moved.ends_at is not None
    assert moved.ends_at - reminder.due_at == timedelta(minutes=15)

    undo = await team.approved(await team.follow_ups.plan_undo(RESPONDER, done.id, "the fix is out"), COMMANDER)
    await team.carried_out(undo)
    async with team.store.begin() as tx:
        assert await tx.timers.get(f"{END_NEAR}:{done.id}") is None


def test_below_level_two_it_is_undone_by_default_and_from_there_people_are_asked() -> None:
    back = shipped_catalog().runbooks["roll-the-prompt-back"]
    assert back.on_end is OnEnd.ASK
    (step,) = back.steps
    block = back.changed(steps=[step.changed(level=Level.L1)])
    assert block.on_end is OnEnd.REVERT
    assert shipped_catalog().policy.levels[Level.L1].approval is ApprovalRule.NONE
