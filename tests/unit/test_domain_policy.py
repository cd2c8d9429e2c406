"""Who may plan, whose approvals count, and when a plan has to be made again."""

from datetime import timedelta

import pytest

from bot.domain.actor import Actor, person
from bot.domain.plan import Approval, Plan
from bot.domain.policy import (
    ApprovalRule,
    BreakGlass,
    Groups,
    LevelRule,
    Policy,
    check_current,
    check_may_approve,
    check_may_break_glass,
    check_may_leave_out,
    check_may_plan,
    longest,
    missing_approvals,
)
from bot.domain.role import Role
from bot.domain.runbook import Level
from bot.domain.severity import Severity
from bot.errors import NotPermitted, PlanExpired
from tests import builders
from tests.builders import COMMANDER, NOW, OWNER, RESPONDER

LEAD, BOTH = person("U0LEAD"), person("U0BOTH")
ROLES = {
    RESPONDER: frozenset({Role.RESPONDER}),
    LEAD: frozenset({Role.RESPONDER, Role.LEAD}),
    OWNER: frozenset({Role.OWNER}),
    BOTH: frozenset({Role.RESPONDER, Role.LEAD, Role.OWNER}),
}
RULES = {Level.L5: ApprovalRule.LEAD, Level.L7: ApprovalRule.LEAD_AND_OWNER}
POLICY = Policy(
    version=3,
    groups=Groups(responders="responders", leads="leads"),
    plan_expires_after=timedelta(minutes=15),
    break_glass=BreakGlass(after=timedelta(minutes=5)),
    levels={
        level: LevelRule(approval=RULES.get(level, ApprovalRule.NONE), longest=timedelta(days=1)) for level in Level
    },
)


def plan(level: Level = Level.L5, requested_by: Actor = COMMANDER) -> Plan:
    return builders.plan(level=level, requested_by=requested_by, policy_version=POLICY.version)


def approval(of: Plan, actor: Actor, *, break_glass: str = "") -> Approval:
    return builders.approval(
        fingerprint=of.fingerprint, actor=actor, roles=ROLES[actor], break_glass_reason=break_glass
    )


def missing(of: Plan, *actors: Actor) -> tuple[Role, ...]:
    return missing_approvals(POLICY, of, tuple(approval(of, actor) for actor in actors))


@pytest.mark.parametrize("level", Level)
def test_each_level_misses_what_its_rule_asks_for(level: Level) -> None:
    assert missing(plan(level)) == RULES.get(level, ApprovalRule.NONE).roles


def test_a_kill_switch_in_the_same_plan_does_not_spare_a_roll_back_its_approval() -> None:
    both = builders.plan(level=Level.L6, levels=(Level.L5, Level.L6))
    assert missing(both) == (Role.LEAD,)
    assert missing(both, LEAD) == ()
    with pytest.raises(NotPermitted, match="other than who asked for it"):
        check_may_leave_out(POLICY, both, RESPONDER, ROLES[BOTH], "no time")
    check_may_leave_out(POLICY, both, LEAD, ROLES[LEAD], "no time")


def test_one_lead_suffices_where_a_lead_is_asked_for() -> None:
    assert missing(plan(), LEAD) == ()
    assert missing(plan(), RESPONDER, OWNER) == (Role.LEAD,)


@pytest.mark.parametrize(
    ("actors", "left"),
    [
        ((LEAD,), (Role.OWNER,)),
        ((OWNER,), (Role.LEAD,)),
        ((LEAD, OWNER), ()),
        ((OWNER, LEAD), ()),
        ((BOTH, LEAD), ()),
        ((LEAD, BOTH), ()),
        ((BOTH, OWNER), ()),
        ((LEAD, RESPONDER), (Role.OWNER,)),
    ],
)
def test_lead_and_owner_are_two_people_however_their_roles_overlap(
    actors: tuple[Actor, ...], left: tuple[Role, ...]
) -> None:
    assert missing(plan(Level.L7), *actors) == left


def test_one_person_with_both_roles_counts_once_even_when_recorded_twice() -> None:
    assert len(missing(plan(Level.L7), BOTH)) == 1
    assert len(missing(plan(Level.L7), BOTH, BOTH)) == 1


def test_the_requesters_own_approval_does_not_count() -> None:
    assert missing(plan(requested_by=LEAD), LEAD) == (Role.LEAD,)
    assert missing(plan(Level.L7, requested_by=BOTH), BOTH, OWNER) == (Role.LEAD,)


def test_an_approval_of_another_plan_does_not_count() -> None:
    asked, other = plan(), plan().changed(duration=timedelta(hours=5))

    assert missing_approvals(POLICY, asked, (approval(other, LEAD),)) == (Role.LEAD,)


def test_break_glass_of_this_plan_stands_in_for_all_approvals() -> None:
    asked, other = plan(Level.L7), plan(Level.L7).changed(reason="other")

    assert missing_approvals(POLICY, asked, (approval(asked, RESPONDER, break_glass="nobody answers"),)) == ()
    assert missing_approvals(POLICY, asked, (approval(other, RESPONDER, break_glass="nobody answers"),)) != ()


@pytest.mark.parametrize(
    ("of", "given", "candidate", "says"),
    [
        (plan(requested_by=LEAD), (), LEAD, "You asked for this plan"),
        (plan(), (), RESPONDER, "needs the approval of someone who may lead"),
        (plan(), (), OWNER, "needs the approval of someone who may lead"),
        (plan(Level.L7), (LEAD,), LEAD, "approved this plan already"),
        (plan(Level.L7), (OWNER,), OWNER, "approved this plan already"),
        (plan(Level.L7), (), RESPONDER, "someone who may lead and the system's owner"),
        (plan(), (LEAD,), BOTH, "needs no further approval"),
        (plan(Level.L6), (), OWNER, "needs the role a responder"),
    ],
)
def test_an_approval_that_would_not_count_is_refused_with_its_reason(
    of: Plan, given: tuple[Actor, ...], candidate: Actor, says: str
) -> None:
    approvals = tuple(approval(of, actor) for actor in given)

    with pytest.raises(NotPermitted, match=says):
        check_may_approve(POLICY, of, approvals, approval(of, candidate))


def test_an_approval_of_another_plan_is_refused() -> None:
    with pytest.raises(NotPermitted, match="another plan"):
        check_may_approve(POLICY, plan(), (), approval(plan().changed(reason="other"), LEAD))


@pytest.mark.parametrize(
    ("of", "given", "candidate"),
    [
        (plan(), (), LEAD),
        (plan(Level.L7), (LEAD,), OWNER),
        (plan(Level.L7), (BOTH,), LEAD),
        (plan(Level.L6), (), RESPONDER),
    ],
)
def test_an_approval_that_counts_is_let_through(of: Plan, given: tuple[Actor, ...], candidate: Actor) -> None:
    check_may_approve(POLICY, of, tuple(approval(of, actor) for actor in given), approval(of, candidate))


def test_only_who_has_the_levels_role_may_plan() -> None:
    check_may_plan(POLICY, (Level.L5,), ROLES[RESPONDER])
    with pytest.raises(NotPermitted, match="a responder"):
        check_may_plan(POLICY, (Level.L5,), ROLES[OWNER])


@pytest.mark.parametrize("level", Level)
def test_every_level_has_a_longest_duration(level: Level) -> None:
    assert longest(POLICY, (level,)) == timedelta(days=1)


@pytest.mark.parametrize(
    ("minutes", "reason", "actor", "says"),
    [
        (4, "nobody answers", RESPONDER, "opens when nobody could be reached for 5 min; 1 min left"),
        (5, "  ", RESPONDER, "needs a reason"),
        (5, "nobody answers", OWNER, "needs the role a responder"),
    ],
)
def test_break_glass_too_early_or_without_reason_or_role_is_refused(
    minutes: int, reason: str, actor: Actor, says: str
) -> None:
    with pytest.raises(NotPermitted, match=says):
        check_may_break_glass(POLICY, plan(), ROLES[actor], reason, NOW + timedelta(minutes=minutes))


def test_break_glass_opens_after_the_wait() -> None:
    check_may_break_glass(POLICY, plan(), ROLES[RESPONDER], "nobody answers", NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("policy", "severity", "minutes", "says"),
    [
        (POLICY, Severity.SEV2, 15, "expired at 09:15 UTC"),
        (POLICY, Severity.SEV1, 1, "severity is now Sev-1"),
        (POLICY, Severity.SEV3, 1, "severity is now Sev-3"),
        (POLICY.changed(version=4), Severity.SEV2, 1, "policy changed"),
    ],
)
def test_a_plan_ends_with_its_time_its_severity_and_its_policy(
    policy: Policy, severity: Severity, minutes: int, says: str
) -> None:
    with pytest.raises(PlanExpired, match=says):
        check_current(policy, plan(), severity, NOW + timedelta(minutes=minutes))


def test_a_plan_is_current_until_the_instant_it_expires() -> None:
    check_current(POLICY, plan(), Severity.SEV2, NOW + timedelta(minutes=15) - timedelta(microseconds=1))


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("level", Level)
def test_severity_never_relaxes_what_a_level_needs(level: Level, severity: Severity) -> None:
    asked = plan(level).changed(severity=severity)

    assert missing_approvals(POLICY, asked, ()) == missing(plan(level))
