"""What simulated vendors remember, in the database, so that it outlives a killed process as a real vendor would."""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlmodel import col

from bot.domain.values import JsonObject
from bot.store.mapping import table_of
from bot.store.sql import Store
from bot.store.statements import inserting
from bot.store.tables import WorldRow

_TABLE = table_of(WorldRow)


class SimulatedWorld:
    """The `World` of the SDK: one document a connection, apart for each scope (the live demo, one exercise)."""

    def __init__(self, store: Store, scope: str) -> None:
        self._store = store
        self._scope = scope

    async def read(self, connection: str) -> JsonObject:
        """Return a connection's document; empty when it has none."""
        _, document = await self._read(connection)
        return document

    async def change(self, connection: str, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """Replace a document by `change(document)`, again and again until nobody interfered; return the new one.

        `change` runs between two transactions, and may run more than once.
        """
        while True:
            version, document = await self._read(connection)
            changed = change(document)
            if await self._write(connection, version, changed):
                return changed

    async def _read(self, connection: str) -> tuple[int, JsonObject]:
        query = select(_TABLE.c.version, _TABLE.c.body).where(
            col(WorldRow.scope) == self._scope, col(WorldRow.connection) == connection
        )
        async with self._store.session() as session:
            row = (await session.execute(query)).first()
        return (row.version, row.body) if row else (0, {})

    async def _write(self, connection: str, version: int, document: JsonObject) -> bool:
        written = {"version": version + 1, "body": document}
        async with self._store.session() as session:
            if version == 0:
                statement = (
                    inserting(session, WorldRow)
                    .values(scope=self._scope, connection=connection, **written)
                    .on_conflict_do_nothing(index_elements=["scope", "connection"])
                    .returning(_TABLE.c.version)
                )
                return (await session.execute(statement)).first() is not None
            update_row = (
                update(_TABLE)
                .where(
                    col(WorldRow.scope) == self._scope,
                    col(WorldRow.connection) == connection,
                    col(WorldRow.version) == version,
                )
                .values(written)
                .returning(_TABLE.c.version)
            )
            return (await session.execute(update_row)).first() is not None
