"""Fixtures that all tests share: databases, the store, the clock.

A test that asks for `database_url` or `store` runs twice, on SQLite and on a real PostgreSQL. Migrations run once for
each and process.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.migrations import migrate
from bot.store.sql import Store
from bot.store.tables import StoredRow
from tests import effort  # noqa: F401 - the profiles must be there before a test asks for its settings
from tests.builders import Clock
from tests.postgres import Databases, running_postgres

_MIGRATED = "migrated"
# Rows before what they refer to, without the table that says which migrations ran.
_TABLES = [table.name for table in reversed(StoredRow.metadata.sorted_tables)]


@dataclass(frozen=True)
class Enqueued:
    """A job that a transaction asked for; it is on record even when the transaction was rolled back."""

    job: str
    subject: str
    key: str
    delay: timedelta | None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """A server of this process, with a migrated database."""
    with running_postgres() as databases:
        migrate(databases.create(_MIGRATED))
        yield databases


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy from."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database."""
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'stanch.sqlite')}"


@pytest.fixture
def postgres_url(postgres: Databases) -> str:
    """A migrated PostgreSQL database, emptied of what the test before left."""
    postgres.empty(_MIGRATED, _TABLES)
    return postgres.url(_MIGRATED)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database, once of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'unmigrated.sqlite'}"
        return
    databases: Databases = request.getfixturevalue("postgres")
    name = f"unmigrated_{uuid4().hex}"
    yield databases.create(name)
    databases.drop(name)


@pytest.fixture
def enqueued() -> list[Enqueued]:
    """The jobs that `store` was asked for."""
    return []


@pytest.fixture
def woken() -> list[frozenset[str]]:
    """The lanes that `store` said were wanted, one entry a commit."""
    return []


@pytest.fixture
async def store(
    database_url: str, clock: Clock, enqueued: list[Enqueued], woken: list[frozenset[str]]
) -> AsyncIterator[Store]:
    """An open store on a migrated, empty database; its jobs are recorded and not run."""

    async def record(_: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        enqueued.append(Enqueued(job, subject, key, delay))

    opened = Store(database_url, now=clock, enqueue=record, on_commit=woken.append)
    await opened.open()
    yield opened
    await opened.close()
