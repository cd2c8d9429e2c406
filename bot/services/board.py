"""What cards, commands and pages show: one read, assembled into values that a view renders without asking more."""

from collections.abc import Sequence

from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.alert import AlertGroup
from bot.domain.classification import Classification
from bot.domain.clocks import Clock, time_to_detect, time_to_mitigate
from bot.domain.containment import Containment, ContainmentState
from bot.domain.incident import Incident
from bot.domain.playbook import Playbook
from bot.domain.role import Role
from bot.domain.runbook import Runbook
from bot.domain.system import System
from bot.domain.timeline import TimelineEvent, chain_problems, sign_head
from bot.domain.values import AlertGroupId, ContainmentId, IncidentId, Instant, Now, Value
from bot.services.incidents import Incidents
from bot.services.paging import NOBODY, PAGED
from bot.services.ports import UnitOfWork


class IncidentView(Value):
    """One incident with all that its card shows.

    Attributes:
        runbooks: Offered by its playbook and possible on its system, smallest ladder level first.
        firing: Alerts that fire now, over all its groups.
        nobody_woken: Why the last page woke nobody; empty if it woke somebody, or there was none.
    """

    incident: Incident
    system: System | None
    playbook: Playbook | None
    groups: tuple[AlertGroup, ...]
    containments: tuple[Containment, ...]
    runbooks: tuple[Runbook, ...]
    ttd: Clock
    ttm: Clock
    at: Instant
    nobody_woken: str = ""

    @property
    def firing(self) -> int:
        """Alerts that fire now."""
        return sum(group.firing for group in self.groups)


class AlertGroupView(Value):
    """One alert group with all that its card shows."""

    group: AlertGroup
    system: System | None
    classification: Classification
    incident: Incident | None


class ContainmentView(Value):
    """One plan or containment with all that its card shows.

    Attributes:
        missing: Roles whose approval is still needed.
        needs_approval: Whether its level asks for anybody's.
        break_glass_open: Whether going ahead without approval is possible now.
        of: The containment that an undo or extend plan is about.
    """

    containment: Containment
    incident: Incident
    system: System | None
    missing: tuple[Role, ...]
    needs_approval: bool
    break_glass_open: bool
    of: Containment | None
    at: Instant


class TimelineView(Value):
    """An incident's chain and whether it verifies.

    Attributes:
        problems: What is wrong with the chain; empty when it verifies.
        head_signature: Signature of the last event by a key that is not in the database.
    """

    incident: Incident
    events: tuple[TimelineEvent, ...]
    problems: tuple[str, ...]
    head_signature: str


class Board:
    """Reads for people."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, incidents: Incidents, now: Now, timeline_key: bytes) -> None:
        """Take the store, the content, the incident service, the clock and the key that signs chain heads."""
        self._uow = uow
        self._catalog = catalog
        self._incidents = incidents
        self._now = now
        self._timeline_key = timeline_key

    async def incident(self, incident_id: IncidentId) -> IncidentView:
        """Return one incident with all that its card shows."""
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
            groups = await tx.alerts.groups_of(incident_id)
            containments = await tx.containments.of_incident(incident_id)
            page = await tx.timeline.newest_of(incident_id, (PAGED, NOBODY))
        at = self._now()
        playbook_id = incident.classification.failure_mode
        system = self._system(incident.system_id)
        runbooks = self._catalog.runbooks_for(playbook_id, system) if incident.is_open else []
        return IncidentView(
            incident=incident,
            system=system,
            playbook=self._catalog.playbooks.get(playbook_id) if playbook_id else None,
            groups=tuple(groups),
            containments=tuple(containments),
            runbooks=tuple(sorted(runbooks, key=lambda runbook: runbook.level.rank)),
            ttd=time_to_detect(incident.milestones, incident.severity),
            ttm=time_to_mitigate(incident.milestones, incident.severity, at),
            at=at,
            nobody_woken=page.text if page is not None and page.kind == NOBODY else "",
        )

    async def alert_group(self, group_id: AlertGroupId) -> AlertGroupView:
        """Return one alert group with all that its card shows."""
        async with self._uow.begin() as tx:
            group = await tx.alerts.group(group_id)
            incident = await tx.incidents.get(group.incident_id) if group.incident_id else None
        return AlertGroupView(
            group=group,
            system=self._system(group.system_id),
            classification=self._incidents.classify_group(group),
            incident=incident,
        )

    async def containment(self, containment_id: ContainmentId) -> ContainmentView:
        """Return one containment with all that its card shows."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(containment_id)
        return await self.view_of(containment)

    async def view_of(self, containment: Containment) -> ContainmentView:
        """Return a containment as it is given, stored or not, with all that its card shows."""
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(containment.plan.incident_id)
            of = await tx.containments.get(containment.plan.of) if containment.plan.of else None
        plan, policy, at = containment.plan, self._catalog.policy, self._now()
        missing = rules.missing_approvals(policy, plan, containment.approvals)
        waiting = containment.state is ContainmentState.PROPOSED and bool(missing)
        return ContainmentView(
            containment=containment,
            incident=incident,
            system=self._system(plan.system_id),
            missing=missing,
            needs_approval=bool(rules.approvers(policy, plan.levels)),
            break_glass_open=waiting and at - plan.requested_at >= policy.break_glass.after,
            of=of,
            at=at,
        )

    async def timeline(self, incident_id: IncidentId) -> TimelineView:
        """Return an incident's whole chain, verified."""
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
            events = await tx.timeline.events(incident_id)
        return TimelineView(
            incident=incident,
            events=tuple(events),
            problems=tuple(chain_problems(events)),
            head_signature=sign_head(events[-1], self._timeline_key) if events else "",
        )

    async def listed(self, *, only_open: bool, limit: int, before: int | None = None) -> Sequence[Incident]:
        """Return incidents, newest first."""
        return await self._incidents.listed(only_open=only_open, limit=limit, before=before)

    def _system(self, system_id: str | None) -> System | None:
        return self._catalog.systems.get(system_id) if system_id else None
