"""Stored remediations."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.remediation import Remediation
from bot.domain.values import IncidentId
from bot.store.mapping import REMEDIATIONS
from bot.store.statements import next_number, save_version
from bot.store.tables import RemediationRow


class SqlRemediations:
    """The `Remediations` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def next_number(self, incident_id: IncidentId) -> int:
        """Return the next remediation number within an incident."""
        return await next_number(self._session, f"remediation:{incident_id}")

    async def add(self, remediation: Remediation) -> None:
        """Store a new one."""
        await self._session.execute(REMEDIATIONS.table.insert().values(REMEDIATIONS.columns(remediation)))

    async def save(self, remediation: Remediation) -> Remediation:
        """Store a changed one; return it with its new version.

        Raises:
            Conflict: Somebody saved it since it was read.
        """
        return await save_version(self._session, REMEDIATIONS, remediation, f"R-{remediation.number}")

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Remediation]:
        """Return an incident's remediations, oldest first."""
        query = (
            REMEDIATIONS.select()
            .where(col(RemediationRow.incident_id) == incident_id)
            .order_by(col(RemediationRow.number))
        )
        return [REMEDIATIONS.load(row) for row in (await self._session.execute(query)).mappings()]
