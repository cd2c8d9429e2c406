"""Plans about a containment that is in force: undo, extend and keep need exactly the approvals that applying needed.

An undo is planned from what the containment wrote back to what was read before it, and is refused when the target reads
as neither: then somebody changed it since, and only a person can say what is right. Where a younger containment is in
force on the same target, the older one is taken back from under it.
"""

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
from bot.domain.incident import Incident
from bot.domain.plan import Plan, PlanKind, Promise, Rebase
from bot.domain.stack import take_from_under
from bot.domain.values import ContainmentId, Now, human_duration, is_blank
from bot.errors import BadCommand, InvalidTransition, PlanDrifted
from bot.services.plans import Plans, by_age, full_name
from bot.services.ports import Connections, IncidentConnections, Transaction, UnitOfWork


@dataclass(frozen=True)
class _Younger:
    """A change that was made later on the same target, and whose it is."""

    containment: Containment
    name: str
    step: int
    change: Change


@dataclass(frozen=True)
class Keep:
    """What a person filled in to keep a containment.

    Attributes:
        title: The remediation: what makes the containment unnecessary.
        owner: Who sees to it.
        duration: Until it is due.
    """

    title: str
    owner: Actor
    duration: timedelta
    reason: str


class FollowUps:
    """Plans what comes after a containment was applied."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, connections: Connections, plans: Plans, now: Now) -> None:
        """Take the store, the content, the connections, where plans are kept, and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._connections = connections
        self._plans = plans
        self._now = now

    async def plan_undo(
        self, actor: Actor, containment_id: ContainmentId, reason: str, *, request: str | None = None
    ) -> Containment:
        """Plan to restore exactly what was read before a containment, and store that for a decision.

        Args:
            actor: Who asks.
            containment_id: What is to be undone.
            reason: Why.
            request: Identity of the request; a repeat of it returns what the first one stored.

        Raises:
            StanchError: As `read_undo` does.
        """
        return await self._plans.store(await self.read_undo(actor, containment_id, reason), request)

    async def read_undo(self, actor: Actor, containment_id: ContainmentId, reason: str) -> Plan:
        """Return the plan that a person asks for to undo a containment; nothing is stored.

        Raises:
            NotPermitted: The person may not plan at its level.
            InvalidTransition: It is not in force, or cannot be undone.
            PlanDrifted: Somebody changed a target since.
            IntegrationError: A vendor could not be read.
        """
        incident, original = await self._in_force(actor, containment_id)
        return await self.undo_of(original, incident, actor, reason)

    async def undo_of(self, original: Containment, incident: Incident, actor: Actor, reason: str) -> Plan:
        """Return the plan that undoes a containment in force, having read every target that it touched.

        Raises:
            InvalidTransition: It cannot be undone.
            PlanDrifted: Somebody changed a target since.
            IntegrationError: A vendor could not be read.
        """
        if not original.plan.is_reversible:
            raise InvalidTransition(f"C-{original.number} cannot be undone: its runbook says that it is irreversible.")
        async with self._uow.begin() as tx:
            above = [await _above(tx, original, change) for change in original.touched]
        use = self._connections.for_incident(incident.kind)
        undone = zip(original.touched, above, strict=True)
        with tracing.span("containment.plan", {"stanch.incident": incident.id, "stanch.containment": original.id}):
            read = await asyncio.gather(*(_taken_back(use, change, younger) for change, younger in undone))
        rebases = tuple(rebase for _, rebased in read for rebase in rebased)
        return self._plan(
            PlanKind.UNDO,
            original,
            incident,
            actor,
            reason,
            changes=tuple(change for change, _ in reversed(read) if change is not None),
            rebases=rebases,
            expected_effect="The targets read as before the containment.",
            risk_if_wrong="The harm returns if its cause is still there.",
            warnings=tuple(
                f"{rebase.name} stays in force on {rebase.becomes.action.split('.')[0]}; undoing it then restores what "
                f"C-{original.number} had found."
                for rebase in rebases
            ),
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
        return await self._plans.store(
            self._plan(
                PlanKind.EXTEND,
                original,
                incident,
                actor,
                reason,
                duration=duration,
                expected_effect=f"It stays in force for {human_duration(duration)} from the approval.",
                risk_if_wrong="It outlives its need.",
            )
        )

    async def plan_keep(self, actor: Actor, containment_id: ContainmentId, keep: Keep) -> Containment:
        """Plan to keep a containment for a remediation's sake, until that is due, counted from when this is approved.

        Raises:
            InvalidTransition: It is not in force, or has not been shown to work.
            BadCommand: The remediation has no title, or the policy does not allow that long.
        """
        incident, original = await self._in_force(actor, containment_id)
        if original.effect_verified_at is None:
            raise InvalidTransition(
                f"C-{original.number} has not been shown to help, so there is nothing to keep yet: extend it meanwhile."
            )
        longest = self._catalog.policy.keep.longest
        if keep.duration > longest:
            raise BadCommand(f"A containment may be kept for {human_duration(longest)} at most.")
        if is_blank(keep.title):
            raise BadCommand("Say what will make the containment unnecessary: that is the remediation.")
        return await self._plans.store(
            self._plan(
                PlanKind.KEEP,
                original,
                incident,
                actor,
                keep.reason,
                duration=keep.duration,
                remediation=Promise(title=keep.title.strip(), owner=keep.owner),
                expected_effect=f"It stays in force until the remediation is due, {human_duration(keep.duration)} from "
                "the approval; then Stanch asks again.",
                risk_if_wrong="A stopgap becomes permanent, and its cost with it.",
            )
        )

    async def _in_force(self, actor: Actor, containment_id: ContainmentId) -> tuple[Incident, Containment]:
        async with self._uow.begin() as tx:
            original = await tx.containments.get(containment_id)
            incident = await tx.incidents.get(original.plan.incident_id)
        system = self._catalog.systems.get(original.plan.system_id)
        await self._plans.check_may_plan(actor, original.plan.levels, system)
        if not original.is_in_force:
            raise InvalidTransition(
                f"C-{original.number} is {original.state.value}: there is nothing in force to act on."
            )
        return incident, original

    def _plan(
        self, kind: PlanKind, original: Containment, incident: Incident, actor: Actor, reason: str, **fields: object
    ) -> Plan:
        at = self._now()
        common: dict[str, object] = {
            "kind": kind,
            "of": original.id,
            "evidence": (),
            "title": f"{kind.value.capitalize()} C-{original.number}: {original.plan.title}",
            "changes": (),
            "rebases": (),
            "severity": incident.severity,
            "policy_version": self._catalog.policy.version,
            "reason": reason.strip(),
            "warnings": (),
            "requested_by": actor,
            "requested_at": at,
            "expires_at": at + self._catalog.policy.plan_expires_after,
        }
        return original.plan.changed(**(common | fields))


async def _above(tx: Transaction, original: Containment, lowest: Change) -> Sequence[_Younger]:
    """Return the changes that were made on top of one, oldest first."""
    stack = by_age(await tx.containments.in_force_on({lowest.target_key}))
    place = next(index for index, each in enumerate(stack) if each.id == original.id)
    return [
        _Younger(each, await full_name(tx, each), step, change)
        for each in stack[place + 1 :]
        for step, change in enumerate(each.changes)
        if change in each.touched and change.target_key == lowest.target_key and change.action == lowest.action
    ]


async def _taken_back(
    use: IncidentConnections, change: Change, above: Sequence[_Younger]
) -> tuple[Change | None, Sequence[Rebase]]:
    """Return the write that takes a change back, `None` when the target reads so already, and what it does above."""
    with tracing.span("containment.read", {"stanch.action": change.action, "stanch.connection": change.connection}):
        current = await use.action(change.action, change.connection).read(change.ref)
    if not above:
        if current not in (change.before, change.after):
            raise _drifted(change)
        return (None if current == change.before else change.reverted()), ()
    if current != above[-1].change.after:
        raise _drifted(above[-1].change)
    left = take_from_under(change, [each.change for each in above])
    rebases = [
        Rebase(containment=each.containment.id, name=each.name, step=each.step, was=each.change, becomes=becomes)
        for each, becomes in zip(above, left.above, strict=True)
    ]
    write = None if left.target == current else change.reverted().changed(before=current, after=left.target)
    return write, rebases


def _drifted(change: Change) -> PlanDrifted:
    return PlanDrifted(
        f"Somebody changed the target since: “{change.summary}” no longer reads as it was written. "
        "Undo would overwrite that; put it right at the vendor, or make a new plan."
    )
