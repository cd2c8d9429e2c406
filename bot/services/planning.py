"""Planning a runbook: reading its targets, showing what would change, keeping it for a decision; nothing is written."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot import tracing
from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.actor import Actor
from bot.domain.change import Change
from bot.domain.containment import Containment
from bot.domain.evidence import FIRST_LEVEL, AlertsReceived, EvidenceItem, SignalReadings, TargetState
from bot.domain.incident import Incident
from bot.domain.plan import Plan, PlanKind
from bot.domain.runbook import LiveChoiceInput, OnEnd, Runbook, Step
from bot.domain.system import System
from bot.domain.values import ContainmentId, IncidentId, Now, human_duration, is_blank
from bot.errors import BadCommand, InvalidTransition, NotFound
from bot.services.plans import Plans, by_age, full_name
from bot.services.ports import Connections, IncidentConnections, UnitOfWork


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

    def __init__(self, uow: UnitOfWork, catalog: Catalog, connections: Connections, plans: Plans, now: Now) -> None:
        """Take the store, the content, the connections, where plans are kept, and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._connections = connections
        self._plans = plans
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

    async def plan(
        self, actor: Actor, incident_id: IncidentId, wanted: PlanRequest, *, request: str | None = None
    ) -> Containment:
        """Read every target, and store what would change for a decision.

        Args:
            actor: Who asks.
            incident_id: What it is for.
            wanted: What they filled in.
            request: Identity of the request; a repeat of it returns what the first one stored.

        Raises:
            StanchError: As `read` does.
        """
        return await self._plans.store(await self.read(actor, incident_id, wanted), request)

    async def read(self, actor: Actor, incident_id: IncidentId, request: PlanRequest) -> Plan:
        """Read every target, and return what would change; nothing is stored.

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
        with tracing.span("containment.plan", {"stanch.incident": incident.id, "stanch.runbook": runbook.id}):
            read = await asyncio.gather(*(_planned_change(use, system, step, request.inputs) for step in runbook.steps))
        changes = tuple(change for change in read if change is not None)
        if not changes:
            raise InvalidTransition(f"Already contained: every target of “{runbook.title}” reads as it would make it.")
        signal = system.signals.get(runbook.harm_signal) if runbook.harm_signal else None
        at = self._now()
        return Plan(
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
            evidence=_evidence(runbook, system, changes),
            on_end=runbook.on_end if signal and all(change.reversible for change in changes) else OnEnd.ASK,
            reason=request.reason.strip(),
            expected_effect=runbook.expected_effect,
            risk_if_wrong=runbook.risk_if_wrong,
            warnings=await self._warnings(changes),
            requested_by=actor,
            requested_at=at,
            expires_at=at + self._catalog.policy.plan_expires_after,
        )

    async def plan_again(self, actor: Actor, containment_id: ContainmentId) -> Containment:
        """Plan what a containment did once more, with what was entered then: for harm that is back after its undo.

        Raises:
            InvalidTransition: It is still in force, or the incident is resolved.
            NotPermitted: The person may not plan at its level.
            IntegrationError: A vendor could not be read.
        """
        async with self._uow.begin() as tx:
            former = await tx.containments.get(containment_id)
        if former.is_in_force:
            raise InvalidTransition(f"C-{former.number} is still in force.")
        plan = former.plan
        reason = f"the harm is back after C-{former.number} was undone"
        return await self.plan(actor, plan.incident_id, PlanRequest(plan.runbook, plan.inputs, reason, plan.duration))

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
        await self._plans.check_may_plan(actor, runbook.levels, system)
        if not incident.is_open:
            raise InvalidTransition(f"{incident.label} is {incident.status.value}; nothing is left to contain.")
        missing = [name for name in runbook.targets if name not in system.targets]
        if missing:
            raise InvalidTransition(f"{system.title} has no target `{missing[0]}` in the registry for this runbook.")
        return incident, runbook, system

    async def _warnings(self, changes: tuple[Change, ...]) -> tuple[str, ...]:
        """Say what else is in force on the targets, and where somebody changed what Stanch had left there."""
        keys = {change.target_key for change in changes}
        async with self._uow.begin() as tx:
            others = by_age(await tx.containments.in_force_on(keys))
            labels = {other.id: await full_name(tx, other) for other in others}
        said = [f"{labels[other.id]} “{other.plan.title}” is in force on the same target." for other in others]
        newest = {change.target_key: (other, change) for other in others for change in other.touched}
        for change in changes:
            other, left = newest.get(change.target_key, (None, None))
            if other is not None and left is not None and left.action == change.action and left.after != change.before:
                said.append(
                    f"Somebody changed the target since {labels[other.id]}: it no longer reads as that left it."
                )
        return tuple(said)


def _check_inputs(runbook: Runbook, request: PlanRequest, duration: timedelta, longest: timedelta) -> None:
    unknown = sorted(set(request.inputs) - set(runbook.inputs))
    missing = [item.label for name, item in runbook.inputs.items() if is_blank(request.inputs.get(name, ""))]
    if unknown:
        raise BadCommand(f"“{runbook.title}” has no input `{unknown[0]}`.")
    if missing:
        raise BadCommand(f"Fill in: {', '.join(missing)}.")
    if is_blank(request.reason):
        raise BadCommand("Say why: the reason goes on the timeline.")
    at_most = min(runbook.ends.at_most, longest)
    if not timedelta(0) < duration <= at_most:
        raise BadCommand(f"“{runbook.title}” may last {human_duration(at_most)} at most.")


def _evidence(runbook: Runbook, system: System, changes: Sequence[Change]) -> tuple[EvidenceItem, ...]:
    """Return what is to be preserved, each thing once; nothing for a plan that stays below the level to ask for it."""
    if all(change.level.rank < FIRST_LEVEL.rank for change in changes):
        return ()
    readings = [
        SignalReadings(title=f"Readings of the signal {name}", signal=system.signals[name])
        for name in runbook.signals
        if name in system.signals
    ]
    return (*(_state_of(system, action, target) for action, target in runbook.uses), *readings, AlertsReceived())


def _state_of(system: System, action: str, name: str) -> TargetState:
    target = system.targets[name]
    title = f"State of the target {name} at {target.connection}"
    return TargetState(title=title, action=action, connection=target.connection, ref=target.ref)


async def _planned_change(
    use: IncidentConnections, system: System, step: Step, inputs: dict[str, str]
) -> Change | None:
    target = system.targets[step.target]
    action = use.action(step.action, target.connection)
    with tracing.span("containment.read", {"stanch.action": step.action, "stanch.connection": target.connection}):
        state = await action.read(target.ref)
    proposal = action.plan(target.ref, step.resolved_params(inputs), state)
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
