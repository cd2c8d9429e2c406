"""Preserving evidence before a containment changes what it tells of.

All items of a plan are read at once, because the harm goes on meanwhile; what could be read is kept whatever became of
the rest.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import uuid4

from bot import tracing
from bot.domain.actor import STANCH, Actor
from bot.domain.containment import Containment
from bot.domain.evidence import AlertsReceived, Evidence, EvidenceItem, Preserved, SignalReadings, TargetState
from bot.domain.incident import Incident
from bot.domain.timeline import Fact
from bot.domain.values import EvidenceId, Now, canonical_json
from bot.errors import IntegrationError, NotFound
from bot.services.containments import record
from bot.services.ports import Connections, Transaction, UnitOfWork

_FORMAT = "stanch-evidence/1"
_MOST_BYTES = 20_000_000


@dataclass(frozen=True)
class Shortfall:
    """What could not be preserved.

    Attributes:
        problem: A sentence for people.
        is_final: Whether trying again soon cannot help.
    """

    problem: str
    is_final: bool


class Preservation:
    """Preserves evidence."""

    def __init__(self, uow: UnitOfWork, connections: Connections, now: Now) -> None:
        """Take the store, the connections and the clock."""
        self._uow = uow
        self._connections = connections
        self._now = now

    async def preserve(self, containment: Containment, incident: Incident) -> Shortfall | None:
        """Preserve what the next change waits for; return why that is not all of it, if it is not.

        Raises:
            Conflict: Somebody changed the containment meanwhile; nothing was kept.
        """
        items = [(index, containment.plan.evidence[index]) for index in containment.evidence_wanted]
        at = self._now()
        read = await asyncio.gather(*(self._read(item, incident, at) for _, item in items))
        kept = [
            (index, *self._artefact(containment, item, content, at))
            for (index, item), content in zip(items, read, strict=True)
            if isinstance(content, bytes)
        ]
        if kept:
            async with self._uow.begin() as tx:
                await self._keep(tx, containment, kept)
        return next((each for each in read if isinstance(each, Shortfall)), None)

    async def _read(self, item: EvidenceItem, incident: Incident, at: datetime) -> bytes | Shortfall:
        """Return an item's content as a document that says what it is."""
        with tracing.span("evidence.read", {"stanch.incident": incident.id, "stanch.evidence": item.kind}):
            try:
                found = await self._content(item, incident, at)
            except (IntegrationError, NotFound) as error:
                lasting = isinstance(error, NotFound) or not error.retryable
                return Shortfall(f"“{item.title}” could not be preserved: {error}", is_final=lasting)
        document = {
            "format": _FORMAT,
            "incident": incident.label,
            "read_at": at.isoformat(),
            "source": item.model_dump(mode="json"),
            "content": found,
        }
        content = canonical_json(document)
        if len(content) > _MOST_BYTES:
            return Shortfall(f"“{item.title}” is larger than {_MOST_BYTES:,} bytes, so it was not kept.", is_final=True)
        return content

    async def _content(self, item: EvidenceItem, incident: Incident, at: datetime) -> Any:
        use = self._connections.for_incident(incident.kind)
        match item:
            case TargetState():
                return await use.action(item.action, item.connection).read(item.ref)
            case SignalReadings():
                signal = item.signal
                samples = await use.samples(signal, at - signal.look_back, at, signal.look_back_every)
                return [sample.model_dump(mode="json") for sample in samples]
            case AlertsReceived():
                async with self._uow.begin() as tx:
                    records = await tx.alerts.records_of(incident.id)
                return [each.model_dump(mode="json") for each in records]
            case _:
                assert_never(item)

    def _artefact(
        self, containment: Containment, item: EvidenceItem, content: bytes, at: datetime
    ) -> tuple[Evidence, bytes]:
        evidence = Evidence(
            id=EvidenceId(uuid4().hex),
            incident_id=containment.plan.incident_id,
            containment_id=containment.id,
            title=item.title,
            kind=item.kind,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            preserved_at=at,
            preserved_by=_who_decided(containment),
        )
        return evidence, content

    async def _keep(self, tx: Transaction, containment: Containment, kept: list[tuple[int, Evidence, bytes]]) -> None:
        for _, evidence, content in kept:
            await tx.evidence.add(evidence, content)
        done = tuple(Preserved(item=index, evidence=evidence.id) for index, evidence, _ in kept)
        facts = [_preserved(containment, evidence) for _, evidence, _ in kept]
        await record(tx, containment.changed(preserved=(*containment.preserved, *done)), *facts)


def _who_decided(containment: Containment) -> Actor:
    return containment.approvals[-1].actor if containment.approvals else STANCH


def _preserved(containment: Containment, evidence: Evidence) -> Fact:
    return Fact(
        kind="evidence.preserved",
        at=evidence.preserved_at,
        actor=STANCH,
        text=f"Preserved before C-{containment.number}: {evidence.title} ({evidence.size:,} bytes, "
        f"SHA-256 {evidence.sha256[:12]}…)",
        payload={"evidence": evidence.id, "sha256": evidence.sha256, "size": evidence.size},
    )
