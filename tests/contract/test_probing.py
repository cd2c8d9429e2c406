"""A containment whose effect a canary shows: harm stopped once the feature itself says so, for the whole window."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.containment import ContainmentState
from bot.domain.milestones import Basis
from bot.domain.system import HarmSignal
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import ROLL_BACK, SWITCH_OFF, Responders, shipped_catalog

BY_ASKING = HarmSignal(
    connection="canary",
    query="orders",
    below=0.5,
    unit="harmful answer",
    every=timedelta(seconds=5),
    window=timedelta(minutes=1),
    give_up_after=timedelta(minutes=3),
    look_back=timedelta(hours=1),
)


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    shipped = shipped_catalog()
    systems = {name: each.changed(signals={"harm_rate": BY_ASKING}) for name, each in shipped.systems.items()}
    responders = Responders(store, clock, enqueued, replace(shipped, systems=systems))
    await responders.start()
    yield responders
    await responders.stop()


async def test_the_clock_stops_where_the_canary_first_answered_clean(team: Responders) -> None:
    incident = await team.alerted()
    done = await team.carried_out(await team.approved(await team.planned(incident, SWITCH_OFF)))
    assert done.state is ContainmentState.VERIFIED
    assert done.clean_since is not None
    assert done.effect_verified_at is not None
    assert done.applied_at is not None
    assert done.applied_at <= done.clean_since <= done.applied_at + timedelta(seconds=5)
    assert done.effect_verified_at - done.clean_since >= timedelta(minutes=1)
    mitigated = (await team.incident(incident)).milestones.mitigated
    assert mitigated is not None
    assert (mitigated.at, mitigated.basis, mitigated.provisional) == (done.clean_since, Basis.OBSERVED, False)


async def test_what_reads_back_and_still_does_harm_is_told(team: Responders) -> None:
    incident = await team.alerted()
    done = await team.carried_out(await team.approved(await team.planned(incident, ROLL_BACK)))
    assert done.state is ContainmentState.FAILED
    assert "the harm goes on: 1 harmful answer, must be under 0.5" in done.problem
    assert (await team.incident(incident)).milestones.mitigated is None


async def test_after_a_restart_the_window_begins_anew(
    team: Responders, store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    planned = await team.approved(await team.planned(await team.alerted(), SWITCH_OFF))
    for _ in range(10):
        if await team.execution.advance(planned.id) is None:
            break
    for _ in range(8):
        await team.watching.look(planned.id)
        clock.advance(BY_ASKING.every)
    before = await team.containments.get(planned.id)
    assert before.state is ContainmentState.WATCHING

    another = Responders(store, clock, enqueued, team.catalog)
    restarted_at = clock()
    done = await another.carried_out(before)
    await another.stop()
    assert done.state is ContainmentState.VERIFIED
    assert done.clean_since == restarted_at
    assert before.clean_since is not None
    assert before.clean_since < restarted_at
