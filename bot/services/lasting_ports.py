"""What an incident leaves behind, evidence and remediations, as stored; see `ports.py` for the rules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.evidence import Evidence
from bot.domain.remediation import Remediation
from bot.domain.values import EvidenceId, IncidentId


class EvidenceKept(Protocol):
    """Preserved evidence."""

    async def add(self, evidence: Evidence, content: bytes) -> None:
        """Keep an artefact."""
        ...

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Evidence]:
        """Return what is known of an incident's evidence, oldest first, then by title."""
        ...

    async def content(self, evidence_id: EvidenceId) -> bytes:
        """Return an artefact's content.

        Raises:
            NotFound: There is no such evidence, or its content was removed.
            EvidenceAltered: It is not what was preserved.
        """
        ...

    async def remove(self, evidence: Sequence[Evidence], at: datetime) -> None:
        """Remove the content of artefacts; what is known of them stays."""
        ...


class Remediations(Protocol):
    """Stored remediations."""

    async def next_number(self, incident_id: IncidentId) -> int:
        """Return the next remediation number within an incident."""
        ...

    async def add(self, remediation: Remediation) -> None:
        """Store a new one."""
        ...

    async def save(self, remediation: Remediation) -> Remediation:
        """Store a changed one if nobody saved it since; return it with its new version.

        Raises:
            Conflict: Somebody did.
        """
        ...

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Remediation]:
        """Return an incident's remediations, oldest first."""
        ...
