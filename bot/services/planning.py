"""Making plans: reading targets, showing what would change, storing it for a decision; no vendor is changed here.

Undo and extend are plans too. An undo is planned from what the containment wrote back to what was read before it, and
is refused when the target reads as neither: then somebody changed it since, and only a person can say what is right.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.actor import Actor
from bot.domain.change import Change
from bot.domain.containment import Containment, Plan, PlanKind, Progress
from bot.domain.delivery import DeliveryKind
from bot.domain.incident import Incident
from bot.domain.runbook import Level, LiveChoiceInput, Runbook, Step
from bot.domain.system import System
from bot.domain.timeline import Fact
from bot.domain.timer import Timer
from bot.domain.values import ContainmentId, IncidentId, Now, human_duration
from bot.errors import BadCommand, InvalidTransition, NotFound, PlanDrifted
from bot.services.lanes import incident_lane
from bot.services.people import People
from bot.services.ports import Connections, IncidentConnections, Transaction, UnitOfWork

EXPIRE_PLAN = "containment.expire"
OFFER_BREAK_GLASS = "containment.offer_break_glass"


@dataclass(frozen=True)
class PlanRequest:
    """What a person filled in.

    Attributes:
        duration: How long the containment is to last; `None` for the runbook's default.
    """

    runbook: str
    inputs: dict[str, str]
    reason: str
    duration: timedelta | None = None


@dataclass(frozen=True)
class Form:
    """A runbook as a form for one system: the values that live inputs may take, read now."""

    runbook: Runbook
    system: System
    choices: dict[str, Sequence[str]]
    durations: list[timedelta]


class Planning:
    """Makes plans."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, connections: Connections, people: People, now: Now) -> None:
        """Take the store, the content, the connections, the roles and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._connections = connections
        self._people = people
        self._now = now

    async def form(self, actor: Actor, incident_id: IncidentId, runbook_id: str) -> Form:
        """Return a runbook's form, having read what its live inputs offer.

        Raises:
            NotPermitted: The person may not plan at the runbook's level.
            InvalidTransition: The incident is resolved or names no system.
            IntegrationError: A vendor could not be read.
        """
        incident, runbook, system = await self._context(actor, incident_id, runbook_id)
        live = {name: item for name, item in runbook.inputs.items() if isinstance(item, LiveChoiceInput)}
        use = self._connections.for_incident(incident.kind)
        read = await asyncio.gather(*(self._choices(use, system, runbook, item) for item in live.values()))
        longest = rules.longest(self._catalog.policy, runbook.levels)
        durations = [duration for duration in runbook.ends.offered() if duration <= longest]
        return Form(runbook=runbook, system=system, choices=dict(zip(live, read, strict=True)), durations=durations)

    async def _choices(
        self, use: IncidentConnections, system: System, runbook: Runbook, item: LiveChoiceInput
    ) -> Sequence[str]:
        step = next(step for step in runbook.steps if step.id == item.of_step)
        target = system.targets[step.target]
        return await use.action(step.action, target.connection).choices(target.ref)

    async def plan(self, actor: Actor, incident_id: IncidentId, request: PlanRequest) -> Containment:
        """Read every target, and store what would change for a decision.

        Raises:
            NotPermitted: The person may not plan at the runbook's level.
            BadCommand: An input is missing or does not fit.
            InvalidTransition: The incident is resolved, or every target is already as the runbook would make it.
            IntegrationError: A vendor could not be read.
        """
        incident, runbook, system = await self._context(actor, incident_id, request.runbook)
        duration = request.duration or runbook.ends.after
        _check_inputs(runbook, request, duration, rules.longest(self._catalog.policy, runbook.levels))
        use = self._connections.for_incident(incident.kind)
        read = await asyncio.gather(*(_planned_change(use, system, step, request.inputs) for step in runbook.steps))
        changes = tuple(change for change in read if change is not None)
        if not changes:
            raise InvalidTransition(f"Already contained: every target of “{runbook.title}” reads as it would make it.")
        signal = system.signals.get(runbook.harm_signal) if runbook.harm_signal else None
        at = self._now()
        plan = Plan(
            kind=PlanKind.APPLY,
            incident_id=incident.id,
            runbook=runbook.id,
            runbook_version=runbook.version,
            title=runbook.title,
            system_id=system.id,
            inputs=request.inputs,
            changes=changes,
            level=runbook.level,
            levels=runbook.levels,
            severity=incident.severity,
            policy_version=self._catalog.policy.version,
            signal_name=runbook.harm_signal if signal else None,
            signal=signal,
            duration=duration,
            reason=request.reason.strip(),
            expected_effect=runbook.expected_effect,
            risk_if_wrong=runbook.risk_if_wrong,
            warnings=await self._warnings(incident.id, changes),
            requested_by=actor,
            requested_at=at,
            expires_at=at + self._catalog.policy.plan_expires_after,
        )
        return await self._store(plan)

    async def plan_undo(self, actor: Actor, containment_id: ContainmentId, reason: str) -> Containment:
        """Plan to restore exactly what was read before a containment.

        Raises:
            InvalidTransition: It is not in force, or cannot be undone.
            PlanDrifted: Somebody changed a target since.
            IntegrationError: A vendor could not be read.
        """
        incident, original = await self._in_force(actor, containment_id)
        if not original.plan.is_reversible:
            raise InvalidTransition(f"C-{original.number} cannot be undone: its runbook says that it is irreversible.")
        use = self._connections.for_incident(incident.kind)
        read = await asyncio.gather(*(_undo_change(use, change) for change in original.touched))
        changes = tuple(change for change in reversed(read) if change is not None)
        if not changes:
            raise InvalidTransition(f"Everything that C-{original.number} changed reads as before it already.")
        return await self._store(
            self._follow_up(
                PlanKind.UNDO, incident, original, actor, reason, duration=original.plan.duration, changes=changes
            )
        )

    async def plan_extend(
        self, actor: Actor, containment_id: ContainmentId, duration: timedelta, reason: str
    ) -> Containment:
        """Plan to let a containment last longer, counted from when this is approved.

        Raises:
            InvalidTransition: It is not in force.
            BadCommand: The policy does not allow that long.
        """
        incident, original = await self._in_force(actor, containment_id)
        longest = rules.longest(self._catalog.policy, original.plan.levels)
        if duration > longest:
            raise BadCommand(f"A {original.plan.level} containment may last {human_duration(longest)} at most.")
        return await self._store(
            self._follow_up(PlanKind.EXTEND, incident, original, actor, reason, duration=duration, changes=())
        )

    def _follow_up(  # noqa: PLR0913 - what undo and extend have in common
        self,
        kind: PlanKind,
        incident: Incident,
        original: Containment,
        actor: Actor,
        reason: str,
        *,
        duration: timedelta,
        changes: tuple[Change, ...],
    ) -> Plan:
        at = self._now()
        verb = "Undo" if kind is PlanKind.UNDO else "Extend"
        return original.plan.changed(
            kind=kind,
            of=original.id,
            title=f"{verb} C-{original.number}: {original.plan.title}",
            changes=changes,
            severity=incident.severity,
            policy_version=self._catalog.policy.version,
            duration=duration,
            reason=reason.strip(),
            expected_effect="The targets read as before the containment."
            if changes
            else "It stays in force for longer.",
            risk_if_wrong="The harm returns if its cause is still there." if changes else "It outlives its need.",
            warnings=(),
            requested_by=actor,
            requested_at=at,
            expires_at=at + self._catalog.policy.plan_expires_after,
        )

    async def _in_force(self, actor: Actor, containment_id: ContainmentId) -> tuple[Incident, Containment]:
        async with self._uow.begin() as tx:
            original = await tx.containments.get(containment_id)
            incident = await tx.incidents.get(original.plan.incident_id)
        await self._check_may_plan(actor, original.plan.levels, self._catalog.systems.get(original.plan.system_id))
        if not original.is_in_force:
            raise InvalidTransition(
                f"C-{original.number} is {original.state.value}: there is nothing in force to act on."
            )
        return incident, original

    async def _context(
        self, actor: Actor, incident_id: IncidentId, runbook_id: str
    ) -> tuple[Incident, Runbook, System]:
        async with self._uow.begin() as tx:
            incident = await tx.incidents.get(incident_id)
        runbook = self._catalog.runbooks.get(runbook_id)
        if runbook is None:
            raise NotFound(f"There is no runbook `{runbook_id}`; `/incident contain` lists those on offer.")
        system = self._catalog.systems.get(incident.system_id) if incident.system_id else None
        if system is None:
            raise InvalidTransition(
                f"{incident.label} names no AI system of the registry, so no runbook has a target; an alert's labels "
                "select one."
            )
        await self._check_may_plan(actor, runbook.levels, system)
        if not incident.is_open:
            raise InvalidTransition(f"{incident.label} is {incident.status.value}; nothing is left to contain.")
        missing = [step.target for step in runbook.steps if step.target not in system.targets]
        if missing:
            raise InvalidTransition(f"{system.title} has no target `{missing[0]}` in the registry for this runbook.")
        return incident, runbook, system

    async def _check_may_plan(self, actor: Actor, levels: Sequence[Level], system: System | None) -> None:
        roles = await self._people.roles_of(actor.id, system)
        rules.check_may_plan(self._catalog.policy, levels, roles)

    async def _warnings(self, incident_id: IncidentId, changes: tuple[Change, ...]) -> tuple[str, ...]:
        async with self._uow.begin() as tx:
            others = await tx.containments.of_incident(incident_id)
        targets = {change.target_key for change in changes}
        return tuple(
            f"C-{other.number} “{other.plan.title}” is in force on the same target."
            for other in others
            if other.is_in_force and targets & set(other.plan.target_keys)
        )

    async def _store(self, plan: Plan) -> Containment:
        async with self._uow.begin() as tx:
            containment = Containment(
                id=ContainmentId(uuid4().hex),
                number=await tx.containments.next_number(plan.incident_id),
                plan=plan,
                progress=tuple(Progress() for _ in plan.changes),
            )
            await tx.containments.add(containment)
            fact = Fact(
                kind="plan.made",
                at=plan.requested_at,
                actor=plan.requested_by,
                text=f"Planned C-{containment.number} “{plan.title}” ({plan.level}): {_summaries(plan)}",
                payload={"containment": containment.id, "fingerprint": plan.fingerprint, "reason": plan.reason},
            )
            await tx.timeline.append(plan.incident_id, fact)
            await self._set_timers(tx, containment)
            lane = incident_lane(plan.incident_id)
            await tx.deliveries.want(DeliveryKind.CONTAINMENT_CARD, lane, containment.id)
        return containment

    async def _set_timers(self, tx: Transaction, containment: Containment) -> None:
        plan, policy = containment.plan, self._catalog.policy
        due = {EXPIRE_PLAN: plan.expires_at}
        if rules.approvers(policy, plan.levels):
            due[OFFER_BREAK_GLASS] = plan.requested_at + policy.break_glass.after
        for job, due_at in due.items():
            await tx.timers.set(Timer(key=f"{job}:{containment.id}", job=job, subject=containment.id, due_at=due_at))


def _summaries(plan: Plan) -> str:
    if not plan.changes:
        return f"{human_duration(plan.duration)} more, from its approval"
    return "; ".join(change.summary for change in plan.changes)


def _check_inputs(runbook: Runbook, request: PlanRequest, duration: timedelta, longest: timedelta) -> None:
    unknown = sorted(set(request.inputs) - set(runbook.inputs))
    missing = [item.label for name, item in runbook.inputs.items() if not request.inputs.get(name, "").strip()]
    if unknown:
        raise BadCommand(f"“{runbook.title}” has no input `{unknown[0]}`.")
    if missing:
        raise BadCommand(f"Fill in: {', '.join(missing)}.")
    if not request.reason.strip():
        raise BadCommand("Say why: the reason goes on the timeline.")
    at_most = min(runbook.ends.at_most, longest)
    if not timedelta(0) < duration <= at_most:
        raise BadCommand(f"“{runbook.title}” may last {human_duration(at_most)} at most.")


async def _planned_change(
    use: IncidentConnections, system: System, step: Step, inputs: dict[str, str]
) -> Change | None:
    target = system.targets[step.target]
    action = use.action(step.action, target.connection)
    proposal = action.plan(target.ref, step.resolved_params(inputs), await action.read(target.ref))
    if proposal is None:
        return None
    return Change(
        step=step.id,
        level=step.level,
        action=step.action,
        connection=target.connection,
        ref=target.ref,
        before=proposal.before,
        after=proposal.after,
        summary=proposal.summary,
        blast_radius=proposal.blast_radius,
        reversible=action.reversible,
        guard=action.guard,
    )


async def _undo_change(use: IncidentConnections, change: Change) -> Change | None:
    """Return the change that restores a target; `None` when it reads as before already."""
    current = await use.action(change.action, change.connection).read(change.ref)
    if current == change.before:
        return None
    if current != change.after:
        raise PlanDrifted(
            f"Somebody changed the target since: “{change.summary}” no longer reads as it was written. "
            "Undo would overwrite that; put it right at the vendor, or make a new plan."
        )
    return change.reverted()
