"""Waking people: one page a cause, sent like every other delivery, and what came of it on the timeline."""

from bot.domain.actor import STANCH
from bot.domain.delivery import Delivery, DeliveryKind
from bot.domain.incident import Incident
from bot.domain.policy import Policy
from bot.domain.severity import Severity
from bot.domain.timeline import Fact
from bot.domain.values import IncidentId, Now
from bot.errors import NotFound, Rejected
from bot.sdk import Page
from bot.services.lanes import PAGES, incident_lane
from bot.services.ports import Connections, Posted, Transaction, UnitOfWork

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
            RateLimited, Unavailable, AuthFailed: The pager did not take it; it is tried again.
        """
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(IncidentId(str(delivery.payload["incident"])))
        summary = str(delivery.payload["summary"])
        name = self._policy.break_glass.page
        if name is None:
            return await self._told(delivery, incident, "pager.nobody", f"Nobody was woken: no pager. {summary}")
        try:
            await self._connections.for_incident(incident.kind).pager(name).page(_page(delivery, incident, summary))
        except (NotFound, Rejected) as error:
            return await self._told(delivery, incident, "pager.nobody", f"Nobody was woken: {error} {summary}")
        return await self._told(delivery, incident, "pager.paged", f"Woke `{name}`: {summary}")

    async def _told(self, delivery: Delivery, incident: Incident, kind: str, text: str) -> Posted:
        async with self._uow.begin() as tx:
            if await tx.receipts.first_time(f"page:{delivery.subject}", self._now()):
                await tx.timeline.append(incident.id, Fact(kind=kind, at=self._now(), actor=STANCH, text=text))
                await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, incident_lane(incident.id), incident.id)
        return Posted()


async def want_page(tx: Transaction, incident: Incident, cause: str, summary: str) -> None:
    """Have the approvers woken once for a cause, in the transaction that is about it."""
    payload = {"incident": incident.id, "summary": f"{incident.label} {summary}"[:_MOST_SUMMARY]}
    await tx.deliveries.want(DeliveryKind.PAGE, PAGES, cause, payload=payload)


def _page(delivery: Delivery, incident: Incident, summary: str) -> Page:
    worst = incident.severity.at_least(Severity.SEV2)
    return Page(
        key=f"stanch:{delivery.subject}",
        summary=summary,
        severity="critical" if worst else "error",
        source="Stanch",
        details={"incident": incident.label, "severity": incident.severity.label, "status": incident.status.value},
    )
