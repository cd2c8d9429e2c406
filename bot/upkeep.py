"""`stanch retention`: says how long what is kept, and what would go now. It changes nothing, and needs no server.

A running Stanch is not disturbed: the database is opened for reading alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.app import load_catalog
from bot.domain.retention import DataClass, RetentionPolicy
from bot.domain.values import Now, human_duration
from bot.durable.ended import count_ended
from bot.errors import SettingsError
from bot.services.retention import due
from bot.settings import read_settings
from bot.store.database import blocking_url, sqlite_file
from bot.store.migrations import is_current
from bot.store.sql import Store

_MOST_JOBS = 10_000
_UNITS = {
    DataClass.REQUESTS: "requests",
    DataClass.JOBS: "jobs",
    DataClass.GROUP_MEMBERS: "user groups",
    DataClass.TOKENS: "tokens",
    DataClass.NOTES: "notes",
    DataClass.ALERTS_WITHOUT_INCIDENT: "groups of alerts",
    DataClass.ALERTS_OF_INCIDENTS: "groups of alerts",
    DataClass.EVIDENCE: "pieces of evidence",
    DataClass.PERSONAL_DATA: "incidents",
}


async def show_retention(environ: Mapping[str, str], now: Now, write: Callable[[str], object]) -> int:
    """Write a line for each class of data; return 0.

    Raises:
        SettingsError: The database is not there, or not of this program's schema.
        ContentError: Content does not check.
        StoreUnavailable: The database cannot be reached.
    """
    settings = read_settings(environ)
    policy = load_catalog(settings.content).retention
    counts = await _counts(settings.database_url.get_secret_value(), policy, now)
    write(f"Retention policy version {policy.version}. What would go now; nothing is changed.\n")
    for what in DataClass:
        write(f"{what.value:<24} {_period(policy, what):<16} {_said(what, counts.get(what))}\n")
    if policy.hold:
        write(f"Nothing goes of {', '.join(f'INC-{number}' for number in policy.hold)}: on hold.\n")
    return 0


async def _counts(url: str, policy: RetentionPolicy, now: Now) -> Mapping[DataClass, int]:
    async with read_only(url, now) as store:
        counts = dict(await due(store, policy, now()))
    before = policy.cutoff(DataClass.JOBS, now())
    if before is not None:
        jobs = await asyncio.to_thread(count_ended, blocking_url(url), before, most=_MOST_JOBS)
        counts[DataClass.JOBS] = jobs
    return counts


@asynccontextmanager
async def read_only(url: str, now: Now) -> AsyncIterator[Store]:
    """Open a database that a Stanch may be running on, for reading alone.

    Raises:
        SettingsError: The database is not there, or not of this program's schema.
        StoreUnavailable: The database cannot be reached.
    """
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise SettingsError(f"There is no database at {file}.")
    store = Store(url, now=now, enqueue=_refuse, read_only=True)
    await store.open()
    try:
        async with store.session() as session:
            if not await (await session.connection()).run_sync(is_current):
                raise SettingsError("The database is of another schema than this program: start Stanch to migrate it.")
        yield store
    finally:
        await store.close()


def _period(policy: RetentionPolicy, what: DataClass) -> str:
    period = policy.keep.period(what)
    return "kept for ever" if period is None else f"kept {human_duration(period)}"


def _said(what: DataClass, count: int | None) -> str:
    if count is None:
        return ""
    least = " or more" if what is DataClass.JOBS and count == _MOST_JOBS else ""
    return f"{count:,}{least} {_UNITS[what]}"


async def _refuse(_session: AsyncSession, job: str, _subject: str, _key: str, _delay: timedelta | None) -> None:
    raise RuntimeError(f"nothing is enqueued here, and no {job}")
