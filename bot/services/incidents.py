"""Opening incidents and moving them through their milestones.

Every change goes through `change`: one domain transition, one transaction, row and timeline and deliveries together.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from bot import tracing
from bot.content import Catalog
from bot.domain.actor import Actor
from bot.domain.alert import AlertGroup, Verdict
from bot.domain.classification import Classification
from bot.domain.delivery import DeliveryKind
from bot.domain.incident import Incident, IncidentKind, opened
from bot.domain.playbook import classify
from bot.domain.predicate import Facts
from bot.domain.role import Role
from bot.domain.severity import Severity
from bot.domain.system import System
from bot.domain.timeline import Fact
from bot.domain.values import AlertGroupId, IncidentId, Now, digest, is_blank
from bot.errors import BadCommand, Conflict, InvalidTransition, NotFound
from bot.services.lanes import TRIAGE, incident_lane
from bot.services.people import People
from bot.services.ports import Transaction, UnitOfWork

LOOK_BACK = "incident.look_back"
REVIEW_READY = "review_ready"

Transition = Callable[[Incident], tuple[Incident, Fact]]


class Incidents:
    """Use cases of incidents."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, people: People, now: Now) -> None:
        """Take the store, the content, the roles and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._people = people
        self._now = now

    async def declare(
        self,
        actor: Actor,
        title: str,
        *,
        severity: Severity | None = None,
        system_id: str | None = None,
        request: str | None = None,
    ) -> Incident:
        """Open a live incident on a person's word.

        Args:
            actor: Who declares; anyone may.
            title: What is happening, in words.
            severity: Given by the person instead of the playbook's.
            system_id: The AI system it is about, where the person knows; runbooks need one.
            request: Identity of the request; a repeat of it returns the incident that the first one opened.

        Raises:
            BadCommand: The title is empty.
            NotFound: There is no such system.
        """
        title, at = _one_line(title), self._now()
        system = self._registered(system_id)
        classification = self.classify_title(title, severity, system_id)
        incident_id = IncidentId(digest(["declare", request])[:32] if request else uuid4().hex)
        async with self._uow.begin() as tx:
            known = await tx.incidents.find(incident_id)
            if known is not None:
                return known
            return await self.open_in(
                tx,
                incident_id=incident_id,
                title=title,
                system=system,
                classification=classification,
                detected_at=at,
                actor=actor,
                why="declared by a person",
            )

    def classify_title(
        self, title: str, severity: Severity | None = None, system_id: str | None = None
    ) -> Classification:
        """Return what the playbooks make of what somebody is about to declare; nothing is stored.

        Raises:
            BadCommand: The title is empty.
            NotFound: There is no such system.
        """
        system = self._registered(system_id)
        facts = Facts(text=_one_line(title), tier=system.tier if system else None)
        classification = classify(list(self._catalog.playbooks.values()), facts)
        return classification if severity is None else classification.changed(severity=severity)

    def _registered(self, system_id: str | None) -> System | None:
        if system_id is None:
            return None
        system = self._catalog.systems.get(system_id)
        if system is None:
            known = ", ".join(sorted(self._catalog.systems)) or "none"
            raise NotFound(f"There is no AI system `{system_id}` in the registry; there are: {known}.")
        return system

    async def declare_group(self, actor: Actor, group_id: AlertGroupId) -> Incident:
        """Open an incident from an alert group.

        Raises:
            InvalidTransition: The group has an incident already.
        """
        async with self._uow.begin() as tx:
            group = await tx.alerts.group(group_id)
            if group.incident_id is not None:
                known = await tx.incidents.get(group.incident_id)
                raise InvalidTransition(f"{known.label} is open for this alert already.")
            group = group.changed(verdict=Verdict.ACTIONABLE, verdict_by=actor.id)
            return await self.open_for_group(tx, group, actor, "declared from its alert by a person")

    async def open_for_group(self, tx: Transaction, group: AlertGroup, actor: Actor, why: str) -> Incident:
        """Open an incident for an alert group within a transaction, and attach the group to it."""
        system = self._catalog.systems.get(group.system_id) if group.system_id else None
        incident = await self.open_in(
            tx,
            incident_id=IncidentId(uuid4().hex),
            title=group.title,
            system=system,
            classification=self.classify_group(group),
            detected_at=group.first_at,
            actor=actor,
            why=why,
        )
        await tx.alerts.put_groups(group.changed(incident_id=incident.id))
        await tx.deliveries.want(DeliveryKind.ALERT_CARD, TRIAGE, group.id)
        return incident

    def classify_group(self, group: AlertGroup) -> Classification:
        """Return what the playbooks make of an alert group."""
        system = self._catalog.systems.get(group.system_id) if group.system_id else None
        facts = Facts(labels=group.labels, text=f"{group.title}\n{group.text}", tier=system.tier if system else None)
        return classify(list(self._catalog.playbooks.values()), facts)

    async def open_in(  # noqa: PLR0913 - everything an incident is born with
        self,
        tx: Transaction,
        *,
        incident_id: IncidentId,
        title: str,
        system: System | None,
        classification: Classification,
        detected_at: datetime,
        actor: Actor,
        why: str,
    ) -> Incident:
        """Open an incident within a transaction: row, first fact, channel, card, look-back."""
        incident, fact = opened(
            incident_id=incident_id,
            number=await tx.incidents.next_number(),
            kind=IncidentKind.LIVE,
            title=title,
            system_id=system.id if system else None,
            classification=classification,
            detected_at=detected_at,
            actor=actor,
            why=why,
            at=self._now(),
        )
        with tracing.span("incident.open", {"stanch.incident": incident.id, "stanch.incident.number": incident.number}):
            await tx.incidents.add(incident)
            await tx.timeline.append(incident.id, fact)
            lane = incident_lane(incident.id)
            await tx.deliveries.want(DeliveryKind.INCIDENT_CHANNEL, lane, incident.id)
            await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, lane, incident.id)
            if system is not None and system.signals:
                await tx.jobs.enqueue(LOOK_BACK, incident.id, key=f"{LOOK_BACK}:{incident.id}")
        return incident

    async def dismiss_group(self, actor: Actor, group_id: AlertGroupId, reason: str) -> AlertGroup:
        """Record that an alert group is not actionable.

        Raises:
            InvalidTransition: It has an incident, or was dismissed already.
        """
        async with self._uow.begin() as tx:
            group = await tx.alerts.group(group_id)
            if group.incident_id is not None:
                known = await tx.incidents.get(group.incident_id)
                raise InvalidTransition(f"{known.label} is open for this alert; resolve the incident instead.")
            if group.verdict is Verdict.NOT_ACTIONABLE:
                raise InvalidTransition("This alert was marked not actionable already.")
            group = group.changed(verdict=Verdict.NOT_ACTIONABLE, verdict_by=actor.id, verdict_reason=reason)
            await tx.alerts.put_groups(group)
            await tx.deliveries.want(DeliveryKind.ALERT_CARD, TRIAGE, group.id)
            return group

    async def take_lead(self, actor: Actor, incident_id: IncidentId) -> Incident:
        """Make a person the commander.

        Raises:
            NotPermitted: The person may not lead.
            InvalidTransition: The person leads it already, or it is resolved.
        """
        await self._people.require(actor.id, Role.LEAD, "lead an incident")
        return await self.change(incident_id, lambda incident: incident.led_by(actor, self._now()))

    async def set_severity(self, actor: Actor, incident_id: IncidentId, severity: Severity, reason: str) -> Incident:
        """Override the severity, with a reason.

        Raises:
            NotPermitted: The person is no responder.
            BadCommand: There is no reason.
        """
        await self._people.require(actor.id, Role.RESPONDER, "change a severity", await self._system_of(incident_id))
        return await self.change(
            incident_id, lambda incident: incident.with_severity(severity, reason, actor, self._now())
        )

    async def attest_mitigated(self, actor: Actor, incident_id: IncidentId, evidence: str) -> Incident:
        """Stop TTM on a person's word; reported apart from what was measured.

        Raises:
            NotPermitted: The person is no responder.
        """
        await self._people.require(actor.id, Role.RESPONDER, "attest a mitigation", await self._system_of(incident_id))
        return await self.change(
            incident_id, lambda incident: incident.attested_mitigated(evidence, actor, self._now())
        )

    async def resolve(self, actor: Actor, incident_id: IncidentId) -> Incident:
        """End the incident: nothing more is owed by responders.

        Raises:
            NotPermitted: The person is no responder.
            InvalidTransition: The harm has not been shown to have stopped.
        """
        await self._people.require(actor.id, Role.RESPONDER, "resolve an incident", await self._system_of(incident_id))
        return await self.change(incident_id, lambda incident: incident.resolved(actor, self._now()))

    async def change(self, incident_id: IncidentId, transition: Transition) -> Incident:
        """Carry out one transition with its fact and card; try once more if somebody else saved first."""
        try:
            return await self._change_once(incident_id, transition)
        except Conflict:
            return await self._change_once(incident_id, transition)

    async def _change_once(self, incident_id: IncidentId, transition: Transition) -> Incident:
        async with self._uow.begin() as tx:
            return await change_in(tx, incident_id, transition)

    async def _system_of(self, incident_id: IncidentId) -> System | None:
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
        return self._catalog.systems.get(incident.system_id) if incident.system_id else None

    async def in_channel(self, channel: str) -> Incident | None:
        """Return the incident whose channel this is."""
        async with self._uow.begin() as tx:
            return await tx.incidents.in_channel(channel)

    async def numbered(self, number: int) -> Incident:
        """Return an incident by its number.

        Raises:
            NotFound: There is none.
        """
        async with self._uow.begin() as tx:
            incident = await tx.incidents.by_number(number)
        if incident is None:
            raise NotFound(f"There is no INC-{number}; `/incident list` shows the open ones.")
        return incident

    async def listed(self, *, only_open: bool, limit: int, before: int | None = None) -> Sequence[Incident]:
        """Return incidents, newest first."""
        async with self._uow.begin() as tx:
            return await tx.incidents.listed(only_open=only_open, limit=limit, before=before)


def _one_line(title: str) -> str:
    title = " ".join(title.split())
    if is_blank(title):
        raise BadCommand("Say what is happening: `/incident declare <what is happening>`")
    return title


async def change_in(tx: Transaction, incident_id: IncidentId, transition: Transition) -> Incident:
    """Carry out one transition within a transaction: row, fact and card, and at its end word of the review's draft."""
    before = await tx.incidents.get(incident_id)
    incident, fact = transition(before)
    saved = await tx.incidents.save(incident)
    await tx.timeline.append(incident_id, fact)
    lane = incident_lane(incident_id)
    await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, lane, incident_id)
    if before.is_open and not saved.is_open:
        payload = {"incident": incident_id, "what": REVIEW_READY}
        await tx.deliveries.want(DeliveryKind.NOTE, lane, f"review:{incident_id}", payload=payload)
    return saved
