"""Where plans of every kind are kept for a decision, and what is known of the containments that they meet."""

from collections.abc import Iterable, Sequence
from uuid import uuid4

from bot.content import Catalog
from bot.domain import policy as rules
from bot.domain.actor import Actor
from bot.domain.containment import Containment, Progress
from bot.domain.delivery import DeliveryKind
from bot.domain.plan import Plan
from bot.domain.runbook import Level
from bot.domain.system import System
from bot.domain.timeline import Fact
from bot.domain.timer import Timer
from bot.domain.values import ContainmentId, digest
from bot.services.lanes import incident_lane
from bot.services.people import People
from bot.services.ports import Transaction, UnitOfWork

EXPIRE_PLAN = "containment.expire"
OFFER_BREAK_GLASS = "containment.offer_break_glass"


class Plans:
    """Keeps plans."""

    def __init__(self, uow: UnitOfWork, catalog: Catalog, people: People) -> None:
        """Take the store, the content and the roles."""
        self._uow = uow
        self._catalog = catalog
        self._people = people

    async def check_may_plan(self, actor: Actor, levels: Sequence[Level], system: System | None) -> None:
        """Refuse who may not plan at these levels.

        Raises:
            NotPermitted: The person may not.
        """
        roles = await self._people.roles_of(actor.id, system)
        rules.check_may_plan(self._catalog.policy, levels, roles)

    async def store(self, plan: Plan, request: str | None = None) -> Containment:
        """Keep a plan for a decision, with its card and the timers that close it.

        Args:
            plan: What was read.
            request: Identity of the request; a repeat of it returns what the first one stored.
        """
        known = ContainmentId(digest(["plan", request])[:32]) if request is not None else None
        async with self._uow.begin() as tx:
            if known is not None and not await tx.receipts.first_time(f"plan:{request}", plan.requested_at):
                return await tx.containments.get(known)
            containment = await add(tx, plan, known)
            await self._set_timers(tx, containment)
        return containment

    async def _set_timers(self, tx: Transaction, containment: Containment) -> None:
        plan, policy = containment.plan, self._catalog.policy
        due = {EXPIRE_PLAN: plan.expires_at}
        if rules.approvers(policy, plan.levels):
            due[OFFER_BREAK_GLASS] = plan.requested_at + policy.break_glass.after
        for job, due_at in due.items():
            await tx.timers.set(Timer(key=f"{job}:{containment.id}", job=job, subject=containment.id, due_at=due_at))


def _proposed(plan: Plan, containment_id: ContainmentId, number: int) -> Containment:
    """Return a plan as it waits for a decision."""
    return Containment(id=containment_id, number=number, plan=plan, progress=tuple(Progress() for _ in plan.changes))


def only_shown(plan: Plan) -> Containment:
    """Return a plan for showing alone: it has the number 0, and is stored nowhere."""
    return _proposed(plan, ContainmentId(""), 0)


async def add(tx: Transaction, plan: Plan, containment_id: ContainmentId | None = None) -> Containment:
    """Keep a plan within a transaction: row, fact and card; without an id it gets one."""
    number = await tx.containments.next_number(plan.incident_id)
    containment = _proposed(plan, containment_id or ContainmentId(uuid4().hex), number)
    await tx.containments.add(containment)
    fact = Fact(
        kind="plan.made",
        at=plan.requested_at,
        actor=plan.requested_by,
        text=f"Planned C-{containment.number} “{plan.title}” ({plan.level}): {_summaries(plan)}",
        payload={"containment": containment.id, "fingerprint": plan.fingerprint, "reason": plan.reason},
    )
    await tx.timeline.append(plan.incident_id, fact)
    await tx.deliveries.want(DeliveryKind.CONTAINMENT_CARD, incident_lane(plan.incident_id), containment.id)
    return containment


def by_age(containments: Iterable[Containment]) -> list[Containment]:
    """Return containments by when they were first written, oldest first."""
    return sorted(containments, key=lambda each: min(step.attempted_at for step in each.progress if step.attempted_at))


async def full_name(tx: Transaction, containment: Containment) -> str:
    """Return `C-2 of INC-7`."""
    incident = await tx.incidents.get(containment.plan.incident_id)
    return f"C-{containment.number} of {incident.label}"


def _summaries(plan: Plan) -> str:
    if plan.changes:
        return "; ".join(change.summary for change in plan.changes)
    return plan.expected_effect
