"""Timers: the row decides, the wake-up only knocks."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from bot.domain.timer import Timer
from bot.domain.values import Now
from bot.services.ports import UnitOfWork

TimerHandler = Callable[[Timer], Awaitable[None]]


class Timers:
    """Runs what is due."""

    def __init__(self, uow: UnitOfWork, now: Now, handlers: Mapping[str, TimerHandler]) -> None:
        """Take the store, the clock, and a handler for each timer's job."""
        self._uow = uow
        self._now = now
        self._handlers = handlers

    async def knock(self, key: str) -> timedelta | None:
        """Run one timer if it is due; return how long until it is, `None` when it is gone.

        A handler that fails leaves its timer in place: it is taken only once the handler is done.
        """
        async with self._uow.begin() as tx:
            timer = await tx.timers.get(key)
        if timer is None:
            return None
        if timer.due_at > self._now():
            return timer.due_at - self._now()
        await self._fire(timer)
        return None

    async def run_due(self, at: datetime) -> int:
        """Run every timer that is due at an instant, oldest first; return how many."""
        async with self._uow.begin() as tx:
            due = await tx.timers.due(at)
        for timer in due:
            await self._fire(timer)
        return len(due)

    async def _fire(self, timer: Timer) -> None:
        await self._handlers[timer.job](timer)
        async with self._uow.begin() as tx:
            await tx.timers.take(timer.key, timer.generation, timer.due_at)
