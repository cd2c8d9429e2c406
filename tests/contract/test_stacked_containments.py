"""Containments that are stacked on one target, on a real store and a simulated vendor."""

from collections.abc import AsyncIterator

import pytest

from bot.domain.containment import Containment, ContainmentState
from bot.errors import PlanDrifted
from bot.services.planning import PlanRequest
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import RESPONDER, Responders

FIRST = {"v41": 0, "v42": 1000, "v43": 0}
SECOND = {"v41": 1000, "v42": 0, "v43": 0}
THIRD = {"v41": 0, "v42": 0, "v43": 1000}


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    await responders.prompt_has_variations(FIRST)
    yield responders
    await responders.stop()


async def rolled_back_twice(team: Responders) -> tuple[Containment, Containment]:
    """The prompt went from v42 to v41, and then to v43."""
    incident = await team.alerted()
    both = []
    for variation in ("v41", "v43"):
        request = PlanRequest("roll-the-prompt-back", {"variation": variation}, "harmful advice")
        planned = await team.approved(await team.planned(incident, request))
        both.append(await team.carried_out(planned))
    assert [(each.state, each.problem) for each in both] == [(ContainmentState.VERIFIED, "")] * 2
    return both[0], both[1]


async def undone(team: Responders, containment: Containment) -> Containment:
    undo = await team.approved(await team.follow_ups.plan_undo(RESPONDER, containment.id, "it was the wrong one"))
    assert (await team.carried_out(undo)).state is ContainmentState.VERIFIED
    return await team.containments.get(containment.id)


async def test_the_second_plan_says_what_is_in_force_below_it(team: Responders) -> None:
    older, younger = await rolled_back_twice(team)
    assert older.plan.warnings == ()
    assert younger.plan.warnings == ("C-1 of INC-1 “Roll the prompt back” is in force on the same target.",)


async def test_undoing_the_older_one_leaves_the_younger_ones_value_and_moves_what_its_undo_restores(
    team: Responders,
) -> None:
    older, younger = await rolled_back_twice(team)
    writes = await team.vendor_writes()

    assert (await undone(team, older)).state is ContainmentState.UNDONE
    assert await team.served_prompt() == THIRD
    assert await team.vendor_writes() == writes
    assert "containment.rebased" in await team.timeline(await team.incidents.numbered(1))

    assert (await undone(team, younger)).state is ContainmentState.UNDONE
    assert await team.served_prompt() == FIRST


async def test_undone_in_the_usual_order_each_restores_what_it_found(team: Responders) -> None:
    older, younger = await rolled_back_twice(team)
    await undone(team, younger)
    assert await team.served_prompt() == SECOND
    await undone(team, older)
    assert await team.served_prompt() == FIRST


async def test_an_undo_from_under_one_that_has_gone_meanwhile_is_stopped(team: Responders) -> None:
    older, younger = await rolled_back_twice(team)
    below = await team.follow_ups.plan_undo(RESPONDER, older.id, "it was the wrong one")
    await undone(team, younger)
    await team.approved(below)
    stopped = await team.carried_out(below)
    assert stopped.state is ContainmentState.FAILED
    assert "has changed since this undo was planned" in stopped.problem
    assert await team.served_prompt() == SECOND


async def test_somebody_elses_change_on_top_of_the_stack_is_not_undone(team: Responders) -> None:
    older, _ = await rolled_back_twice(team)
    await team.somebody_else_serves({"v41": 0, "v42": 500, "v43": 500})
    with pytest.raises(PlanDrifted, match="Somebody changed the target since"):
        await team.follow_ups.plan_undo(RESPONDER, older.id, "it was the wrong one")


async def test_a_plan_says_that_somebody_changed_what_was_left_in_force(team: Responders) -> None:
    await rolled_back_twice(team)
    await team.somebody_else_serves({"v41": 500, "v42": 500, "v43": 0})
    request = PlanRequest("roll-the-prompt-back", {"variation": "v43"}, "harmful advice")
    planned = await team.planned(await team.incidents.numbered(1), request)
    assert "Somebody changed the target since C-2 of INC-1" in planned.plan.warnings[-1]
