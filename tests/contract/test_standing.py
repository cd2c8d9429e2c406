"""Whether what a containment wrote still is in place, on a real store and a simulated vendor."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.containment import Containment, ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.timer import Timer
from bot.services.containments import CARRY_OUT
from bot.services.lanes import incident_lane
from bot.services.planning import PlanRequest
from bot.services.standing import STANDS
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import RESPONDER, ROLL_BACK, Responders

BAD_PROMPT, GOOD_PROMPT, NEITHER = {"v41": 0, "v42": 1000}, {"v41": 1000, "v42": 0}, {"v41": 500, "v42": 500}
A_WHILE = timedelta(minutes=2)


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


async def contained(team: Responders) -> Containment:
    planned = await team.approved(await team.planned(await team.alerted()))
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    return done


async def looked(team: Responders, containment: Containment, times: int = 2) -> Containment:
    """Return the containment after so many looks at its targets."""
    for _ in range(times):
        await team.timers.run_due(team.clock.advance(A_WHILE))
    return await team.containments.get(containment.id)


async def told(team: Responders, containment: Containment) -> int:
    """Count the notes of it that the incident's channel is owed."""
    found = 0
    async with team.store.begin() as tx:
        lane = incident_lane(containment.plan.incident_id)
        while (owed := await tx.deliveries.waiting(lane)) is not None:
            found += owed.kind is DeliveryKind.NOTE and owed.payload["what"] == "missing"
            await tx.deliveries.record_sent(owed, channel="C1", ts="1.1")
    return found


async def timeline(team: Responders) -> list[str]:
    return await team.timeline(await team.incidents.numbered(1))


async def timer(team: Responders, containment: Containment) -> Timer | None:
    async with team.store.begin() as tx:
        return await tx.timers.get(f"{STANDS}:{containment.id}")


async def test_what_is_in_place_is_looked_at_again_and_again_and_nothing_is_said(team: Responders) -> None:
    done = await contained(team)
    before = await timeline(team)
    assert await looked(team, done, times=5) == done
    assert await timeline(team) == before
    waiting = await timer(team, done)
    assert waiting
    assert waiting.due_at == team.clock() + A_WHILE


async def test_a_vendor_that_forgot_a_containment_is_found_out_told_once_and_the_approvers_are_woken(
    team: Responders,
) -> None:
    done = await contained(team)
    await team.somebody_else_serves(BAD_PROMPT)
    seen = await looked(team, done, times=4)
    assert seen.is_in_force
    assert seen.missing == f"“{done.changes[0].summary}” was written, and the target reads as before it now"
    assert (await timeline(team)).count("containment.missing") == 1
    assert await told(team, done) == 1
    pages = await team.sent_pages()
    (page,) = pages.values()
    assert "C-1 is not in place any more, without having been undone" in str(page)


async def test_somebody_elses_change_is_told_and_wakes_nobody(team: Responders) -> None:
    done = await contained(team)
    await team.somebody_else_serves(NEITHER)
    seen = await looked(team, done)
    assert seen.missing.endswith("the target reads otherwise now")
    assert await told(team, done) == 1
    assert await team.sent_pages() == {}
    assert await team.served_prompt() == NEITHER


async def test_one_look_alone_says_nothing_because_somebody_may_be_writing(team: Responders) -> None:
    done = await contained(team)
    before = await timeline(team)
    await team.somebody_else_serves(BAD_PROMPT)
    await looked(team, done, times=1)
    await team.somebody_else_serves(GOOD_PROMPT)
    seen = await looked(team, done, times=3)
    assert (seen.missing, seen.missing_since) == ("", None)
    assert await timeline(team) == before
    assert await told(team, done) == 0


async def test_a_containment_that_is_in_place_again_says_so_and_another_loss_is_told_again(team: Responders) -> None:
    done = await contained(team)
    for _ in range(2):
        await team.somebody_else_serves(BAD_PROMPT)
        assert (await looked(team, done)).missing
        await team.somebody_else_serves(GOOD_PROMPT)
        assert not (await looked(team, done, times=1)).missing
    kinds = [kind for kind in await timeline(team) if kind in {"containment.missing", "containment.stands"}]
    assert kinds == ["containment.missing", "containment.stands"] * 2
    assert await told(team, done) == 2


async def test_a_loss_that_becomes_another_one_is_told_as_such(team: Responders) -> None:
    done = await contained(team)
    await team.somebody_else_serves(NEITHER)
    await looked(team, done)
    await team.somebody_else_serves(BAD_PROMPT)
    assert "reads as before it" in (await looked(team, done, times=1)).missing
    assert len(await team.sent_pages()) == 1


async def test_a_vendor_that_cannot_be_read_is_no_loss_and_is_read_again(team: Responders) -> None:
    done = await contained(team)
    await team.somebody_else_serves(BAD_PROMPT)
    await team.vendor_fails("500", times=3, on="all")
    assert not (await looked(team, done, times=3)).missing
    assert (await looked(team, done)).missing


async def test_what_was_lost_can_be_closed_by_an_undo_that_writes_nothing_and_is_looked_at_no_more(
    team: Responders,
) -> None:
    done = await contained(team)
    await team.somebody_else_serves(BAD_PROMPT)
    await looked(team, done)
    writes = await team.vendor_writes()
    undo = await team.approved(await team.follow_ups.plan_undo(RESPONDER, done.id, "the vendor forgot it"))
    await team.carried_out(undo)
    assert (await team.containments.get(done.id)).state is ContainmentState.UNDONE
    assert await team.vendor_writes() == writes
    assert await timer(team, done) is None


async def test_only_the_youngest_on_a_target_is_looked_at(team: Responders) -> None:
    older = await contained(team)
    await team.cause_is_gone()
    request = PlanRequest(ROLL_BACK.runbook, {"variation": "v42"}, "v41 was worse")
    younger = await team.planned(await team.incidents.numbered(1), request)
    younger = await team.carried_out(await team.approved(younger))
    assert not (await looked(team, older)).missing
    await team.somebody_else_serves(NEITHER)
    assert (await looked(team, younger)).missing
    assert not (await team.containments.get(older.id)).missing


async def test_a_loss_during_the_watch_is_told_too(team: Responders) -> None:
    planned = await team.approved(await team.planned(await team.alerted()))
    await team.run_jobs(CARRY_OUT)
    await team.somebody_else_serves(BAD_PROMPT)
    seen = await looked(team, planned)
    assert seen.state is ContainmentState.WATCHING
    assert seen.missing


async def test_containing_again_does_not_make_the_lost_one_stand_again(team: Responders) -> None:
    lost = await contained(team)
    await team.somebody_else_serves(BAD_PROMPT)
    assert (await looked(team, lost)).missing
    again = await team.carried_out(await team.approved(await team.planned(await team.incidents.numbered(1))))
    assert again.state is ContainmentState.VERIFIED
    assert (await looked(team, lost)).missing
    assert not (await team.containments.get(again.id)).missing
    assert "containment.stands" not in await timeline(team)
