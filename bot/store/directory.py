"""The members of Slack user groups as last read, for when Slack cannot be reached.

How old a snapshot may be is decided by whoever loads it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from bot.store.mapping import table_of
from bot.store.sql import Store
from bot.store.statements import inserting
from bot.store.tables import DirectoryRow

_TABLE = table_of(DirectoryRow)


class DirectorySnapshots:
    """One snapshot a user group; each call is a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, handle: str, members: frozenset[str], at: datetime) -> None:
        """Remember who is in a user group; a snapshot older than the stored one is dropped."""
        columns = {"handle": handle, "members": sorted(members), "at": at}
        async with self._store.session() as session:
            insert = inserting(session, DirectoryRow).values(columns)
            await session.execute(
                insert.on_conflict_do_update(index_elements=["handle"], set_=columns, where=col(DirectoryRow.at) <= at)
            )

    async def load(self, handle: str) -> tuple[datetime, frozenset[str]] | None:
        """Return when a user group was read and who was in it; `None` when it never was."""
        query = select(_TABLE.c.at, _TABLE.c.members).where(col(DirectoryRow.handle) == handle)
        async with self._store.session() as session:
            row = (await session.execute(query)).first()
        return (row.at, frozenset(row.members)) if row else None
