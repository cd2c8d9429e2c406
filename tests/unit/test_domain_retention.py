"""What goes after a while and what stays: the record stays, the words go."""

from datetime import timedelta

import pytest

from bot.domain.actor import STANCH
from bot.domain.alert import Verdict
from bot.domain.containment import ContainmentState, Progress, StepState
from bot.domain.incident import Incident
from bot.domain.milestones import Basis, Milestone, Milestones
from bot.domain.retention import DataClass, Periods, RetentionPolicy, holds_words, redaction
from bot.domain.timeline import append
from bot.domain.values import canonical_json
from bot.errors import InvalidTransition
from tests.builders import (
    COMMANDER,
    INCIDENT_ID,
    NOW,
    RESPONDER,
    approval,
    containment,
    fact,
    group,
    incident,
    observed,
    plan,
)

SOMEBODY = "Jane Doe of 12 Elm Street"
YEARS_LATER = NOW + timedelta(days=1000)


def resolved_incident() -> Incident:
    stones = Milestones(
        started=Milestone(at=NOW - timedelta(hours=1), basis=Basis.ESTIMATED, note=f"{SOMEBODY} wrote in"),
        detected=observed(NOW - timedelta(minutes=4)),
        declared=observed(),
        mitigated=Milestone(at=NOW + timedelta(hours=1), basis=Basis.ATTESTED, note=f"{SOMEBODY} confirms"),
        resolved=observed(NOW + timedelta(hours=2)),
    )
    return incident(title=f"Leaks about {SOMEBODY}", severity_reason=SOMEBODY, commander=COMMANDER, milestones=stones)


def test_every_class_of_data_has_a_period_in_the_policy() -> None:
    assert [what.value for what in DataClass] == list(Periods.model_fields)


def test_a_class_goes_when_its_period_is_over_and_one_without_a_period_never() -> None:
    policy = RetentionPolicy(version=1, keep=Periods(requests=timedelta(days=7)))
    assert policy.cutoff(DataClass.REQUESTS, NOW) == NOW - timedelta(days=7)
    assert policy.cutoff(DataClass.PERSONAL_DATA, NOW) is None


def test_an_old_incident_keeps_its_record_and_loses_its_words() -> None:
    before = resolved_incident()
    after = before.redacted(YEARS_LATER)
    assert SOMEBODY not in after.model_dump_json()
    assert (after.title, after.severity_reason, after.redacted_at) == ("(redacted)", "(redacted)", YEARS_LATER)
    assert (after.label, after.severity, after.classification, after.commander) == (
        before.label,
        before.severity,
        before.classification,
        before.commander,
    )
    assert [stone and (stone.at, stone.basis) for _, stone in after.milestones] == [
        stone and (stone.at, stone.basis) for _, stone in before.milestones
    ]


def test_nothing_of_an_open_incident_is_erased() -> None:
    with pytest.raises(InvalidTransition, match="INC-1 is open"):
        incident().redacted(YEARS_LATER)


def test_a_group_of_alerts_keeps_counts_and_verdict_and_loses_its_words() -> None:
    before = group(
        title=SOMEBODY,
        text=SOMEBODY,
        labels={"user": SOMEBODY},
        url="https://example.com/jane-doe",
        verdict=Verdict.ACTIONABLE,
        verdict_reason=SOMEBODY,
    )
    after = before.redacted(YEARS_LATER)
    assert SOMEBODY not in after.model_dump_json()
    assert after.url is None
    assert (after.received, after.verdict, after.first_at, after.key) == (1, Verdict.ACTIONABLE, NOW, before.key)


def test_a_containment_keeps_plan_and_approvals_and_loses_what_was_said_meanwhile() -> None:
    stopped = containment(
        plan=plan(reason="harmful answers keep coming"),
        state=ContainmentState.FAILED,
        approvals=(approval(),),
        progress=(Progress(state=StepState.SKIPPED, skipped_because=SOMEBODY),),
        problem=f"refused: {SOMEBODY}",
    )
    after = stopped.redacted()
    assert SOMEBODY not in after.model_dump_json()
    assert (after.plan, after.approvals) == (stopped.plan, stopped.approvals)
    assert after.approvals[0].fingerprint == after.plan.fingerprint


@pytest.mark.parametrize(
    ("kind", "actor", "holds"),
    [
        ("note.added", RESPONDER, True),
        ("alerts.received", STANCH, True),
        ("containment.failed", STANCH, True),
        ("plan.break_glass", RESPONDER, True),
        ("milestone.mitigated", RESPONDER, True),
        ("milestone.mitigated", STANCH, False),
        ("milestone.started", STANCH, False),
        ("milestone.resolved", RESPONDER, False),
        ("plan.approved", COMMANDER, False),
        ("timeline.redacted", STANCH, False),
    ],
)
def test_decisions_and_measured_clocks_keep_their_words(kind: str, actor: object, *, holds: bool) -> None:
    event = append(INCIDENT_ID, None, fact(kind=kind, actor=actor), recorded_at=NOW, salt="a" * 32)
    assert holds_words(event) is holds
    assert not holds_words(event.redacted())


def test_a_redaction_names_events_and_policy_and_no_words() -> None:
    event = append(INCIDENT_ID, None, fact(text=SOMEBODY), recorded_at=NOW, salt="a" * 32)
    said = redaction([event], 4, YEARS_LATER)
    assert said.payload == {"events": [1], "policy_version": 4}
    assert SOMEBODY.encode() not in canonical_json(said.model_dump(mode="json"))
