"""Replicas on one PostgreSQL: each lives as long as its session lock, and whoever finds a lock free adopts its jobs.

The lock session ends by itself when the process does, and after a silence when the process hangs. Adoption is a
reconcile that repeats, never one shot, and takes two looks, so that a restarting database does not make everyone adopt
everyone. It needs a direct connection: a pooler in transaction mode would share the session.
"""

import asyncio
import logging
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StanchError

logger = logging.getLogger(__name__)

# Any constant of our own: the first of the two keys of our advisory locks.
_LOCK_CLASS = 0x57A4C4
_TICK = timedelta(seconds=2)
# How long a process may hang before the server ends its session; longer than any pause of the loop that is no fault.
SILENCE = timedelta(seconds=15)
_KEEPALIVES: dict[str, str | int] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


class Estate(Protocol):
    """Something that a process owns while it lives, by its name in the database."""

    async def owners(self) -> frozenset[str]:
        """Return the other processes that own some of it."""
        ...

    async def take_over(self, owner: str) -> None:
        """Go on with what a process that is gone owned."""
        ...


class Replicas:
    """This process among the others."""

    def __init__(self, url: str, name: str, estates: Sequence[Estate], *, silence: timedelta = SILENCE) -> None:
        """Take a libpq URL of the database, this process's name, what may be left behind, and what counts as hung."""
        self._url = url
        self._name = name
        self._estates = estates
        self._silence = silence
        self._task: asyncio.Task[None] | None = None
        self._suspects: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Take this process's lock and begin to look after the others.

        Raises:
            psycopg.Error: The database cannot be reached.
        """
        connection = await self._locked_session()
        self._task = asyncio.get_running_loop().create_task(self._watch(connection), name="replicas")

    async def stop(self) -> None:
        """Let the lock go, so that others take over at once what was left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _locked_session(self) -> AsyncConnection[tuple[object, ...]]:
        connection = await AsyncConnection.connect(make_conninfo(self._url, **_KEEPALIVES), autocommit=True)
        milliseconds = int(self._silence.total_seconds() * 1000)
        await connection.execute(sql.SQL("SET idle_session_timeout = {}").format(sql.Literal(milliseconds)))
        await connection.execute("SELECT pg_advisory_lock(%s, %s)", (_LOCK_CLASS, _lock_of(self._name)))
        return connection

    async def _watch(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        try:
            while True:
                await asyncio.sleep(_TICK.total_seconds())
                try:
                    await self._reconcile(connection)
                except (StanchError, SQLAlchemyError, psycopg.Error, OSError) as error:
                    logger.warning("replica.lock_lost name=%s: %s", self._name, error)
                    connection = await self._relock(connection)
        finally:
            await connection.close()

    async def _relock(self, connection: AsyncConnection[tuple[object, ...]]) -> AsyncConnection[tuple[object, ...]]:
        self._suspects = frozenset()
        while True:
            await connection.close()
            try:
                return await self._locked_session()
            except psycopg.Error:
                await asyncio.sleep(_TICK.total_seconds())

    async def _reconcile(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        await connection.execute("SELECT 1")
        owners = frozenset[str]().union(*[await estate.owners() for estate in self._estates])
        self._suspects = frozenset([other for other in owners if await self._is_gone(connection, other)])

    async def _is_gone(self, connection: AsyncConnection[tuple[object, ...]], other: str) -> bool:
        """Whether another process's lock is free; take over from it when it was free at the last look too."""
        keys = (_LOCK_CLASS, _lock_of(other))
        row = await (await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)).fetchone()
        if row is None or not row[0]:
            return False
        try:
            if other in self._suspects:
                logger.warning("replica.taken_over name=%s", other)
                for estate in self._estates:
                    await estate.take_over(other)
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s, %s)", keys)
        return True


def _lock_of(name: str) -> int:
    """Return the second key of a process's lock: a signed 32-bit number."""
    return zlib.crc32(name.encode()) - 2**31
