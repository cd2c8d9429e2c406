"""Databases as earlier schemas left them, with rows in every table, brought to this one on a copy.

`filled/<schema>.json` holds the rows as the program of that schema wrote them. Whoever changes the schema leaves these
alone, and adds one for the schema that they leave behind once that was released.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Boolean, Connection, DateTime, MetaData, Table, func, select, text

from bot.domain.containment import ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.incident import IncidentStatus
from bot.domain.timeline import chain_problems
from bot.domain.values import IncidentId
from bot.services.retention import Retention
from bot.store.backup import back_up
from bot.store.database import sync_engine
from bot.store.directory import DirectorySnapshots
from bot.store.mapping import Mapped
from bot.store.migrations import VERSION_TABLE, alembic_config, migrate
from bot.store.sql import Store
from bot.store.world import SimulatedWorld
from tests import builders
from tests.builders import NOW, Clock
from tests.contract.test_retention import NoJobs
from tests.contract.test_store_mapping import MAPPED
from tests.contract.test_store_migrations import differences
from tests.postgres import Databases, postgres_tool

FILLED = Path(__file__).parent / "filled"
SCHEMAS = sorted(file.stem for file in FILLED.glob("*.json"))
# Nothing of an older schema goes there.
FILLED_LATER = {"stanch_evidence", "stanch_recurrence", "stanch_remediation", "stanch_token"}


def rows_of(schema: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((FILLED / f"{schema}.json").read_text(encoding="utf-8"))
    return found


def typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as SQLite shows it with instants and truth values as such."""

    def value(name: str) -> object:
        kind, plain = table.c[name].type, row[name]
        if plain is None:
            return None
        if isinstance(kind, DateTime):
            return datetime.fromisoformat(plain).replace(tzinfo=UTC)
        return bool(plain) if isinstance(kind, Boolean) else plain

    return {name: value(name) for name in row}


def fill(url: str, schema: str) -> None:
    engine = sync_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), schema)
        metadata = MetaData()
        metadata.reflect(connection)
        rows = rows_of(schema)
        assert {*rows, VERSION_TABLE} == set(metadata.tables)
        for table in metadata.sorted_tables:
            for row in rows.get(table.name, []):
                connection.execute(table.insert().values(typed(table, row)))
        if connection.dialect.name == "postgresql":
            key = "pg_get_serial_sequence('stanch_delivery', 'id')"
            connection.execute(text(f"SELECT setval({key}, max(id)) FROM stanch_delivery"))  # noqa: S608 - no input
    engine.dispose()


@pytest.fixture(params=SCHEMAS)
def original(request: pytest.FixtureRequest, unmigrated_url: str) -> str:
    """A database as the program of an earlier schema left it."""
    fill(unmigrated_url, request.param)
    return unmigrated_url


@pytest.fixture
async def copy(original: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A copy of it, made as docs/operating.md says."""
    if original.startswith("sqlite"):
        await asyncio.to_thread(back_up, original, tmp_path / "copy.db")
        yield f"sqlite:///{tmp_path / 'copy.db'}"
        return
    postgres: Databases = request.getfixturevalue("postgres")
    name, dump = f"copy_{uuid4().hex}", tmp_path / "stanch.dump"
    restored = postgres.create(name)
    await postgres_tool("pg_dump", "--format=custom", f"--file={dump}", original)
    await postgres_tool("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", str(dump))
    yield restored
    postgres.drop(name)


@pytest.fixture
async def upgraded(copy: str, clock: Clock) -> AsyncIterator[Store]:
    await asyncio.to_thread(migrate, copy)

    async def enqueue_nothing(*_: object) -> None:
        """Stand in for the engine."""

    store = Store(copy, now=clock, enqueue=enqueue_nothing)
    await store.open()
    yield store
    await store.close()


def counts(connection: Connection) -> dict[str, int]:
    metadata = MetaData()
    metadata.reflect(connection)
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
        if table.name != VERSION_TABLE
    }


def test_an_upgraded_copy_has_this_schema_and_every_row(original: str, copy: str) -> None:
    engine = sync_engine(original)
    with engine.begin() as connection:
        before = counts(connection)
    assert min(before.values()) > 0
    migrate(copy)
    upgraded = sync_engine(copy)
    with upgraded.begin() as connection:
        assert differences(connection) == []
        after = counts(connection)
    upgraded.dispose()
    assert {name: count for name, count in after.items() if name in before} == before
    assert {name for name, count in after.items() if not count} == FILLED_LATER
    with engine.begin() as connection:
        assert counts(connection) == before
        assert (
            MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
            in SCHEMAS
        )
    engine.dispose()


@pytest.mark.parametrize("mapped", MAPPED, ids=lambda mapped: mapped.table.name)
async def test_after_an_upgrade_columns_agree_with_the_values(upgraded: Store, mapped: Mapped[Any]) -> None:
    async with upgraded.session() as session:
        rows = (await session.execute(mapped.select())).mappings().all()
    assert rows or mapped.table.name in FILLED_LATER
    for row in rows:
        # A body may lack what was added since; what it lacks has the value that the columns say.
        said = {name: value for name, value in mapped.columns(mapped.load(row)).items() if name != "body"}
        assert said == {name: row[name] for name in said}


async def test_after_an_upgrade_everything_is_found_as_it_was(upgraded: Store) -> None:
    resolved = IncidentId("incident-2")
    async with upgraded.begin() as tx:
        assert [each.number for each in await tx.incidents.listed(only_open=True, limit=10)] == [1]
        incident = await tx.incidents.in_channel("C2")
        assert incident is not None
        assert (incident.id, incident.status, incident.commander) == (
            resolved,
            IncidentStatus.RESOLVED,
            builders.COMMANDER,
        )
        for incident_id in (builders.INCIDENT_ID, resolved):
            events = await tx.timeline.events(incident_id)
            assert [event.text for event in events] == [
                "The feature owner was reached",
                "Approved C-1 \ud83d \u00fc",
            ]
            assert chain_problems(events) == []
        containment = await tx.containments.get(builders.CONTAINMENT_ID)
        assert containment.state is ContainmentState.VERIFIED
        assert containment.approvals[0].fingerprint == containment.plan.fingerprint
        assert [group.id for group in await tx.alerts.groups_of(resolved)] == ["group-2"]
        assert await builders.group_of_episode(tx, builders.alert()) == builders.GROUP_ID
        assert await tx.deliveries.lanes_waiting() == ["incident:incident-1"]
        assert await tx.deliveries.lane_owners() == ["embedded"]
        assert [timer.key for timer in await tx.timers.due(NOW + timedelta(days=1))] == [builders.timer().key]
        assert not await tx.receipts.first_time("slack:command:1", NOW)
    assert await SimulatedWorld(upgraded, "live").read("unleash") == {"features": {}}
    assert await DirectorySnapshots(upgraded).load("incident-leads") == (NOW, frozenset({"U0COMMANDER"}))


async def test_an_upgraded_database_is_worked_with_as_a_new_one_is(upgraded: Store, clock: Clock) -> None:
    async with upgraded.begin() as tx:
        number = await tx.incidents.next_number()
        await tx.incidents.add(builders.incident(id="incident-3", number=number))
        await tx.timeline.append(IncidentId("incident-2"), builders.fact())
        assert await tx.containments.next_number(builders.INCIDENT_ID) == 2
        await tx.deliveries.want(DeliveryKind.NOTE, "incident:incident-3", "new")
    assert number == 3
    clock.advance(timedelta(days=731))
    policy = builders.retention(personal_data=timedelta(days=730))
    await Retention(upgraded, policy, NoJobs(), clock).sweep("now")
    async with upgraded.begin() as tx:
        assert (await tx.incidents.get(IncidentId("incident-2"))).title == "(redacted)"
        assert (await tx.incidents.get(builders.INCIDENT_ID)).redacted_at is None
