"""Looks at the database without changing it: reachable, of which schema, and whether timelines verify.

A SQLite file that a running Stanch holds is left alone: that Stanch is asked instead.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.doctor.findings import Finding, ok, problem, warning
from bot.domain.timeline import chain_problems
from bot.domain.values import Now
from bot.errors import SettingsError, StanchError, StoreUnavailable
from bot.settings import Settings
from bot.store.database import sqlite_file, sync_engine
from bot.store.failures import translated
from bot.store.migrations import VERSION_TABLE, alembic_config
from bot.store.sql import Store

_ABOUT = "database"
_NEWEST = 100
_PATIENCE_SECONDS = 5


async def examine_database(settings: Settings, now: Now) -> list[Finding]:
    """Return what there is to say about the database and the newest timelines in it."""
    url = settings.database_url.get_secret_value()
    try:
        file = sqlite_file(url)
        if file is not None and not file.exists():
            return [_not_there_yet(file)]
        store = Store(url, now=now, enqueue=_refuse)
    except SettingsError as error:
        return [problem(_ABOUT, str(error))]
    try:
        await store.open()
    except SettingsError as error:
        return [problem(_ABOUT, str(error)) if file is None else await _ask_the_server(settings, error)]
    except StoreUnavailable:
        return [problem(_ABOUT, _unreachable(url))]
    try:
        return await _opened(store, url)
    finally:
        await store.close()


async def _opened(store: Store, url: str) -> list[Finding]:
    try:
        schema, is_current = await asyncio.to_thread(_schema, url)
        return [schema, *(await _timelines(store) if is_current else [])]
    except (StanchError, SQLAlchemyError) as error:
        return [problem(_ABOUT, f"{_where(url)} cannot be read: {str(error).splitlines()[0]}")]


def _schema(url: str) -> tuple[Finding, bool]:
    """Return what there is to say about the schema, and whether it is this program's."""
    engine = sync_engine(url)
    try:
        with translated(), engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            found = set(context.get_current_heads())
            scripts = ScriptDirectory.from_config(alembic_config(connection))
    finally:
        engine.dispose()
    where = _where(url)
    if not found:
        return ok(_ABOUT, f"{where} is empty; the first start makes its tables"), False
    if unknown := sorted(found - {each.revision for each in scripts.walk_revisions()}):
        mend = "run that version or a newer one, or restore the backup from before the upgrade"
        return problem(_ABOUT, f"{where} was migrated by a newer Stanch (schema {', '.join(unknown)}): {mend}"), False
    if found != set(scripts.get_heads()):
        mend = "the next start migrates it, so back it up first"
        return warning(_ABOUT, f"{where} is older than this program: {mend}"), False
    return ok(_ABOUT, f"{where} has this program's schema"), True


async def _timelines(store: Store) -> list[Finding]:
    async with store.begin() as tx:
        newest = await tx.incidents.listed(only_open=False, limit=_NEWEST)
    broken: list[Finding] = []
    for incident in newest:
        async with store.begin() as tx:
            events = await tx.timeline.events(incident.id)
        if problems := chain_problems(events):
            mend = "compare it with a backup, and with the heads that were posted in its channel"
            broken.append(problem("timelines", f"{incident.label} does not verify, {problems[0]}: {mend}"))
    return broken or [ok("timelines", f"the newest {len(newest)} verify (at most {_NEWEST} are read)")]


async def _ask_the_server(settings: Settings, refused: SettingsError) -> Finding:
    """Return what the Stanch that holds the file says of itself."""
    if not settings.port:
        return warning(_ABOUT, f"{refused} STANCH_PORT is 0, so that Stanch cannot be asked how it is")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - asked, not served
    address = f"http://{host}:{settings.port}/readyz"
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE_SECONDS) as client:
            answer = await client.get(address)
            checks = dict(answer.json()["checks"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return problem(_ABOUT, f"{refused} Nothing that is ready answers at {address} ({type(error).__name__})")
    said = ", ".join(f"{name} {state}" for name, state in checks.items())
    if answer.status_code != httpx.codes.OK:
        return problem(_ABOUT, f"a running Stanch uses the file and is not ready: {said}")
    return ok(_ABOUT, f"a running Stanch uses the file and says that it is ready: {said}")


def _not_there_yet(file: Path) -> Finding:
    folder = next(each for each in file.absolute().parents if each.exists())
    if not folder.is_dir():
        return problem(_ABOUT, f"{folder} is no folder: set STANCH_DATABASE_URL to a file in one")
    return ok(_ABOUT, f"{file} is not there yet; the first start makes it")


def _unreachable(url: str) -> str:
    return f"{_where(url)} cannot be opened: see that it runs and that STANCH_DATABASE_URL names it and its account"


def _where(url: str) -> str:
    """Return a database by its file, or by host and name; never with what opens it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return f"SQLite {parsed.database}"
    return f"PostgreSQL {parsed.database} on {parsed.host or parsed.query.get('host') or 'this machine'}"


async def _refuse(_session: AsyncSession, job: str, _subject: str, _key: str, _delay: timedelta | None) -> None:
    raise RuntimeError(f"an examination enqueues nothing, and no {job}")
