"""The store as a whole: one commit or none, what cannot be reached, and who may use a file."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.domain.delivery import DeliveryKind
from bot.errors import Conflict, NotFound, SettingsError, StoreUnavailable, UserError
from bot.services.ports import Transaction
from bot.store.database import blocking_url, libpq_url, normalised_url
from bot.store.sql import Store
from bot.store.tables import StoredRow
from tests.builders import (
    GROUP_ID,
    INCIDENT_ID,
    NOW,
    Clock,
    alert,
    containment,
    fact,
    group,
    incident,
    keep,
    timer,
)

CARD = DeliveryKind.INCIDENT_CARD
HOLD_A_FILE = """
import sys
from pathlib import Path
from bot.store.file_lock import FileLock
FileLock(Path(sys.argv[1])).take()
print("taken", flush=True)
sys.stdin.read()
"""


@contextmanager
def other_process_using(file: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_FILE, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"taken\n"
    yield
    process.kill()
    process.communicate()


async def no_engine(_: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
    """Enqueue nothing."""


async def write_everywhere(tx: Transaction) -> None:
    await tx.incidents.add(incident(number=await tx.incidents.next_number()))
    await tx.alerts.put_groups(group())
    await keep(tx, alert(), GROUP_ID)
    await tx.timeline.append(INCIDENT_ID, fact())
    await tx.containments.add(containment())
    await tx.containments.claim_targets(containment())
    await tx.deliveries.want(CARD, "triage", "1")
    await tx.deliveries.claim_lane("triage", "replica-a", timedelta(minutes=1))
    await tx.timers.set(timer())
    await tx.receipts.first_time("trigger-1", NOW)


async def rows(store: Store) -> int:
    async with store.session() as session:
        return sum(
            [
                (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608 - our names
                for table in StoredRow.metadata.tables
            ]
        )


async def test_what_one_block_writes_is_committed_together(store: Store) -> None:
    async with store.begin() as tx:
        await write_everywhere(tx)
    assert await rows(store) == 11


async def test_a_block_that_raises_leaves_nothing_and_wakes_nobody(store: Store, woken: list[frozenset[str]]) -> None:
    async def fail() -> None:
        async with store.begin() as tx:
            await write_everywhere(tx)
            raise UserError("no")

    with pytest.raises(UserError):
        await fail()
    assert await rows(store) == 0
    assert woken == []


async def test_a_block_that_is_cancelled_leaves_nothing_and_lets_the_next_one_in(store: Store) -> None:
    written = asyncio.Event()

    async def write_and_wait() -> None:
        async with store.begin() as tx:
            await write_everywhere(tx)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_wait())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(store) == 0


async def test_a_job_is_enqueued_in_the_very_transaction(database_url: str, clock: Clock) -> None:
    async def enqueue(session: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        await session.execute(text("INSERT INTO stanch_counter (name, value) VALUES (:key, 1)"), {"key": key})

    store = Store(database_url, now=clock, enqueue=enqueue)
    await store.open()

    async def fail() -> None:
        async with store.begin() as tx:
            await tx.jobs.enqueue("carry_out", "1", key="rolled back")
            raise UserError("no")

    with pytest.raises(UserError):
        await fail()
    async with store.begin() as tx:
        await tx.jobs.enqueue("carry_out", "1", key="committed")
    async with store.session() as session:
        assert (await session.execute(text("SELECT name FROM stanch_counter"))).scalars().all() == ["committed"]
    await store.close()


async def test_a_wrong_statement_is_a_bug_and_not_an_outage(store: Store) -> None:
    with pytest.raises(DBAPIError):
        async with store.session() as session:
            await session.execute(text("SELECT * FROM no_such_table"))
    await store.ping()


async def test_sqlite_keeps_its_promises(sqlite_url: str, clock: Clock) -> None:
    store = Store(sqlite_url, now=clock, enqueue=no_engine)
    await store.open()
    async with store.session() as session:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [(await session.execute(text(f"PRAGMA {pragma}"))).scalar_one() for pragma in pragmas]
    assert found == ["wal", 2, 1, 30_000]
    await store.close()


async def test_a_full_disk_is_reported_and_nothing_is_half_done(sqlite_url: str, clock: Clock) -> None:
    store = Store(sqlite_url, now=clock, enqueue=no_engine)
    await store.open()
    async with store.session() as session:
        await session.execute(text("PRAGMA max_page_count = 1"))
    with pytest.raises(StoreUnavailable):
        async with store.begin() as tx:
            await tx.incidents.add(incident(opened_why="x" * 1_000_000))
    async with store.begin() as tx:
        with pytest.raises(NotFound):
            await tx.incidents.get(INCIDENT_ID)
    await store.close()


async def test_a_server_that_ends_the_connection_is_reported_and_the_next_block_works(
    postgres_url: str, clock: Clock
) -> None:
    store = Store(postgres_url, now=clock, enqueue=no_engine)
    await store.open()

    async def lose_the_connection() -> None:
        async with store.begin() as tx, store.session() as other:
            await tx.receipts.first_time("trigger-1", NOW)
            await other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            await tx.receipts.first_time("trigger-2", NOW)

    with pytest.raises(StoreUnavailable):
        await lose_the_connection()
    async with store.begin() as tx:
        assert await tx.receipts.first_time("trigger-1", NOW)
    await store.close()


async def test_a_deadlock_is_a_conflict_for_one_and_a_commit_for_the_other(postgres_url: str, clock: Clock) -> None:
    store = Store(postgres_url, now=clock, enqueue=no_engine)
    await store.open()
    both_hold_one = asyncio.Barrier(2)

    async def want_both(first: str, second: str) -> None:
        async with store.begin() as tx:
            await tx.deliveries.want(CARD, "triage", first)
            await both_hold_one.wait()
            await tx.deliveries.want(CARD, "triage", second)

    async with store.begin() as tx:
        await tx.deliveries.want(CARD, "triage", "1")
        await tx.deliveries.want(CARD, "triage", "2")
    outcomes = await asyncio.gather(want_both("1", "2"), want_both("2", "1"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == sorted([Conflict.__name__, "NoneType"])
    await store.close()


async def test_a_frozen_replica_does_not_hold_its_locks_for_ever(postgres_url: str, clock: Clock) -> None:
    store = Store(postgres_url, now=clock, enqueue=no_engine)
    await store.open()
    async with store.session() as session:
        shown = await session.execute(text("SHOW idle_in_transaction_session_timeout"))
        assert shown.scalar_one() == "1min"
    await store.close()


async def test_a_server_that_cannot_be_reached_is_reported_as_such(clock: Clock) -> None:
    store = Store("postgresql://stanch@/stanch?host=/nowhere", now=clock, enqueue=no_engine)
    with pytest.raises(StoreUnavailable):
        await store.open()


async def test_a_file_that_is_no_database_is_reported_as_such(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "stanch.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    store = Store(f"sqlite:///{file}", now=clock, enqueue=no_engine)
    with pytest.raises(StoreUnavailable):
        await store.open()


async def test_a_second_process_on_one_sqlite_file_is_refused(sqlite_url: str, clock: Clock) -> None:
    store = Store(sqlite_url, now=clock, enqueue=no_engine)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    with other_process_using(file), pytest.raises(SettingsError, match="Another Stanch uses"):
        await store.open()
    await store.open()
    await store.ping()
    await store.close()


async def test_a_directory_that_does_not_exist_is_made(tmp_path: Path, clock: Clock) -> None:
    store = Store(f"sqlite:///{tmp_path / 'new' / 'directory' / 'stanch.sqlite'}", now=clock, enqueue=no_engine)
    await store.open()
    await store.ping()
    await store.close()


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    store = Store(f"sqlite:///{tmp_path / 'file' / 'stanch.sqlite'}", now=clock, enqueue=no_engine)
    with pytest.raises(SettingsError, match="cannot be used as a database"):
        await store.open()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///var/stanch.sqlite", "sqlite+aiosqlite:///var/stanch.sqlite"),
        ("sqlite:////var/stanch.sqlite", "sqlite+aiosqlite:////var/stanch.sqlite"),
        ("sqlite+aiosqlite:///stanch.sqlite", "sqlite+aiosqlite:///stanch.sqlite"),
        ("postgres://stanch:s%40crt@db/stanch", "postgresql+psycopg://stanch:s%40crt@db/stanch"),
        ("postgresql://db/stanch?sslmode=require", "postgresql+psycopg://db/stanch?sslmode=require"),
    ],
)
def test_a_url_gets_the_driver_that_stanch_uses(url: str, expected: str) -> None:
    assert normalised_url(url) == expected
    assert normalised_url(expected) == expected


def test_a_url_is_spelt_for_the_engine_that_takes_it() -> None:
    assert blocking_url("sqlite:///var/stanch.sqlite") == "sqlite:///var/stanch.sqlite"
    assert blocking_url("postgres://db/stanch") == "postgresql+psycopg://db/stanch"
    assert libpq_url("postgres://stanch:s%40crt@db/stanch") == "postgresql://stanch:s%40crt@db/stanch"
    with pytest.raises(SettingsError, match="PostgreSQL"):
        libpq_url("sqlite:///var/stanch.sqlite")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stanch.sqlite",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/file",
        "mysql://root:hunter2@db/stanch",
        "postgresql+asyncpg://stanch:hunter2@db/stanch",
        "postgresql://stanch:hunter2@db",
        "postgresql://stanch:hunter2@db:port/stanch",
    ],
)
def test_any_other_url_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="STANCH_DATABASE_URL") as refused:
        normalised_url(url)
    assert "hunter2" not in str(refused.value)
