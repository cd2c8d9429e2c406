"""What recurs is enqueued once for each instant, however many replicas there are and however long none was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger

from bot.errors import StoreUnavailable
from bot.schedule import MOST_MISSED, Recurrence, Schedule, daily, every_six_hours
from bot.services.ports import Transaction
from bot.store.sql import Store
from tests.builders import NOW, Clock
from tests.conftest import Enqueued
from tests.contract.workspace_fixtures import eventually

NIGHTLY = daily("job", hour=3, minute=17)
# `NOW` is nine o'clock.
NEXT = NOW.replace(hour=3, minute=17) + timedelta(days=1)


def subjects(enqueued: list[Enqueued]) -> list[datetime]:
    return [datetime.fromisoformat(each.subject) for each in enqueued]


def test_every_six_hours_is_four_times_a_day() -> None:
    instants = list(every_six_hours("job", minute=41).instants(NOW, NOW + timedelta(days=1)))
    assert [f"{instant:%H:%M}" for instant in instants] == ["12:41", "18:41", "00:41", "06:41"]


async def test_what_is_seen_for_the_first_time_has_missed_nothing(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    await Schedule(store, clock, [NIGHTLY]).catch_up(NIGHTLY)
    assert enqueued == []


async def test_what_was_missed_is_enqueued_once_by_whoever_comes_first(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    one, two = Schedule(store, clock, [NIGHTLY]), Schedule(store, clock, [NIGHTLY])
    await one.catch_up(NIGHTLY)
    clock.advance(timedelta(days=3))
    await asyncio.gather(one.catch_up(NIGHTLY), two.catch_up(NIGHTLY))
    assert subjects(enqueued) == [NEXT, NEXT + timedelta(days=1), NEXT + timedelta(days=2)]
    assert [each.key for each in enqueued] == [f"job:{each.subject}" for each in enqueued]
    await two.catch_up(NIGHTLY)
    assert len(enqueued) == 3


async def test_an_instant_that_has_just_come_counts_and_one_to_come_does_not(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    schedule = Schedule(store, clock, [NIGHTLY])
    await schedule.catch_up(NIGHTLY)
    clock.at = NEXT - timedelta(microseconds=1)
    await schedule.catch_up(NIGHTLY)
    assert enqueued == []
    clock.at = NEXT
    await schedule.catch_up(NIGHTLY)
    await schedule.catch_up(NIGHTLY)
    assert subjects(enqueued) == [NEXT]


async def test_a_clock_that_was_set_back_enqueues_nothing_again(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    schedule = Schedule(store, clock, [NIGHTLY])
    await schedule.catch_up(NIGHTLY)
    for days in (2, -2, 2):
        clock.advance(timedelta(days=days))
        await schedule.catch_up(NIGHTLY)
    assert len(subjects(enqueued)) == 2


async def test_after_years_only_the_newest_are_made_up_for(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    schedule = Schedule(store, clock, [NIGHTLY])
    await schedule.catch_up(NIGHTLY)
    clock.advance(timedelta(days=3 * 365))
    await schedule.catch_up(NIGHTLY)
    assert len(enqueued) == MOST_MISSED
    assert clock() - subjects(enqueued)[-1] < timedelta(days=1)


async def test_jobs_that_could_not_be_committed_are_enqueued_again(
    store: Store, clock: Clock, enqueued: list[Enqueued]
) -> None:
    schedule = Schedule(Unreachable(store, times=1), clock, [NIGHTLY])
    await Schedule(store, clock, [NIGHTLY]).catch_up(NIGHTLY)
    clock.at = NEXT
    with pytest.raises(StoreUnavailable):
        await schedule.catch_up(NIGHTLY)
    await schedule.catch_up(NIGHTLY)
    assert len(enqueued) == 2
    assert len({each.key for each in enqueued}) == 1


class Unreachable:
    """A store that cannot commit for a while."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self._left = times

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        async with self._store.begin() as tx:
            yield tx
            if self._left:
                self._left -= 1
                raise StoreUnavailable("away")


async def test_a_started_schedule_makes_up_for_what_was_missed_and_goes_on(
    store: Store, enqueued: list[Enqueued]
) -> None:
    clock = Clock()
    each_second = Recurrence("job", CronTrigger(second="*", timezone="UTC"))
    schedule = Schedule(store, clock, [each_second])
    await schedule.start()
    try:
        assert enqueued == []
        clock.advance(timedelta(seconds=2))
        await eventually(lambda: len(enqueued) == 2, within=20)
        clock.advance(timedelta(seconds=1))
        await eventually(lambda: len(enqueued) == 3, within=20)
    finally:
        await schedule.stop()
    assert subjects(enqueued) == [NOW + timedelta(seconds=second) for second in (1, 2, 3)]


class Lingering:
    """A store whose transactions, once it lingers, are held open before they commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lingers = False
        self.reached = asyncio.Event()
        self.may_end = asyncio.Event()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        async with self._store.begin() as tx:
            yield tx
            if self.lingers:
                self.reached.set()
                await self.may_end.wait()


async def test_what_fires_as_the_schedule_stops_is_finished(store: Store, enqueued: list[Enqueued]) -> None:
    clock = Clock()
    slow = Lingering(store)
    schedule = Schedule(slow, clock, [Recurrence("job", CronTrigger(second="*", timezone="UTC"))])
    await schedule.start()
    slow.lingers = True
    clock.advance(timedelta(seconds=1))
    await asyncio.wait_for(slow.reached.wait(), 20)
    stopping = asyncio.ensure_future(schedule.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    slow.may_end.set()
    await asyncio.wait_for(stopping, 20)
    assert subjects(enqueued) == [NOW + timedelta(seconds=1)]
