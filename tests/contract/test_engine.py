"""What the durable engine promises, on both databases, within one process."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.durable.ended import count_ended
from bot.durable.engine import Engine, Handler
from bot.errors import NotFound, Unavailable
from bot.store.database import blocking_url
from bot.store.sql import Store
from tests.builders import Clock
from tests.contract.workspace_fixtures import eventually

_PATIENCE_SECONDS = 30


class Bench:
    """A store and the engine on its database, started and stopped at will."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self.store = Store(url, now=clock, enqueue=self._enqueue)
        self.engine: Engine | None = None

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        self.engine = Engine(blocking_url(self._url), executor_id="bench", handlers=handlers)
        await self.engine.start()

    async def stop(self) -> None:
        if self.engine is not None:
            await self.engine.stop()
            self.engine = None

    async def _enqueue(self, session: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        assert self.engine is not None
        await self.engine.enqueue(session, job, subject, key, delay)


@pytest.fixture
async def bench(database_url: str, clock: Clock) -> AsyncIterator[Bench]:
    bench = Bench(database_url, clock)
    await bench.store.open()
    yield bench
    await bench.stop()
    await bench.store.close()


async def _until(condition: asyncio.Event) -> None:
    await asyncio.wait_for(condition.wait(), _PATIENCE_SECONDS)


async def _enqueue_and_fail(store: Store) -> None:
    async with store.begin() as tx:
        await tx.jobs.enqueue("job", "rolled back", key="one")
        raise NotFound("something went wrong")


async def test_a_job_runs_again_until_it_says_that_nothing_is_left(bench: Bench) -> None:
    runs: list[str] = []
    done = asyncio.Event()

    async def handler(subject: str) -> timedelta | None:
        runs.append(subject)
        if len(runs) < 3:
            return timedelta(milliseconds=1)
        done.set()
        return None

    await bench.start({"count": handler})
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("count", "s", key="k")
    await _until(done)
    assert runs == ["s", "s", "s"]


async def test_what_a_rolled_back_transaction_enqueued_never_runs(bench: Bench) -> None:
    runs: list[str] = []
    done = asyncio.Event()

    async def handler(subject: str) -> timedelta | None:
        runs.append(subject)
        done.set()
        return None

    await bench.start({"job": handler})
    with pytest.raises(NotFound):
        await _enqueue_and_fail(bench.store)
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("job", "committed", key="two")
    await _until(done)
    assert runs == ["committed"]


async def test_a_key_that_was_used_before_enqueues_nothing(bench: Bench) -> None:
    runs: list[str] = []
    done = asyncio.Event()

    async def handler(subject: str) -> timedelta | None:
        runs.append(subject)
        if subject == "last":
            done.set()
        return None

    await bench.start({"job": handler})
    for _ in range(3):
        async with bench.store.begin() as tx:
            await tx.jobs.enqueue("job", "once", key="same")
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("job", "last", key="other", delay=timedelta(seconds=1))
    await _until(done)
    assert runs == ["once", "last"]


async def test_a_delayed_job_waits(bench: Bench) -> None:
    done = asyncio.Event()
    ran_at: list[float] = []

    async def handler(_: str) -> timedelta | None:
        ran_at.append(time.monotonic())
        done.set()
        return None

    await bench.start({"job": handler})
    enqueued_at = time.monotonic()
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("job", "s", key="k", delay=timedelta(seconds=2))
    await _until(done)
    assert ran_at[0] - enqueued_at >= 1.9


async def test_a_job_that_was_under_way_goes_on_after_a_restart(bench: Bench) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def never_ends(_: str) -> timedelta | None:
        begun.set()
        return timedelta(hours=1)

    async def ends(_: str) -> timedelta | None:
        done.set()
        return None

    await bench.start({"job": never_ends})
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("job", "s", key="k")
    await _until(begun)
    await bench.stop()
    await bench.start({"job": ends})
    await _until(done)


async def test_a_job_that_fails_is_tried_again(bench: Bench) -> None:
    failures = [Unavailable("vendor", "read", "no answer"), ZeroDivisionError()]
    done = asyncio.Event()

    async def handler(_: str) -> timedelta | None:
        if failures:
            raise failures.pop()
        done.set()
        return None

    await bench.start({"job": handler})
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("job", "s", key="k")
    await _until(done)
    assert failures == []


async def test_a_job_whose_subject_is_gone_ends(bench: Bench) -> None:
    runs: list[str] = []
    done = asyncio.Event()

    async def gone(subject: str) -> timedelta | None:
        runs.append(subject)
        raise NotFound("gone")

    async def last(_: str) -> timedelta | None:
        done.set()
        return None

    await bench.start({"gone": gone, "last": last})
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("gone", "s", key="k")
        await tx.jobs.enqueue("last", "s", key="l", delay=timedelta(seconds=3))
    await _until(done)
    assert runs == ["s"]


async def test_a_job_without_a_handler_is_refused_where_it_is_enqueued(bench: Bench) -> None:
    await bench.start({})
    async with bench.store.begin() as tx:
        with pytest.raises(KeyError):
            await tx.jobs.enqueue("unknown", "s", key="k")


async def test_jobs_that_ended_are_forgotten_and_no_others(bench: Bench, database_url: str) -> None:
    done, never = asyncio.Event(), asyncio.Event()
    ended: list[str] = []

    async def ends(subject: str) -> timedelta | None:
        ended.append(subject)
        if len(ended) == 5:
            done.set()
        return None

    async def waits(_: str) -> timedelta | None:
        await never.wait()
        return None

    await bench.start({"ends": ends, "waits": waits})
    assert bench.engine is not None
    long_ago = datetime.now(UTC) - timedelta(days=1)
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("waits", "under way", key="under way")
        await tx.jobs.enqueue("ends", "later", key="later", delay=timedelta(hours=1))
        for number in range(5):
            await tx.jobs.enqueue("ends", str(number), key=f"ended {number}")
    await _until(done)

    async def all_ended() -> bool:
        return await asyncio.to_thread(count_ended, blocking_url(database_url), datetime.now(UTC), most=100) == 5

    await eventually(all_ended, within=_PATIENCE_SECONDS)
    assert await bench.engine.forget(long_ago, most=10) == 0
    assert [await bench.engine.forget(datetime.now(UTC), most=3) for _ in range(3)] == [3, 2, 0]
    async with bench.store.begin() as tx:
        await tx.jobs.enqueue("ends", "again", key="under way")
        await tx.jobs.enqueue("ends", "again", key="later")
        await tx.jobs.enqueue("ends", "last", key="last")
    await eventually(lambda: "last" in ended, within=_PATIENCE_SECONDS)
    assert "again" not in ended


def test_where_no_engine_was_ever_started_no_job_has_ended(database_url: str) -> None:
    assert count_ended(blocking_url(database_url), datetime.now(UTC), most=10) == 0
