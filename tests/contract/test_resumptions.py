"""What people can do about a containment that stopped at a change."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.runbook import Runbook
from bot.errors import InvalidTransition, NotPermitted, PlanExpired
from bot.services.containments import CARRY_OUT
from bot.services.people import People
from bot.services.planning import PlanRequest
from bot.services.resumptions import Resumptions
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import COMMANDER, NEWCOMER, RESPONDER, Members, Responders, shipped_catalog

GOOD_PROMPT = {"v41": 1000, "v42": 0}
SOMEBODY_ELSES = {"v41": 500, "v42": 500}
OFF_AND_BACK = PlanRequest("off-and-back", {"variation": "v41"}, "harmful advice, cause unknown")


def off_and_back() -> Runbook:
    """Switch the feature off, then roll its prompt back: two changes of two targets."""
    runbooks = shipped_catalog().runbooks
    back, off = runbooks["roll-the-prompt-back"], runbooks["turn-the-feature-off"]
    return back.changed(id="off-and-back", steps=[*off.steps, *back.steps])


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    shipped = shipped_catalog()
    runbook = off_and_back()
    responders = Responders(
        store, clock, enqueued, replace(shipped, runbooks={**shipped.runbooks, runbook.id: runbook})
    )
    await responders.start()
    yield responders
    await responders.stop()


@pytest.fixture
def resumptions(team: Responders) -> Resumptions:
    return Resumptions(team.store, team.catalog, People(Members(), lambda: team.catalog.policy), team.clock)


async def stopped_at_the_second(team: Responders) -> Containment:
    """The feature is off, and somebody changed the prompt before its change was written."""
    planned = await team.approved(await team.planned(await team.alerted(), OFF_AND_BACK))
    await team.somebody_else_serves(SOMEBODY_ELSES)
    stopped = await team.carried_out(planned)
    assert stopped.state is ContainmentState.FAILED
    assert stopped.stopped_at == 1
    assert not await team.feature_is_on()
    return stopped


async def test_it_is_tried_again_and_goes_on_where_it_stopped(team: Responders, resumptions: Resumptions) -> None:
    stopped = await stopped_at_the_second(team)
    await team.somebody_else_serves({"v41": 0, "v42": 1000})

    await resumptions.retry(RESPONDER, stopped.id)
    done = await team.carried_out(stopped)

    assert done.state is ContainmentState.VERIFIED
    assert [step.state for step in done.progress] == [StepState.VERIFIED, StepState.VERIFIED]
    assert await team.served_prompt() == GOOD_PROMPT
    assert "containment.retried" in await team.timeline(await team.incidents.numbered(1))


async def test_a_retry_that_meets_the_same_problem_stops_again(team: Responders, resumptions: Resumptions) -> None:
    stopped = await stopped_at_the_second(team)
    await resumptions.retry(RESPONDER, stopped.id)
    again = await team.carried_out(stopped)
    assert again.state is ContainmentState.FAILED
    assert again.stopped_at == 1
    assert await team.served_prompt() == SOMEBODY_ELSES


async def test_two_who_retry_at_once_have_one_effect(team: Responders, resumptions: Resumptions) -> None:
    stopped = await stopped_at_the_second(team)
    await resumptions.retry(RESPONDER, stopped.id)
    with pytest.raises(InvalidTransition, match="did not stop at a change"):
        await resumptions.retry(COMMANDER, stopped.id)
    assert len([job for job in team.enqueued if job.job == CARRY_OUT]) == 1


async def test_the_change_is_left_out_for_a_reason_and_the_rest_counts(
    team: Responders, resumptions: Resumptions
) -> None:
    stopped = await stopped_at_the_second(team)
    await resumptions.skip(COMMANDER, stopped.id, "the prompt is being mended by hand")
    done = await team.carried_out(stopped)
    assert done.state is ContainmentState.VERIFIED
    assert done.progress[1].state is StepState.SKIPPED
    assert done.progress[1].skipped_because == "the prompt is being mended by hand"
    assert await team.served_prompt() == SOMEBODY_ELSES


async def test_leaving_out_needs_a_reason_and_somebody_whose_approval_counts(
    team: Responders, resumptions: Resumptions
) -> None:
    stopped = await stopped_at_the_second(team)
    with pytest.raises(NotPermitted, match="needs a reason"):
        await resumptions.skip(COMMANDER, stopped.id, "  ")
    with pytest.raises(NotPermitted, match="other than who asked for it"):
        await resumptions.skip(RESPONDER, stopped.id, "why not")
    with pytest.raises(NotPermitted):
        await resumptions.retry(NEWCOMER, stopped.id)


async def test_what_may_be_written_is_not_left_out_but_read_again(team: Responders, resumptions: Resumptions) -> None:
    planned = await team.approved(await team.planned(await team.alerted(), OFF_AND_BACK))
    await team.vendor_fails("ignored")
    doubtful = await team.carried_out(planned)
    assert doubtful.stopped_at == 0
    assert doubtful.progress[0].state is StepState.APPLIED
    with pytest.raises(InvalidTransition, match="may have been written"):
        await resumptions.skip(COMMANDER, doubtful.id, "no time")

    await resumptions.retry(RESPONDER, doubtful.id)
    done = await team.carried_out(doubtful)
    assert done.state is ContainmentState.VERIFIED
    assert not await team.feature_is_on()
    assert await team.vendor_writes() == 2


async def test_half_of_what_was_done_is_undone_and_nothing_else_is_touched(team: Responders) -> None:
    stopped = await stopped_at_the_second(team)
    undo = await team.follow_ups.plan_undo(RESPONDER, stopped.id, "start over")
    assert [change.step for change in undo.plan.changes] == [stopped.plan.changes[0].step]
    await team.approved(undo)
    await team.carried_out(undo)
    assert await team.feature_is_on()
    assert await team.served_prompt() == SOMEBODY_ELSES


async def test_a_plan_that_is_too_old_is_made_again_instead(team: Responders, resumptions: Resumptions) -> None:
    stopped = await stopped_at_the_second(team)
    team.clock.advance(timedelta(minutes=16))
    with pytest.raises(PlanExpired):
        await resumptions.retry(RESPONDER, stopped.id)


async def test_what_was_refused_before_it_began_did_not_stop_at_a_change(
    team: Responders, resumptions: Resumptions
) -> None:
    planned = await team.approved(await team.planned(await team.alerted(), OFF_AND_BACK))
    team.clock.advance(timedelta(minutes=16))
    refused = await team.carried_out(planned)
    assert refused.state is ContainmentState.FAILED
    assert refused.stopped_at is None
    with pytest.raises(PlanExpired):
        await resumptions.skip(COMMANDER, refused.id, "no time")
