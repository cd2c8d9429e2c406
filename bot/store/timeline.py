"""The append-only events of incidents.

Whoever appends holds the incident's row until the commit, so that sequence and hash chain have no gap and no fork.
The lock is `FOR NO KEY UPDATE`: a plain `FOR UPDATE` would deadlock with rows that merely refer to the incident.
"""

from collections.abc import Collection, Sequence
from secrets import token_hex

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.timeline import Fact, TimelineEvent, append
from bot.domain.values import IncidentId, Now
from bot.errors import NotFound
from bot.store.mapping import EVENTS
from bot.store.tables import EventRow, IncidentRow

_SALT_BYTES = 16


class SqlTimeline:
    """The `Timeline` port."""

    def __init__(self, session: AsyncSession, now: Now) -> None:
        self._session = session
        self._now = now

    async def append(self, incident_id: IncidentId, *facts: Fact) -> None:
        """Put facts at the end of an incident's chain, in order.

        Raises:
            NotFound: There is no such incident.
        """
        await self._lock(incident_id)
        newest = await self.events(incident_id, newest=1)
        last = newest[0] if newest else None
        for fact in facts:
            last = append(incident_id, last, fact, recorded_at=self._now(), salt=token_hex(_SALT_BYTES))
            await self._session.execute(EVENTS.table.insert().values(EVENTS.columns(last)))

    async def events(self, incident_id: IncidentId, *, newest: int | None = None) -> Sequence[TimelineEvent]:
        """Return the chain in order, or only its newest events."""
        query = EVENTS.select().where(col(EventRow.incident_id) == incident_id).order_by(col(EventRow.seq).desc())
        if newest is not None:
            query = query.limit(newest)
        rows = (await self._session.execute(query)).mappings().all()
        return [EVENTS.load(row) for row in reversed(rows)]

    async def newest_of(self, incident_id: IncidentId, kinds: Collection[str]) -> TimelineEvent | None:
        """Return the newest event that is of one of these kinds."""
        query = (
            EVENTS.select()
            .where(col(EventRow.incident_id) == incident_id, col(EventRow.kind).in_(kinds))
            .order_by(col(EventRow.seq).desc())
            .limit(1)
        )
        row = (await self._session.execute(query)).mappings().first()
        return EVENTS.load(row) if row else None

    async def redact(self, incident_id: IncidentId, events: Sequence[TimelineEvent], fact: Fact) -> None:
        """Erase the content of events, and say so at the end of the chain with `fact`.

        Raises:
            NotFound: There is no such incident.
        """
        await self._lock(incident_id)
        for event in events:
            await self._session.execute(
                update(EVENTS.table)
                .where(col(EventRow.incident_id) == incident_id, col(EventRow.seq) == event.seq)
                .values(EVENTS.columns(event.redacted()))
            )
        await self.append(incident_id, fact)

    async def _lock(self, incident_id: IncidentId) -> None:
        query = select(col(IncidentRow.id)).where(col(IncidentRow.id) == incident_id).with_for_update(key_share=True)
        if (await self._session.execute(query)).first() is None:
            raise NotFound("There is no such incident.")
