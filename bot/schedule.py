"""What recurs, in wall-clock time: each firing only enqueues a durable job whose key names the instant.

Every replica runs a schedule of its own, and keeps it in memory. That is enough: the instants up to which jobs were
enqueued are in the database, so what was missed is worked out, and a key that two replicas enqueue is one job. A
newcomer would do the work in the firing: it would then be lost with the process, and be done once a replica.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from bot.domain.values import Now
from bot.errors import StanchError
from bot.services.ports import UnitOfWork

logger = logging.getLogger(__name__)

_AGAIN_AFTER = timedelta(minutes=1)
_LEAST = timedelta(microseconds=1)
# After a year of silence nobody is helped by a year of jobs.
MOST_MISSED = 31


@dataclass(frozen=True)
class Recurrence:
    """A durable job that recurs; its subject is the instant, and `trigger` says which instants there are."""

    job: str
    trigger: CronTrigger

    def instants(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield when it is due, after one instant and up to another, oldest first."""
        found = self.trigger.get_next_fire_time(None, after + _LEAST)
        while found is not None and found <= until:
            yield found
            found = self.trigger.get_next_fire_time(None, found + _LEAST)


def daily(job: str, *, hour: int, minute: int) -> Recurrence:
    """Return a job that recurs each day, in UTC."""
    return Recurrence(job, CronTrigger(hour=hour, minute=minute, timezone=UTC))


def every_six_hours(job: str, *, minute: int) -> Recurrence:
    """Return a job that recurs four times a day, in UTC."""
    return Recurrence(job, CronTrigger(hour="*/6", minute=minute, timezone=UTC))


class Schedule:
    """Fires what recurs."""

    def __init__(self, uow: UnitOfWork, now: Now, recurrences: Sequence[Recurrence]) -> None:
        """Take the store, the clock and what recurs."""
        self._uow = uow
        self._now = now
        self._recurrences = recurrences
        self._firing: set[asyncio.Future[None]] = set()
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})

    async def start(self) -> None:
        """Enqueue what was missed, and fire from now on.

        Raises:
            StoreUnavailable: The database cannot be reached.
        """
        for each in self._recurrences:
            await self.catch_up(each)
            self._scheduler.add_job(self._fire, each.trigger, args=[each], id=each.job)
        self._scheduler.start()

    async def stop(self) -> None:
        """Fire no more, and let what fires at this moment finish: the scheduler would cancel it amid a transaction."""
        if self._scheduler.running:
            self._scheduler.pause()
            await asyncio.gather(*self._firing, return_exceptions=True)
            self._scheduler.shutdown(wait=False)

    async def catch_up(self, recurrence: Recurrence) -> None:
        """Enqueue a job for each instant since the last one that anybody enqueued one for, the newest at least.

        What is seen for the first time has missed nothing.

        Raises:
            StoreUnavailable: The database cannot be reached.
        """
        now = self._now()
        async with self._uow.begin() as tx:
            since = await tx.recurrences.since(recurrence.job, now)
            missed = deque(recurrence.instants(since, now), maxlen=MOST_MISSED)
            for instant in missed:
                await tx.jobs.enqueue(
                    recurrence.job, instant.isoformat(), key=f"{recurrence.job}:{instant.isoformat()}"
                )
            if missed:
                await tx.recurrences.note(recurrence.job, missed[-1])

    async def _fire(self, recurrence: Recurrence) -> None:
        catching_up = asyncio.ensure_future(self.catch_up(recurrence))
        self._firing.add(catching_up)
        catching_up.add_done_callback(self._firing.discard)
        try:
            await catching_up
        except StanchError as error:
            logger.warning("schedule.again job=%s after=%s: %s", recurrence.job, _AGAIN_AFTER, error)
            again = DateTrigger(self._now() + _AGAIN_AFTER, timezone=UTC)
            self._scheduler.add_job(
                self._fire, again, args=[recurrence], id=f"{recurrence.job}.again", replace_existing=True
            )
