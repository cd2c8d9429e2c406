"""Tells the open pages that something changed, so that they fetch what they show again.

A change says only where it happened, never what: what a person may see is decided when the page asks.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from bot.workspace.wire import Json

_QUEUE_LENGTH = 1_000


class Changes:
    """A feed of changes with any number of listeners; it ends when the workspace stops."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Json | None]] = set()
        self._stopped = False

    def publish(self, area: str, *, channel: str | None = None, user: str | None = None) -> None:
        """Report a change in an area of the screen (`messages`, `channels`, `view`, `home`); `user` limits it to one.

        A listener that has fallen far behind misses it: its page has a full queue of reasons to fetch already.
        """
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait({"area": area, "channel": channel, "user": user})

    def stop(self) -> None:
        """End every feed."""
        self._stopped = True
        for queue in self._listeners:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def feed(self, user: str) -> AsyncIterator[Json]:
        """Yield the changes that concern one account, from now on; first an empty one, to say that it listens."""
        with self._listening() as queue:
            yield {}
            while not self._stopped:
                change = await queue.get()
                if change is None:
                    return
                if change["user"] in (None, user):
                    yield change

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Queue[Json | None]]:
        queue: asyncio.Queue[Json | None] = asyncio.Queue(_QUEUE_LENGTH)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
