"""What is stored, read past Stanch: rows straight from the database, so that a dead Stanch can be looked at too."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from bot.domain.containment import Containment
from bot.domain.delivery import Delivery
from bot.domain.incident import Incident
from bot.domain.timeline import TimelineEvent
from bot.domain.values import IncidentId, JsonObject
from bot.store.database import blocking_url
from bot.store.mapping import CONTAINMENTS, DELIVERIES, EVENTS, INCIDENTS
from bot.store.tables import AlertRow, ContainmentRow, DeliveryRow, EventRow, IncidentRow, WorldRow

_PATIENCE_SECONDS = 60
_Found = TypeVar("_Found")


class Record:
    """Reads rows; waits while the database is away."""

    def __init__(self, url: str) -> None:
        """Take the database's URL as Stanch has it."""
        self._engine = create_engine(blocking_url(url), pool_pre_ping=True)

    def close(self) -> None:
        """Let every connection go."""
        self._engine.dispose()

    async def incidents(self) -> Sequence[Incident]:
        """Return every incident, oldest first."""

        def read(connection: Connection) -> Sequence[Incident]:
            rows = connection.execute(INCIDENTS.select().order_by(col(IncidentRow.number))).mappings()
            return [INCIDENTS.load(row) for row in rows]

        return await self._read(read)

    async def incident(self, number: int) -> Incident:
        """Return one incident; raise `LookupError`."""
        for each in await self.incidents():
            if each.number == number:
                return each
        raise LookupError(number)

    async def containments(self, incident_id: IncidentId | None = None) -> Sequence[Containment]:
        """Return the containments of an incident, or of all, oldest first."""
        query = CONTAINMENTS.select().order_by(col(ContainmentRow.number))
        if incident_id is not None:
            query = query.where(col(ContainmentRow.incident_id) == incident_id)

        def read(connection: Connection) -> Sequence[Containment]:
            return [CONTAINMENTS.load(row) for row in connection.execute(query).mappings()]

        return await self._read(read)

    async def events(self, incident_id: IncidentId) -> Sequence[TimelineEvent]:
        """Return an incident's events as they are numbered."""
        query = EVENTS.select().where(col(EventRow.incident_id) == incident_id).order_by(col(EventRow.seq))

        def read(connection: Connection) -> Sequence[TimelineEvent]:
            return [EVENTS.load(row) for row in connection.execute(query).mappings()]

        return await self._read(read)

    async def fingerprints(self) -> frozenset[str]:
        """Return the fingerprints of all stored alerts."""
        query = select(col(AlertRow.fingerprint))
        return await self._read(lambda connection: frozenset(connection.execute(query).scalars()))

    async def owed(self) -> Sequence[Delivery]:
        """Return the deliveries that were not made, those that were given up among them."""
        query = DELIVERIES.select().where(col(DeliveryRow.done) < col(DeliveryRow.wanted))

        def read(connection: Connection) -> Sequence[Delivery]:
            return [DELIVERIES.load(row) for row in connection.execute(query).mappings()]

        return await self._read(read)

    async def vendor_events(self) -> Sequence[JsonObject]:
        """Return the simulated Unleash's own event log, oldest first."""
        query = select(col(WorldRow.body)).where(col(WorldRow.scope) == "live", col(WorldRow.connection) == "unleash")
        document = await self._read(lambda connection: connection.execute(query).scalar_one())
        return list(document.get("events", []))

    async def _read(self, read: Callable[[Connection], _Found]) -> _Found:
        def once() -> _Found:
            with self._engine.connect() as connection:
                return read(connection)

        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await asyncio.to_thread(once)
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2)
