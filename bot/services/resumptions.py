"""What people do about a containment that stopped: have it tried again, or go on without what it stopped at.

All go on with the approval on record, so the plan must still be current; a plan that is too old is made again, and
what it did so far is undone or found in place by the new one.
"""

from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.actor import Actor
from bot.domain.containment import Containment
from bot.domain.timeline import Fact
from bot.domain.values import ContainmentId, Now
from bot.services.containments import CARRY_OUT, record
from bot.services.people import People
from bot.services.ports import Transaction, UnitOfWork


class Resumptions:
    """Use cases of containments that stopped."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, people: People, now: Now) -> None:
        """Take the store, the content, the roles and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._people = people
        self._now = now

    async def retry(self, actor: Actor, containment_id: ContainmentId) -> Containment:
        """Have a containment go on with the change at which it stopped; whoever may plan it may do so.

        Raises:
            NotPermitted: The person may not plan at its level.
            PlanExpired: The plan is too old, or was made under another severity or policy.
            InvalidTransition: It did not stop at a change.
        """
        plan = (await self._get(containment_id)).plan
        roles = await self._people.roles_of(actor.id, self._catalog.systems.get(plan.system_id))
        rules.check_may_plan(self._catalog.policy, plan.levels, roles)
        async with self._uow.begin() as tx:
            stopped = await self._current(tx, containment_id)
            retried = stopped.retried(self._now())
            summary = stopped.plan.changes[stopped.stopped_at or 0].summary
            return await self._go_on(
                tx, retried, actor, "containment.retried", f"Has C-{stopped.number} try again: {summary}"
            )

    async def skip(self, actor: Actor, containment_id: ContainmentId, reason: str) -> Containment:
        """Have a containment go on without the change at which it stopped.

        Raises:
            NotPermitted: There is no reason, or this person's approval would not count for the plan.
            PlanExpired: The plan is too old, or was made under another severity or policy.
            InvalidTransition: It did not stop at a change, that change may be written, or nothing else is left.
        """
        plan = (await self._get(containment_id)).plan
        roles = await self._people.roles_of(actor.id, self._catalog.systems.get(plan.system_id))
        rules.check_may_leave_out(self._catalog.policy, plan, actor, roles, reason)
        async with self._uow.begin() as tx:
            stopped = await self._current(tx, containment_id)
            skipped = stopped.skipped(reason.strip(), self._now())
            summary = stopped.plan.changes[stopped.stopped_at or 0].summary
            text = f"Has C-{stopped.number} go on without “{summary}”: {reason.strip()}"
            return await self._go_on(tx, skipped, actor, "change.skipped", text)

    async def go_without_evidence(self, actor: Actor, containment_id: ContainmentId, reason: str) -> Containment:
        """Have a containment go on though not all of its evidence could be preserved.

        Raises:
            NotPermitted: There is no reason, or this person's approval would not count for the plan.
            PlanExpired: The plan is too old, or was made under another severity or policy.
            InvalidTransition: That is not why it stopped.
        """
        plan = (await self._get(containment_id)).plan
        roles = await self._people.roles_of(actor.id, self._catalog.systems.get(plan.system_id))
        rules.check_may_leave_out(self._catalog.policy, plan, actor, roles, reason)
        async with self._uow.begin() as tx:
            stopped = await self._current(tx, containment_id)
            going = stopped.gone_without_evidence(reason.strip(), self._now())
            missing = "; ".join(stopped.plan.evidence[item].title for item in stopped.evidence_wanted)
            text = f"Has C-{stopped.number} go ahead without evidence ({missing}): {reason.strip()}"
            return await self._go_on(tx, going, actor, "evidence.waived", text)

    async def _get(self, containment_id: ContainmentId) -> Containment:
        async with self._uow.begin() as tx:
            return await tx.containments.get(containment_id)

    async def _current(self, tx: Transaction, containment_id: ContainmentId) -> Containment:
        containment = await tx.containments.get(containment_id)
        incident = await tx.incidents.get(containment.plan.incident_id)
        rules.check_current(self._catalog.policy, containment.plan, incident.severity, self._now())
        return containment

    async def _go_on(
        self, tx: Transaction, containment: Containment, actor: Actor, kind: str, text: str
    ) -> Containment:
        saved = await record(tx, containment, Fact(kind=kind, at=self._now(), actor=actor, text=text))
        key = f"{CARRY_OUT}:{containment.id}:{containment.resumed}"
        await tx.jobs.enqueue(CARRY_OUT, containment.id, key=key)
        return saved
