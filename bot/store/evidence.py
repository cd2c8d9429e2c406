"""Preserved evidence: what is known of it, and beside that, compressed, its content.

The content is read only by who asks for it: a query for what is known never loads it.
"""

import hashlib
import zlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.evidence import Evidence
from bot.domain.values import EvidenceId, IncidentId
from bot.errors import EvidenceAltered, NotFound
from bot.store.mapping import EVIDENCE
from bot.store.tables import EvidenceRow


class SqlEvidence:
    """The `EvidenceKept` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, evidence: Evidence, content: bytes) -> None:
        """Keep an artefact."""
        columns = EVIDENCE.columns(evidence) | {"content": zlib.compress(content)}
        await self._session.execute(EVIDENCE.table.insert().values(columns))

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Evidence]:
        """Return what is known of an incident's evidence, oldest first, then by title."""
        known = EVIDENCE.table.c
        query = select(known.body).where(known.incident_id == incident_id)
        found = [EVIDENCE.load(row) for row in (await self._session.execute(query)).mappings()]
        return sorted(found, key=lambda each: (each.preserved_at, each.title))

    async def content(self, evidence_id: EvidenceId) -> bytes:
        """Return an artefact's content.

        Raises:
            NotFound: There is no such evidence, or its content was removed.
            EvidenceAltered: It is not what was preserved.
        """
        query = select(EVIDENCE.table.c.body, EVIDENCE.table.c.content).where(EVIDENCE.table.c.id == evidence_id)
        row = (await self._session.execute(query)).mappings().first()
        if row is None:
            raise NotFound("There is no such evidence.")
        evidence = EVIDENCE.load(row)
        if row["content"] is None:
            raise NotFound(f"The content of “{evidence.title}” was removed under the retention policy.")
        return _unpacked(evidence, row["content"])

    async def remove(self, evidence: Sequence[Evidence], at: datetime) -> None:
        """Remove the content of artefacts; what is known of them stays."""
        for each in evidence:
            removed = each.changed(removed_at=at)
            statement = update(EVIDENCE.table).where(col(EvidenceRow.id) == each.id)
            await self._session.execute(statement.values(EVIDENCE.columns(removed) | {"content": None}))


def _unpacked(evidence: Evidence, packed: bytes) -> bytes:
    try:
        content = zlib.decompress(packed)
    except zlib.error as error:
        raise EvidenceAltered(f"The content of “{evidence.title}” is damaged.") from error
    if hashlib.sha256(content).hexdigest() != evidence.sha256:
        raise EvidenceAltered(f"The content of “{evidence.title}” is not what was preserved: its hash differs.")
    return content
