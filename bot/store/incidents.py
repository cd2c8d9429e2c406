"""Stored incidents."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.incident import Incident
from bot.domain.values import IncidentId
from bot.errors import NotFound
from bot.store.mapping import INCIDENTS
from bot.store.statements import next_number, save_version
from bot.store.tables import IncidentRow


class SqlIncidents:
    """The `Incidents` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def next_number(self) -> int:
        """Return the next incident number; two that declare at once wait for each other."""
        return await next_number(self._session, "incident")

    async def add(self, incident: Incident) -> None:
        """Store a new incident."""
        await self._session.execute(INCIDENTS.table.insert().values(INCIDENTS.columns(incident)))

    async def save(self, incident: Incident) -> Incident:
        """Store a changed incident, but for its channel, which only `set_channel` changes; return it as it is now.

        Raises:
            Conflict: Somebody saved it since it was read.
        """
        return await save_version(self._session, INCIDENTS, incident, incident.label, owned=("channel",))

    async def get(self, incident_id: IncidentId) -> Incident:
        """Return one.

        Raises:
            NotFound: There is none.
        """
        if (incident := await self.find(incident_id)) is None:
            raise NotFound("There is no such incident.")
        return incident

    async def find(self, incident_id: IncidentId) -> Incident | None:
        """Return one, if it is there."""
        return await self._newest(col(IncidentRow.id) == incident_id)

    async def by_number(self, number: int) -> Incident | None:
        """Return one by its number."""
        return await self._newest(col(IncidentRow.number) == number)

    async def in_channel(self, channel: str) -> Incident | None:
        """Return the incident whose channel this is."""
        return await self._newest(col(IncidentRow.channel) == channel)

    async def listed(self, *, only_open: bool, limit: int, before: int | None = None) -> Sequence[Incident]:
        """Return incidents, newest first, with numbers below `before`."""
        query = INCIDENTS.select().order_by(col(IncidentRow.number).desc()).limit(limit)
        if only_open:
            query = query.where(col(IncidentRow.is_open))
        if before is not None:
            query = query.where(col(IncidentRow.number) < before)
        return [INCIDENTS.load(row) for row in (await self._session.execute(query)).mappings()]

    async def set_channel(self, incident_id: IncidentId, channel: str) -> None:
        """Remember the incident's channel without touching its version."""
        await self._session.execute(
            update(INCIDENTS.table).where(col(IncidentRow.id) == incident_id).values(channel=channel)
        )

    async def _newest(self, condition: ColumnElement[bool]) -> Incident | None:
        query = INCIDENTS.select().where(condition).order_by(col(IncidentRow.number).desc()).limit(1)
        row = (await self._session.execute(query)).mappings().first()
        return INCIDENTS.load(row) if row else None
