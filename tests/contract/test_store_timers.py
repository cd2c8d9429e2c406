"""Timers, receipts and jobs, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.timer import Timer
from bot.errors import UserError
from bot.store.sql import Store
from tests.builders import NOW, Clock, timer
from tests.conftest import Enqueued

QUARTER = timedelta(minutes=15)
KEY = timer().key


async def set_timer(store: Store, moved: Timer | None = None) -> None:
    async with store.begin() as tx:
        await tx.timers.set(moved or timer())


async def get(store: Store) -> Timer | None:
    async with store.begin() as tx:
        return await tx.timers.get(KEY)


async def take(store: Store, generation: int = 1) -> Timer | None:
    async with store.begin() as tx:
        return await tx.timers.take(KEY, generation, NOW + QUARTER)


async def test_setting_a_timer_enqueues_its_wake_up(store: Store, enqueued: list[Enqueued]) -> None:
    await set_timer(store)
    assert await get(store) == timer()
    assert enqueued == [Enqueued("timer", KEY, f"timer:{KEY}:1", QUARTER)]


async def test_moving_a_timer_raises_its_generation_and_enqueues_anew(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    await set_timer(store)
    clock.advance(timedelta(minutes=5))
    await set_timer(store, timer(due_at=NOW + 2 * QUARTER, job="plan.remind"))
    assert await get(store) == timer(due_at=NOW + 2 * QUARTER, job="plan.remind", generation=2)
    assert enqueued[1] == Enqueued("timer", KEY, f"timer:{KEY}:2", timedelta(minutes=25))


async def test_a_timer_in_the_past_is_woken_at_once(store: Store, enqueued: list[Enqueued]) -> None:
    await set_timer(store, timer(due_at=NOW - QUARTER))
    assert enqueued[0].delay == timedelta(0)


async def test_timers_are_due_oldest_first_and_not_before_their_instant(store: Store) -> None:
    later = timer(key="later", due_at=NOW + 2 * QUARTER)
    async with store.begin() as tx:
        await tx.timers.set(later)
        await tx.timers.set(timer())
        assert list(await tx.timers.due(NOW + QUARTER - timedelta(microseconds=1))) == []
        assert list(await tx.timers.due(NOW + QUARTER)) == [timer()]
        assert list(await tx.timers.due(NOW + 3 * QUARTER)) == [timer(), later]


async def test_a_timer_is_taken_once(store: Store) -> None:
    await set_timer(store)
    assert await take(store) == timer()
    assert await take(store) is None
    assert await get(store) is None


async def test_a_timer_is_not_taken_before_it_is_due(store: Store) -> None:
    await set_timer(store, timer(due_at=NOW + 2 * QUARTER))
    assert await take(store) is None
    assert await get(store) is not None


async def test_a_wake_up_of_an_older_generation_finds_nothing(store: Store) -> None:
    await set_timer(store)
    await set_timer(store)
    assert await take(store, generation=1) is None
    assert await take(store, generation=2) == timer(generation=2)


async def test_of_two_takers_at_once_one_gets_the_timer(store: Store) -> None:
    await set_timer(store)
    taken = await asyncio.gather(*(take(store) for _ in range(4)))
    assert sum(each is not None for each in taken) == 1


async def test_a_cancelled_timer_is_gone(store: Store) -> None:
    await set_timer(store)
    async with store.begin() as tx:
        await tx.timers.cancel(KEY)
        await tx.timers.cancel("no such timer")
        assert list(await tx.timers.due(NOW + QUARTER)) == []
    assert await take(store) is None


async def test_a_timer_set_again_never_reuses_the_key_of_a_wake_up(store: Store, enqueued: list[Enqueued]) -> None:
    await set_timer(store)
    await take(store)
    await set_timer(store)
    async with store.begin() as tx:
        await tx.timers.cancel(KEY)
    await set_timer(store)
    assert len({job.key for job in enqueued}) == 3


async def test_setting_a_timer_at_once_gives_every_setter_a_generation(store: Store, enqueued: list[Enqueued]) -> None:
    await asyncio.gather(*(set_timer(store) for _ in range(5)))
    assert len({job.key for job in enqueued}) == 5
    found = await get(store)
    assert found is not None
    assert found.generation == 5


async def test_a_request_is_new_once(store: Store) -> None:
    async with store.begin() as tx:
        assert await tx.receipts.first_time("trigger-1", NOW)
        assert not await tx.receipts.first_time("trigger-1", NOW)
        assert await tx.receipts.first_time("trigger-2", NOW)


async def test_a_request_that_failed_is_new_again(store: Store) -> None:
    async def fail() -> None:
        async with store.begin() as tx:
            await tx.receipts.first_time("trigger-1", NOW)
            raise UserError("no such runbook")

    with pytest.raises(UserError):
        await fail()
    async with store.begin() as tx:
        assert await tx.receipts.first_time("trigger-1", NOW)


async def test_a_request_that_arrives_at_once_several_times_is_new_once(store: Store) -> None:
    async def seen_first() -> bool:
        async with store.begin() as tx:
            return await tx.receipts.first_time("trigger-1", NOW)

    assert sorted(await asyncio.gather(*(seen_first() for _ in range(5)))) == [False] * 4 + [True]


@pytest.mark.parametrize("key", ["", "\x00", "\ud800", "\U0001f525" * 500])
async def test_a_hostile_key_is_recognised_again(store: Store, key: str) -> None:
    async with store.begin() as tx:
        assert await tx.receipts.first_time(key, NOW)
    async with store.begin() as tx:
        assert not await tx.receipts.first_time(key, NOW)


async def test_a_job_is_handed_on_with_its_key_and_delay(store: Store, enqueued: list[Enqueued]) -> None:
    async with store.begin() as tx:
        await tx.jobs.enqueue("carry_out", "containment-1", key="carry_out:containment-1", delay=timedelta(seconds=2))
        await tx.jobs.enqueue("look_back", "incident-1", key="look_back:incident-1")
    assert enqueued == [
        Enqueued("carry_out", "containment-1", "carry_out:containment-1", timedelta(seconds=2)),
        Enqueued("look_back", "incident-1", "look_back:incident-1", None),
    ]
