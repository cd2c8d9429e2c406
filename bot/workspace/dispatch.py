"""How the app hears of what happens: the door it comes through, and the retries of events.

Only events are retried. A slash command or a click that is not acknowledged in time fails in front of the person who
made it, as in Slack.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from bot.workspace.faults import Faults
from bot.workspace.wire import Json


class Kind(StrEnum):
    """The kinds of delivery, named as in Socket Mode envelopes."""

    EVENT = "events_api"
    COMMAND = "slash_commands"
    INTERACTION = "interactive"


class Loss(StrEnum):
    """Why a delivery was not acknowledged; each door words it in its own way when it tries again."""

    TIMEOUT = "timeout"
    NO_CONNECTION = "no_connection"
    CONNECTION_LOST = "connection_lost"
    UNREACHABLE = "unreachable"
    NOT_ACCEPTED = "not_accepted"
    REFUSED_FOR_GOOD = "refused_for_good"


# A lost socket says nothing about the app: the event goes to the next one at once.
_AT_ONCE = (Loss.NO_CONNECTION, Loss.CONNECTION_LOST)


class UndeliveredError(Exception):
    """The app did not acknowledge a delivery."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.value)
        self.loss = loss


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing for the app, how often it was tried before, and why the last try came to nothing."""

    kind: Kind
    payload: Json
    retry_attempt: int = 0
    lost: Loss | None = None


class Door(Protocol):
    """A way to reach the app: open sockets, or a request URL."""

    async def deliver(self, delivery: Delivery) -> Json:
        """Deliver once and return what the app acknowledged with (`{}` if nothing); raise `UndeliveredError`."""

    async def wait_until_open(self) -> None:
        """Return as soon as it makes sense to try."""


Record = Callable[[Delivery, Loss | None], None]


class Dispatcher:
    """Sends deliveries through a door, in the order in which they happened; each try is put on record."""

    def __init__(self, door: Door, faults: Faults, retry_pauses: tuple[timedelta, ...], record: Record) -> None:
        self._door = door
        self._record = record
        self._faults = faults
        self._pauses = retry_pauses
        self._held: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def go_through(self, door: Door) -> None:
        """Send everything that happens from now on through another door."""
        self._door = door

    async def ask(self, kind: Kind, payload: Json) -> Json:
        """Deliver a command or an interaction and return the app's answer; raise `UndeliveredError`."""
        return await self._deliver(Delivery(kind, payload))

    def tell(self, payload: Json) -> None:
        """Deliver an event, again and again until it is acknowledged or Slack would give up."""
        self._held.append(Delivery(Kind.EVENT, payload))
        if self._faults.holds(len(self._held)):
            return
        held, self._held = self._held, []
        for delivery in reversed(held):
            for _ in range(self._faults.copies()):
                self._start(self._until_acknowledged(delivery))

    async def stop(self) -> None:
        """Give up whatever is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> Json:
        await asyncio.sleep(self._faults.slowness(delivery.kind))
        try:
            answer = await self._door.deliver(delivery)
        except UndeliveredError as exc:
            self._record(delivery, exc.loss)
            raise
        self._record(delivery, None)
        return answer

    async def _until_acknowledged(self, delivery: Delivery) -> None:
        attempt = delivery
        for pause in (*self._pauses, None):
            await self._door.wait_until_open()
            try:
                await self._deliver(attempt)
            except UndeliveredError as exc:
                if exc.loss is Loss.REFUSED_FOR_GOOD:
                    return
                attempt = replace(attempt, retry_attempt=attempt.retry_attempt + 1, lost=exc.loss)
                if pause is not None and exc.loss not in _AT_ONCE:
                    await asyncio.sleep(pause.total_seconds())
            else:
                return
