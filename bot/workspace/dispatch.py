"""How the app hears of what happens: the door it comes through, and the retries of events.

Only events are retried. A slash command or a click that is not acknowledged in time fails in front of the person who
made it, as in Slack.
"""

import asyncio
from collections.abc import Coroutine
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
    """Why a delivery was not acknowledged."""

    TIMEOUT = "timeout"
    NO_CONNECTION = "no_connection"
    CONNECTION_LOST = "connection_failed"


class UndeliveredError(Exception):
    """The app did not acknowledge a delivery."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.value)
        self.loss = loss


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing for the app, and how often it was tried before."""

    kind: Kind
    payload: Json
    retry_attempt: int = 0
    retry_reason: str = ""


class Door(Protocol):
    """A way to reach the app: open sockets, or a request URL."""

    async def deliver(self, delivery: Delivery) -> Json:
        """Deliver once and return what the app acknowledged with (`{}` if nothing); raise `UndeliveredError`."""

    async def wait_until_open(self) -> None:
        """Return as soon as the app can be reached."""


class Dispatcher:
    """Sends deliveries through a door, in the order in which they happened."""

    def __init__(self, door: Door, faults: Faults, retry_pauses: tuple[timedelta, ...]) -> None:
        self._door = door
        self._faults = faults
        self._pauses = retry_pauses
        self._held: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, kind: Kind, payload: Json) -> Json:
        """Deliver a command or an interaction and return the app's answer; raise `UndeliveredError`."""
        return await self._door.deliver(Delivery(kind, payload))

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

    async def _until_acknowledged(self, delivery: Delivery) -> None:
        attempt = delivery
        for pause in (*self._pauses, None):
            await self._door.wait_until_open()
            try:
                await self._door.deliver(attempt)
            except UndeliveredError as exc:
                attempt = replace(attempt, retry_attempt=attempt.retry_attempt + 1, retry_reason=exc.loss.value)
                if pause is not None and exc.loss is Loss.TIMEOUT:
                    await asyncio.sleep(pause.total_seconds())
            else:
                return
