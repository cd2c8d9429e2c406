"""People who act while Stanch is killed: a press that visibly failed is pressed again, what is acknowledged counts.

What an act did is read from the store. A press that was acknowledged, without a word that it failed, and of which the
store knows nothing is a promise that was broken.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from bot.workspace.client import Person, RejectedError
from bot.workspace.labels import LabelError

_PATIENCE_SECONDS = 240
_ACKNOWLEDGED_SECONDS = 8
_FAILED_SECONDS = 0.7
_POLL_SECONDS = 0.15
# What a press meets when nobody is there to take it, or what it is meant for is not on screen (yet).
VISIBLY_FAILED = (RejectedError, LabelError, httpx.HTTPError, TimeoutError)

Do = Callable[[], Awaitable[object]]
Ask = Callable[[], Awaitable[bool]]


class Stuck(Exception):
    """Something did not happen however long people waited and tried."""


@dataclass
class Broken:
    """Promises to people that were broken, in words."""

    acts: list[str] = field(default_factory=list)


class Actor:
    """One person in one channel, with patience."""

    def __init__(self, person: Person, channel: str, broken: Broken) -> None:
        """Take the person, the incident's channel, and where broken promises are noted."""
        self.person = person
        self._channel = channel
        self._broken = broken

    async def act(self, what: str, do: Do, done: Ask, *, answer: str = "\0", promises: bool = True) -> None:
        """Do something until it is done.

        Args:
            what: Names it in reports.
            do: The press, the command, or the form.
            done: Asks the store whether it has happened.
            answer: Part of the private answer that says that it has happened.
            promises: Whether an acknowledgement means that it is stored.

        Raises:
            Stuck: It never is.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not await done():
            if time.monotonic() > deadline:
                raise Stuck(f"{self.person.account} in #{self._channel}: {what}")
            before = await self.told()
            acknowledged = await self._tried(do)
            if await true_within(done, _ACKNOWLEDGED_SECONDS if acknowledged else _FAILED_SECONDS):
                return
            news = [text for text in (await self.told())[len(before) :] if answer not in text]
            if acknowledged and promises and not news:
                self._broken.acts.append(f"#{self._channel}: {what}")

    async def told(self) -> list[str]:
        """Return what only this person was told in the channel, oldest first."""
        with suppress(RejectedError, httpx.HTTPError):
            messages = await self.person.messages(self._channel)
            return [str(each["visible"]) for each in messages if each["ephemeral"]]
        return []

    async def press(self, label: str, containing: str) -> None:
        """Press a button of the newest message that has it and holds a text; raise `LabelError`."""
        messages = await self.person.messages(self._channel)
        cards = [each for each in messages if containing in each["visible"] and label in Person.labels(each)]
        if not cards:
            raise LabelError(f"no message with {containing!r} has {label!r}")
        await self.person.press(label, message=cards[-1], containing=containing)

    async def fill(self, label: str, containing: str, form: str, entries: dict[str, str]) -> None:
        """Open a form by a button, fill it in and submit it; whatever modal was open is closed first."""
        with suppress(*VISIBLY_FAILED):
            await self.person.close(clear=True)
        await self.press(label, containing)
        await self.person.wait_for_view(containing=form, timeout=_ACKNOWLEDGED_SECONDS)
        await self.person.fill(entries, submit=True)

    async def _tried(self, do: Do) -> bool:
        try:
            await do()
        except VISIBLY_FAILED:
            return False
        return True


async def true_within(ask: Ask, seconds: float) -> bool:
    """Ask again and again until it is so; return whether it was in time."""
    deadline = time.monotonic() + seconds
    while not await ask():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def wait_until(ask: Ask, what: str, seconds: float = _PATIENCE_SECONDS) -> None:
    """Return once it is so.

    Raises:
        Stuck: It never is.
    """
    if not await true_within(ask, seconds):
        raise Stuck(what)
