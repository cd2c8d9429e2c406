"""Statements that more than one repository needs, in the spelling of the session's database."""

from collections.abc import Collection
from operator import attrgetter

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.errors import Conflict
from bot.store.mapping import Mapped, V, table_of
from bot.store.tables import CounterRow, StoredRow


def is_postgres(session: AsyncSession) -> bool:
    """Whether the session talks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def inserting(session: AsyncSession, row: type[StoredRow]) -> PostgresInsert | SqliteInsert:
    """Return an insert that can say what to do on a conflict."""
    return postgres_insert(table_of(row)) if is_postgres(session) else sqlite_insert(table_of(row))


async def next_number(session: AsyncSession, name: str) -> int:
    """Return the next number of a counter, from 1; whoever asks next waits for this transaction to end."""
    statement = (
        inserting(session, CounterRow)
        .values(name=name, value=1)
        .on_conflict_do_update(index_elements=["name"], set_={"value": col(CounterRow.value) + 1})
        .returning(col(CounterRow.value))
    )
    return (await session.execute(statement)).scalar_one()


async def save_version(session: AsyncSession, mapped: Mapped[V], value: V, name: str, owned: Collection[str] = ()) -> V:
    """Store a changed value if nobody saved it since it was read; return it as it is now.

    Args:
        session: With a transaction.
        mapped: How it lies in its table, which has the columns `id` and `version`.
        value: With the version that was read.
        name: What people call it.
        owned: Columns that only others change.

    Raises:
        Conflict: Somebody saved it since.
    """
    read_id, read_version = attrgetter("id", "version")(value)
    columns = mapped.columns(value) | {"version": read_version + 1}
    row = await session.execute(
        update(mapped.table)
        .where(mapped.table.c.id == read_id, mapped.table.c.version == read_version)
        .values({column: columns[column] for column in columns if column not in owned})
        .returning(mapped.table)
    )
    if (saved := row.mappings().first()) is None:
        raise Conflict(f"Somebody else changed {name} at the same moment; try again.")
    return mapped.load(saved)
