"""Decisions on plans: go ahead, decline, break glass, and what their timers do.

The rules are in `bot.domain.policy`; here they are asked inside the transaction that records the decision, so two
people who press at once get one effect and both see the true state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.actor import STANCH, Actor
from bot.domain.containment import Containment, ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.plan import Approval
from bot.domain.role import Role
from bot.domain.timeline import Fact
from bot.domain.timer import Timer
from bot.domain.values import ContainmentId, IncidentId, Now
from bot.errors import InvalidTransition, NotFound, PlanExpired
from bot.services.lanes import incident_lane
from bot.services.paging import want_page
from bot.services.people import People
from bot.services.plans import EXPIRE_PLAN, OFFER_BREAK_GLASS
from bot.services.ports import Transaction, UnitOfWork

CARRY_OUT = "containment.carry_out"


@dataclass(frozen=True)
class Asked:
    """How a decision was asked for.

    Attributes:
        request: Identity of the request; a repeat of it finds what the first one did, and does nothing.
        dry_run: Whether to check everything and store nothing.
    """

    request: str | None = None
    dry_run: bool = False


_IN_EARNEST = Asked()


class Containments:
    """Use cases of plans and containments."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, people: People, now: Now) -> None:
        """Take the store, the content, the roles and the clock."""
        self._uow = uow
        self._catalog = catalog
        self._people = people
        self._now = now

    async def approve(
        self, actor: Actor, containment_id: ContainmentId, fingerprint: str, asked: Asked = _IN_EARNEST
    ) -> Containment:
        """Give the go-ahead; carry it out once nothing more is needed.

        Raises:
            NotPermitted: This person's approval does not count.
            PlanExpired: The plan is not the one that was shown, too old, or made under another severity or policy.
            InvalidTransition: It was decided already.
        """
        roles = await self._roles(actor, containment_id)
        async with self._uow.begin() as tx:
            if await self._came_already(tx, asked):
                return await tx.containments.get(containment_id)
            containment = await self._open_plan(tx, containment_id, fingerprint)
            approval = Approval(fingerprint=fingerprint, actor=actor, roles=roles, at=self._now())
            rules.check_may_approve(self._catalog.policy, containment.plan, containment.approvals, approval)
            return await self._decide(tx, containment, approval, asked)

    async def break_glass(
        self, actor: Actor, containment_id: ContainmentId, fingerprint: str, reason: str, asked: Asked = _IN_EARNEST
    ) -> Containment:
        """Go ahead without the approval that is needed, because nobody could be reached.

        Raises:
            NotPermitted: Too early, without a reason, or by someone who may not plan.
        """
        roles = await self._roles(actor, containment_id)
        async with self._uow.begin() as tx:
            if await self._came_already(tx, asked):
                return await tx.containments.get(containment_id)
            containment = await self._open_plan(tx, containment_id, fingerprint)
            rules.check_may_break_glass(self._catalog.policy, containment.plan, roles, reason, self._now())
            approval = Approval(
                fingerprint=fingerprint, actor=actor, roles=roles, at=self._now(), break_glass_reason=reason.strip()
            )
            if not asked.dry_run:
                incident = await tx.incidents.get(containment.plan.incident_id)
                said = f"break-glass on C-{containment.number} “{containment.plan.title}” without the approval it needs"
                await want_page(tx, incident, f"break-glass:{containment.id}", said)
            return await self._decide(tx, containment, approval, asked)

    async def decline(
        self, actor: Actor, containment_id: ContainmentId, fingerprint: str, asked: Asked = _IN_EARNEST
    ) -> Containment:
        """Turn a plan down; whoever may plan it may turn it down.

        Raises:
            NotPermitted: The person may not plan at this level.
            InvalidTransition: It was decided already.
        """
        roles = await self._roles(actor, containment_id)
        async with self._uow.begin() as tx:
            if await self._came_already(tx, asked):
                return await tx.containments.get(containment_id)
            containment = await self._open_plan(tx, containment_id, fingerprint)
            rules.check_may_plan(self._catalog.policy, containment.plan.levels, roles)
            declined = containment.moved(ContainmentState.DECLINED, declined_by=actor)
            if asked.dry_run:
                return declined
            return await record(
                tx,
                declined,
                Fact(kind="plan.declined", at=self._now(), actor=actor, text=f"Declined C-{containment.number}"),
            )

    async def expire(self, timer: Timer) -> None:
        """Close a plan that nobody decided on in time."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(ContainmentId(timer.subject))
            if containment.state is not ContainmentState.PROPOSED:
                return
            expired = containment.moved(ContainmentState.EXPIRED, problem="Nobody decided in time; plan again.")
            await record(
                tx,
                expired,
                Fact(
                    kind="plan.expired",
                    at=self._now(),
                    actor=STANCH,
                    text=f"Plan C-{containment.number} expired undecided",
                ),
            )

    async def offer_break_glass(self, timer: Timer) -> None:
        """Show the break-glass button on a plan that still waits."""
        async with self._uow.begin() as tx:
            containment = await tx.containments.get(ContainmentId(timer.subject))
            if containment.state is ContainmentState.PROPOSED:
                await want_card(tx, containment)

    async def get(self, containment_id: ContainmentId) -> Containment:
        """Return one containment."""
        async with self._uow.begin() as tx:
            return await tx.containments.get(containment_id)

    async def numbered(self, incident_id: IncidentId, number: int) -> Containment:
        """Return a containment by its number within an incident.

        Raises:
            NotFound: There is none.
        """
        found = next((each for each in await self.of_incident(incident_id) if each.number == number), None)
        if found is None:
            raise NotFound(f"This incident has no C-{number}.")
        return found

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Containment]:
        """Return an incident's containments, oldest first."""
        async with self._uow.begin() as tx:
            return await tx.containments.of_incident(incident_id)

    async def _came_already(self, tx: Transaction, asked: Asked) -> bool:
        """Take a request once, in the commit of what it asks for; a dry run takes none."""
        if asked.request is None or asked.dry_run:
            return False
        return not await tx.receipts.first_time(f"decision:{asked.request}", self._now())

    async def _roles(self, actor: Actor, containment_id: ContainmentId) -> frozenset[Role]:
        async with self._uow.begin() as tx:
            plan = (await tx.containments.get(containment_id)).plan
        return await self._people.roles_of(actor.id, self._catalog.systems.get(plan.system_id))

    async def _open_plan(self, tx: Transaction, containment_id: ContainmentId, fingerprint: str) -> Containment:
        containment = await tx.containments.get(containment_id)
        if containment.state is not ContainmentState.PROPOSED:
            state = containment.state.value.replace("_", " ")
            raise InvalidTransition(f"C-{containment.number} is {state} already; nothing more was done.")
        if containment.plan.fingerprint != fingerprint:
            raise PlanExpired("This is not the plan that was shown to you. Open the newest card and look again.")
        incident = await tx.incidents.get(containment.plan.incident_id)
        rules.check_current(self._catalog.policy, containment.plan, incident.severity, self._now())
        return containment

    async def _decide(self, tx: Transaction, containment: Containment, approval: Approval, asked: Asked) -> Containment:
        decided = containment.decided(approval)
        missing = rules.missing_approvals(self._catalog.policy, decided.plan, decided.approvals)
        if not missing:
            decided = decided.moved(ContainmentState.APPROVED)
        if asked.dry_run:
            return decided
        saved = await record(tx, decided, _decision_fact(decided, approval, missing))
        if missing:
            return saved
        await tx.timers.cancel(f"{EXPIRE_PLAN}:{containment.id}")
        await tx.timers.cancel(f"{OFFER_BREAK_GLASS}:{containment.id}")
        await tx.jobs.enqueue(CARRY_OUT, containment.id, key=f"{CARRY_OUT}:{containment.id}")
        return saved


def _decision_fact(containment: Containment, approval: Approval, missing: Sequence[Role]) -> Fact:
    number = containment.number
    if approval.break_glass_reason:
        text = f"BREAK-GLASS on C-{number} without the approval it needs: {approval.break_glass_reason}"
        kind = "plan.break_glass"
    elif missing:
        text = f"Approved C-{number}; still needed: {' and '.join(role.label for role in missing)}"
        kind = "plan.approved"
    else:
        text = f"Approved C-{number}"
        kind = "plan.approved"
    payload = {"fingerprint": approval.fingerprint, "roles": sorted(role.value for role in approval.roles)}
    return Fact(kind=kind, at=approval.at, actor=approval.actor, text=text, payload=payload)


async def record(tx: Transaction, containment: Containment, *facts: Fact) -> Containment:
    """Save a containment with the facts that changed it, and bring its cards up to date."""
    saved = await tx.containments.save(containment)
    about = {"containment": containment.id, "state": containment.state.value}
    told = [fact.changed(payload={**fact.payload, **about}) for fact in facts]
    await tx.timeline.append(containment.plan.incident_id, *told)
    await want_card(tx, saved)
    return saved


async def want_card(tx: Transaction, containment: Containment) -> None:
    """Bring the containment's card and its incident's up to date."""
    lane = incident_lane(containment.plan.incident_id)
    await tx.deliveries.want(DeliveryKind.CONTAINMENT_CARD, lane, containment.id)
    await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, lane, containment.plan.incident_id)
