"""Drafting the post-incident review of an incident, before it is resolved or after.

Nothing of a draft is stored: it is drawn from the record each time, so a corrected milestone corrects the draft.
"""

from bot.content import Catalog
from bot.domain.review import Record, Review, drafted
from bot.domain.timeline import sign_head
from bot.domain.values import IncidentId, Now, Value
from bot.services.ports import Documents, UnitOfWork

GAP = "**Gap:**"
"""What marks a gap in the document. Foreign text cannot write it: its asterisks are escaped."""


class ReviewDraft(Value):
    """A draft as values and as a Markdown document."""

    review: Review
    markdown: str

    @property
    def gaps(self) -> int:
        """How many gaps the document shows for people to fill."""
        return self.markdown.count(GAP)


class Reviews:
    """Use cases of reviews."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, documents: Documents, now: Now, timeline_key: bytes) -> None:
        """Take the store, the content, what renders, the clock and the key that signs chain heads."""
        self._uow = uow
        self._catalog = catalog
        self._documents = documents
        self._now = now
        self._timeline_key = timeline_key

    async def draft(self, incident_id: IncidentId) -> ReviewDraft:
        """Return the draft of an incident's review.

        Raises:
            NotFound: There is no such incident.
        """
        review = drafted(await self._record(incident_id), self._now())
        return ReviewDraft(review=review, markdown=self._documents.review(review))

    async def _record(self, incident_id: IncidentId) -> Record:
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
            groups = await tx.alerts.groups_of(incident_id)
            containments = await tx.containments.of_incident(incident_id)
            events = await tx.timeline.events(incident_id)
        return Record(
            incident=incident,
            system=self._catalog.systems.get(incident.system_id) if incident.system_id else None,
            groups=tuple(groups),
            containments=tuple(containments),
            events=tuple(events),
            head_signature=sign_head(events[-1], self._timeline_key) if events else "",
        )
