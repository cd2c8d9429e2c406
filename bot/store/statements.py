"""Statements that more than one repository needs, in the spelling of the session's database."""

from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.store.mapping import table_of
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
