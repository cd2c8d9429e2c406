"""Instants at which something must be looked at again.

A timer that was taken or cancelled keeps its row and its generation: a wake-up is one job by its key for ever, so a
timer that began again at generation 1 would never be woken.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.timer import Timer
from bot.domain.values import Now
from bot.services.ports import Jobs
from bot.store.mapping import TIMERS
from bot.store.statements import inserting
from bot.store.tables import TimerRow

WAKE_UP = "timer"


class SqlTimers:
    """The `Timers` port."""

    def __init__(self, session: AsyncSession, jobs: Jobs, now: Now) -> None:
        self._session = session
        self._jobs = jobs
        self._now = now

    async def set(self, timer: Timer) -> None:
        """Set or move a timer and enqueue its wake-up; its generation is given here, whatever the value says."""
        columns = TIMERS.columns(timer) | {"generation": 1}
        statement = (
            inserting(self._session, TimerRow)
            .values(columns)
            .on_conflict_do_update(index_elements=["key"], set_=columns | {"generation": col(TimerRow.generation) + 1})
            .returning(TIMERS.table.c.generation)
        )
        generation = (await self._session.execute(statement)).scalar_one()
        delay = max(timedelta(0), timer.due_at - self._now())
        await self._jobs.enqueue(WAKE_UP, timer.key, key=f"{WAKE_UP}:{timer.key}:{generation}", delay=delay)

    async def cancel(self, key: str) -> None:
        """Forget a timer; its wake-up will find nothing."""
        await self._stop(key)

    async def get(self, key: str) -> Timer | None:
        """Return a timer, if it is set."""
        query = TIMERS.select().where(col(TimerRow.key) == key, col(TimerRow.due_at).is_not(None))
        row = (await self._session.execute(query)).mappings().first()
        return TIMERS.load(row) if row else None

    async def due(self, at: datetime) -> Sequence[Timer]:
        """Return the timers that are due, oldest first."""
        query = TIMERS.select().where(col(TimerRow.due_at) <= at).order_by(col(TimerRow.due_at), col(TimerRow.key))
        return [TIMERS.load(row) for row in (await self._session.execute(query)).mappings()]

    async def take(self, key: str, generation: int, at: datetime) -> Timer | None:
        """Remove and return a timer if it is still of this generation and due; one of two takers gets it."""
        query = (
            TIMERS.select()
            .where(col(TimerRow.key) == key, col(TimerRow.generation) == generation, col(TimerRow.due_at) <= at)
            .with_for_update()
        )
        if (row := (await self._session.execute(query)).mappings().first()) is None:
            return None
        await self._stop(key)
        return TIMERS.load(row)

    async def _stop(self, key: str) -> None:
        await self._session.execute(update(TIMERS.table).where(col(TimerRow.key) == key).values(due_at=None))
