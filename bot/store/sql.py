"""The store: opens a database and hands out transactions.

On SQLite transactions wait for each other in this process, so a block inside `begin()` must neither be slow nor open
another one: the inner one would wait for the outer one for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from bot import tracing
from bot.domain.values import Now
from bot.services.deliveries import DRAIN, safety_net
from bot.services.lasting_ports import EvidenceKept, Remediations
from bot.services.ports import (
    Alerts,
    Containments,
    Deliveries,
    Incidents,
    Jobs,
    Receipts,
    Timeline,
    Timers,
    Transaction,
)
from bot.services.token_ports import Tokens
from bot.services.upkeep_ports import Leftovers, Recurrences
from bot.store.alerts import SqlAlerts
from bot.store.containments import SqlContainments
from bot.store.database import async_engine, check_version, sqlite_file
from bot.store.deliveries import SqlDeliveries
from bot.store.evidence import SqlEvidence
from bot.store.failures import translated
from bot.store.file_lock import FileLock
from bot.store.incidents import SqlIncidents
from bot.store.leftovers import SqlLeftovers
from bot.store.receipts import SqlReceipts
from bot.store.recurrences import SqlRecurrences
from bot.store.remediations import SqlRemediations
from bot.store.timeline import SqlTimeline
from bot.store.timers import SqlTimers
from bot.store.tokens import SqlTokens

Enqueue = Callable[[AsyncSession, str, str, str, timedelta | None], Awaitable[None]]
"""Enqueues `(session, job, subject, key, delay)` in the session's transaction."""

OnCommit = Callable[[frozenset[str]], None]
"""Is told the lanes that a committed transaction wanted something in; must not raise."""


def ignore(_lanes: frozenset[str]) -> None:
    """Wake nobody."""


class SqlJobs:
    """The `Jobs` port: hands on to the durable engine, with the session of the transaction."""

    def __init__(self, session: AsyncSession, enqueue: Enqueue) -> None:
        self._session = session
        self._enqueue = enqueue

    async def enqueue(self, job: str, subject: str, *, key: str, delay: timedelta | None = None) -> None:
        """Have `job` run for `subject` once the transaction has committed; a repeated `key` is one job."""
        await self._enqueue(self._session, job, subject, key, delay)


class SqlTransaction:
    """The `Transaction` port over one session."""

    def __init__(self, session: AsyncSession, now: Now, enqueue: Enqueue) -> None:
        self.lanes: set[str] = set()
        self.jobs: Jobs = SqlJobs(session, enqueue)
        self.incidents: Incidents = SqlIncidents(session)
        self.alerts: Alerts = SqlAlerts(session)
        self.timeline: Timeline = SqlTimeline(session, now)
        self.containments: Containments = SqlContainments(session)
        self.evidence: EvidenceKept = SqlEvidence(session)
        self.remediations: Remediations = SqlRemediations(session)
        self.deliveries: Deliveries = SqlDeliveries(session, self.lanes, now)
        self.timers: Timers = SqlTimers(session, self.jobs, now)
        self.receipts: Receipts = SqlReceipts(session)
        self.tokens: Tokens = SqlTokens(session)
        self.recurrences: Recurrences = SqlRecurrences(session)
        self.leftovers: Leftovers = SqlLeftovers(session)


class Store:
    """The `UnitOfWork` port on SQLite or PostgreSQL."""

    def __init__(
        self, url: str, *, now: Now, enqueue: Enqueue, on_commit: OnCommit = ignore, read_only: bool = False
    ) -> None:
        """Prepare, without connecting; one that only reads does not keep others away from a SQLite file.

        Raises:
            SettingsError: The URL is neither a SQLite file nor PostgreSQL.
        """
        self._now = now
        self._enqueue = enqueue
        self._on_commit = on_commit
        self._engine = async_engine(url, read_only=read_only)
        file = None if read_only else sqlite_file(url)
        self._file_lock = FileLock(file) if file else None
        self._one_writer: AbstractAsyncContextManager[object] = asyncio.Lock() if file else nullcontext()

    @property
    def engine(self) -> AsyncEngine:
        """The engine, for the durable engine on the same database."""
        return self._engine

    async def open(self) -> None:
        """Take the database; on SQLite, before migrating it, because this is what keeps a second process away.

        Raises:
            SettingsError: Another process uses the SQLite file, or the database is too old.
            StoreUnavailable: The database cannot be reached.
        """
        if self._file_lock:
            self._file_lock.take()
        try:
            async with self.session() as session:
                await (await session.connection()).run_sync(check_version)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close all connections and let the database go."""
        await self._engine.dispose()
        if self._file_lock:
            self._file_lock.release()

    async def ping(self) -> None:
        """Check that the database answers.

        Raises:
            StoreUnavailable: It does not.
        """
        async with self.session() as session:
            await session.execute(text("SELECT 1"))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a session in a transaction of its own, for what is no part of a unit of work.

        Raises:
            StoreUnavailable: The database cannot be reached.
            Conflict: The database ended the transaction in favour of another.
        """
        with tracing.call("store.transaction", {"db.system.name": self._engine.dialect.name}), translated():
            async with self._one_writer, AsyncSession(self._engine) as session, session.begin():
                yield session

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Open a transaction that commits when the block ends and rolls back when it raises.

        Raises:
            StoreUnavailable: The database cannot be reached; nothing was done.
            Conflict: The database ended the transaction in favour of another; nothing was done.
        """
        async with self.session() as session:
            transaction = SqlTransaction(session, self._now, self._enqueue)
            yield transaction
            for lane in sorted(transaction.lanes):
                key, delay = safety_net(lane, self._now())
                await transaction.jobs.enqueue(DRAIN, lane, key=key, delay=delay)
        if transaction.lanes:
            self._on_commit(frozenset(transaction.lanes))
