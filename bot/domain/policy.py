"""Who may do what, with whose approval, for how long: every rule about permission is in this module.

Severity appears nowhere below: an emergency never relaxes what a level needs. What it does is invalidate a plan that
was made under another severity (`check_current`), so that people approve what they see.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from bot.domain.actor import Actor
from bot.domain.plan import Approval, Plan
from bot.domain.role import Role
from bot.domain.runbook import Level, OnEnd
from bot.domain.severity import Severity
from bot.domain.system import Duration, Handle, Name
from bot.domain.values import Instant, Value, human_duration, is_blank
from bot.errors import ApprovalMissing, NotPermitted, PlanExpired


class ApprovalRule(StrEnum):
    """Whose approval a level needs."""

    NONE = "none"
    LEAD = "lead"
    LEAD_AND_OWNER = "lead_and_owner"

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that must approve, one person each."""
        return {
            ApprovalRule.NONE: (),
            ApprovalRule.LEAD: (Role.LEAD,),
            ApprovalRule.LEAD_AND_OWNER: (Role.LEAD, Role.OWNER),
        }[self]


class LevelRule(Value):
    """What one ladder level needs."""

    plan: Role = Role.RESPONDER
    approval: ApprovalRule
    longest: Duration


class BreakGlass(Value):
    """When a containment may go ahead without the approval it needs.

    Attributes:
        page: Name of the connection that wakes those who may approve; `None` for nobody.
    """

    after: Duration
    page: Name | None = None


class Groups(Value):
    """Slack user group handles that give roles; owners come from each system."""

    responders: Handle
    leads: Handle


class Keeping(Value):
    """How long a containment may be kept for a remediation's sake.

    Attributes:
        longest: Until the remediation must be due.
    """

    longest: Duration = timedelta(days=90)


class Policy(Value):
    """The containment policy."""

    version: int = Field(ge=1)
    groups: Groups
    plan_expires_after: Duration
    break_glass: BreakGlass
    keep: Keeping = Keeping()
    levels: dict[Level, LevelRule]

    def rules(self, levels: Iterable[Level]) -> list[LevelRule]:
        """Return the rules of levels; content checks that every level has one."""
        return [self.levels[level] for level in levels]


def check_may_plan(policy: Policy, levels: Sequence[Level], roles: frozenset[Role]) -> None:
    """Refuse who may not plan at every one of these levels.

    Raises:
        NotPermitted: The person lacks a role that one of the levels asks for.
    """
    for level, rule in zip(levels, policy.rules(levels), strict=True):
        if rule.plan not in roles:
            raise NotPermitted(f"Planning a {level} containment needs the role {rule.plan.label}; ask who has it.")


def longest(policy: Policy, levels: Sequence[Level]) -> timedelta:
    """Return how long a containment with steps of these levels may last: the shortest of what each allows."""
    return min(rule.longest for rule in policy.rules(levels))


def approvers(policy: Policy, levels: Sequence[Level]) -> tuple[Role, ...]:
    """Return the roles that must approve, one person each: the most that any of these levels asks for.

    A kill switch beside a roll-back does not spare the roll-back its second pair of eyes.
    """
    return max((rule.approval.roles for rule in policy.rules(levels)), key=len)


def missing_approvals(policy: Policy, plan: Plan, approvals: tuple[Approval, ...]) -> tuple[Role, ...]:
    """Return the roles that still have to approve this very plan; empty when it may go ahead.

    Each role needs a person of its own: nobody approves twice, and never the requester. Approvals of another
    fingerprint do not count.
    """
    of_this_plan = [approval for approval in approvals if approval.fingerprint == plan.fingerprint]
    if any(approval.break_glass_reason for approval in of_this_plan):
        return ()
    people = {approval.actor.id: approval.roles for approval in of_this_plan if approval.actor != plan.requested_by}
    return _unmatched(approvers(policy, plan.levels), list(people.values()))


def _unmatched(needed: tuple[Role, ...], people: list[frozenset[Role]]) -> tuple[Role, ...]:
    """Return the needed roles that cannot each be given a different person, trying every assignment."""
    if not needed:
        return ()
    best = needed
    for index, roles in enumerate(people):
        if needed[0] in roles:
            best = min(best, _unmatched(needed[1:], people[:index] + people[index + 1 :]), key=len)
    without_first = (needed[0], *_unmatched(needed[1:], people))
    return min(best, without_first, key=len)


def check_may_approve(policy: Policy, plan: Plan, approvals: tuple[Approval, ...], candidate: Approval) -> None:
    """Refuse an approval that does not count.

    Where a level needs none, whoever may plan gives the go-ahead, the requester included.

    Raises:
        NotPermitted: The candidate asked for the plan, decided already, decided on another plan, or lacks a role that
            is still needed.
    """
    if candidate.fingerprint != plan.fingerprint:
        raise NotPermitted("This approval is of another plan than the one that is waiting. Open the newest plan.")
    if not approvers(policy, plan.levels):
        check_may_plan(policy, plan.levels, candidate.roles)
        return
    if candidate.actor == plan.requested_by:
        raise NotPermitted("You asked for this plan, so you cannot approve it. Ask someone else who may approve.")
    if any(approval.actor == candidate.actor for approval in approvals):
        raise NotPermitted("You have approved this plan already; it needs another person.")
    before = missing_approvals(policy, plan, approvals)
    if not before:
        raise NotPermitted("This plan needs no further approval.")
    if len(missing_approvals(policy, plan, (*approvals, candidate))) == len(before):
        needed = " and ".join(role.label for role in before)
        raise NotPermitted(f"This {plan.level} plan needs the approval of {needed}; you do not have that role.")


def check_may_leave_out(policy: Policy, plan: Plan, actor: Actor, roles: frozenset[Role], reason: str) -> None:
    """Refuse to leave out a part of an approved plan: that needs a reason, and somebody whose approval would count.

    A part is a change, or evidence that is to be preserved.

    Raises:
        NotPermitted: One of these is missing.
    """
    if is_blank(reason):
        raise NotPermitted("Leaving something out needs a reason: it goes on the timeline.")
    approving = approvers(policy, plan.levels)
    if not approving:
        check_may_plan(policy, plan.levels, roles)
        return
    if actor == plan.requested_by or not roles.intersection(approving):
        needed = " or ".join(role.label for role in approving)
        raise NotPermitted(
            f"Leaving something out of this {plan.level} plan needs {needed}, other than who asked for it."
        )


def check_may_revert(policy: Policy, original: Plan, approvals: tuple[Approval, ...]) -> None:
    """Refuse an undo that nobody asked for, unless the approved plan itself says that it ends so.

    Raises:
        ApprovalMissing: The plan does not say so, or was not approved as it stands.
    """
    if original.on_end is not OnEnd.REVERT or missing_approvals(policy, original, approvals):
        raise ApprovalMissing("Nobody approved that this ends by itself.")


def check_may_break_glass(policy: Policy, plan: Plan, roles: frozenset[Role], reason: str, at: Instant) -> None:
    """Refuse break-glass that is too early, without a reason, or by someone who may not plan.

    Raises:
        NotPermitted: One of these holds.
    """
    check_may_plan(policy, plan.levels, roles)
    waited = at - plan.requested_at
    if waited < policy.break_glass.after:
        left = human_duration(policy.break_glass.after - waited)
        wait = human_duration(policy.break_glass.after)
        raise NotPermitted(f"Break-glass opens when nobody could be reached for {wait}; {left} left.")
    if is_blank(reason):
        raise NotPermitted("Break-glass needs a reason: say who could not be reached and why it cannot wait.")


def check_current(policy: Policy, plan: Plan, severity: Severity, at: Instant) -> None:
    """Refuse a plan that people can no longer be approving as they see it.

    Raises:
        PlanExpired: It is too old, or severity or policy changed since it was made.
    """
    if at >= plan.expires_at:
        raise PlanExpired(f"This plan expired at {plan.expires_at:%H:%M} UTC: what it read may be stale. Plan again.")
    if severity is not plan.severity:
        raise PlanExpired(
            f"The severity is now {severity.label}; this plan was made under {plan.severity.label}. Plan again."
        )
    if policy.version != plan.policy_version:
        raise PlanExpired("The containment policy changed since this plan was made. Plan again.")


def check_may_carry_out(
    policy: Policy, plan: Plan, approvals: tuple[Approval, ...], severity: Severity, at: Instant
) -> None:
    """Refuse to begin a plan that is not, or no longer, approved as it stands; asked right before the first write.

    Raises:
        PlanExpired: It is too old, or severity or policy changed since it was made.
        ApprovalMissing: The approvals on record are not enough for this very plan.
    """
    check_current(policy, plan, severity, at)
    if missing := missing_approvals(policy, plan, approvals):
        needed = " and ".join(role.label for role in missing)
        raise ApprovalMissing(f"The approval of {needed} is not on record for this plan. Plan again.")
