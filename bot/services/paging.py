"""Waking people: one page a cause, sent like every other delivery, and what came of it on the timeline."""

from bot.domain.actor import STANCH
from bot.domain.delivery import Delivery, DeliveryKind
from bot.domain.incident import Incident
from bot.domain.policy import Policy
from bot.domain.severity import Severity
from bot.domain.timeline import Fact
from bot.domain.values import IncidentId, Now
from bot.errors import AuthFailed, NotFound, Rejected, StanchError
from bot.sdk import Page
from bot.services.lanes import PAGES, incident_lane
from bot.services.ports import Connections, Posted, Transaction, UnitOfWork

PAGED = "pager.paged"
NOBODY = "pager.nobody"

_MOST_SUMMARY = 1_000


class Paging:
    """Sends pages; implements the port `Messages` for them."""

    def __init__(self, uow: UnitOfWork, connections: Connections, policy: Policy, now: Now) -> None:
        """Take the store, the connections, the policy that says whom to wake, and the clock."""
        self._uow = uow
        self._connections = connections
        self._policy = policy
        self._now = now

    async def deliver(self, delivery: Delivery) -> Posted:
        """Wake whom the policy names, and put on the timeline that they were, or why nobody was.

        Raises:
            RateLimited, Unavailable: The pager did not take it; it is tried again.
        """
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(IncidentId(str(delivery.payload["incident"])))
        summary = str(delivery.payload["summary"])
        name = self._policy.break_glass.page
        if name is None:
            return await self._told(delivery, incident, NOBODY, _nobody("no pager", summary))
        try:
            await self._connections.for_incident(incident.kind).pager(name).page(_page(delivery, incident, summary))
        except (NotFound, Rejected, AuthFailed) as error:
            return await self._told(delivery, incident, NOBODY, _nobody(str(error), summary))
        return await self._told(delivery, incident, PAGED, f"Woke `{name}`: {summary}")

    async def given_up(self, tx: Transaction, delivery: Delivery, error: Exception) -> None:
        """Put on the timeline that nobody was woken, in the transaction that ends the delivery."""
        incident = await tx.incidents.find(IncidentId(str(delivery.payload["incident"])))
        if incident is None:
            return
        why = str(error) if isinstance(error, StanchError) else "an unexpected error, which is in the log"
        text = _nobody(f"given up after {delivery.attempts} attempts, {why}", str(delivery.payload["summary"]))
        await self._tell(tx, delivery, incident, NOBODY, text)

    async def _told(self, delivery: Delivery, incident: Incident, kind: str, text: str) -> Posted:
        async with self._uow.begin() as tx:
            await self._tell(tx, delivery, incident, kind, text)
        return Posted()

    async def _tell(self, tx: Transaction, delivery: Delivery, incident: Incident, kind: str, text: str) -> None:
        if await tx.receipts.first_time(f"page:{delivery.subject}", self._now()):
            await tx.timeline.append(incident.id, Fact(kind=kind, at=self._now(), actor=STANCH, text=text))
            await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, incident_lane(incident.id), incident.id)


async def want_page(tx: Transaction, incident: Incident, cause: str, summary: str) -> None:
    """Have the approvers woken once for a cause, in the transaction that is about it."""
    payload = {"incident": incident.id, "summary": f"{incident.label} {summary}"[:_MOST_SUMMARY]}
    await tx.deliveries.want(DeliveryKind.PAGE, PAGES, cause, payload=payload)


def _nobody(why: str, summary: str) -> str:
    return f"Nobody was woken: {why.rstrip('.')}. {summary}"


def _page(delivery: Delivery, incident: Incident, summary: str) -> Page:
    worst = incident.severity.at_least(Severity.SEV2)
    return Page(
        key=f"stanch:{delivery.subject}",
        summary=summary,
        severity="critical" if worst else "error",
        source="Stanch",
        details={"incident": incident.label, "severity": incident.severity.label, "status": incident.status.value},
    )
