"""What a draft says of a record: nothing invented, nothing left out, no verdict that the record does not carry."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.actor import STANCH, source
from bot.domain.change import difference
from bot.domain.clocks import Clock, ClockName, ClockState
from bot.domain.containment import Containment, ContainmentState, Progress, StepState
from bot.domain.milestones import Basis, Milestone, Milestones
from bot.domain.plan import PlanKind
from bot.domain.review import MOST_EVENTS, Record, Review, TargetVerdict, drafted, excerpt, verdict
from bot.domain.severity import Severity
from bot.domain.timeline import REDACTED, Fact, TimelineEvent, append
from bot.domain.values import ContainmentId
from tests.builders import (
    COMMANDER,
    INCIDENT_ID,
    NOW,
    OWNER,
    RESPONDER,
    approval,
    change,
    classification,
    containment,
    fact,
    group,
    incident,
    observed,
    plan,
    signal,
    system,
)

HOUR = timedelta(hours=1)


def chain(*facts: Fact) -> tuple[TimelineEvent, ...]:
    """Return facts as a chain with salts that are not random."""
    events: list[TimelineEvent] = []
    for each in facts:
        last = events[-1] if events else None
        events.append(append(INCIDENT_ID, last, each, recorded_at=NOW, salt=f"{len(events):032x}"))
    return tuple(events)


def record(**fields: Any) -> Record:
    defaults: dict[str, Any] = {
        "incident": incident(),
        "system": system(),
        "groups": (),
        "containments": (),
        "events": (),
        "head_signature": "",
    }
    return Record(**(defaults | fields))


def review(**fields: Any) -> Review:
    return drafted(record(**fields), NOW + HOUR)


def applied(state: ContainmentState = ContainmentState.VERIFIED, **fields: Any) -> Containment:
    """Return a containment whose only change was written and read back."""
    done = Progress(
        state=StepState.VERIFIED, attempts=1, attempted_at=NOW, applied_at=NOW, verified_at=NOW + timedelta(seconds=1)
    )
    defaults: dict[str, Any] = {
        "approvals": (approval(),),
        "progress": (done,),
        "applied_at": NOW,
        "state_verified_at": NOW,
        "clean_since": NOW + timedelta(seconds=20),
        "effect_verified_at": NOW + timedelta(minutes=1),
        "ends_at": NOW + timedelta(hours=4),
    }
    return containment(state=state, **(defaults | fields))


def gaps(of: Review) -> list[str]:
    return [statement.text for statement in of.summary if statement.is_gap]


def said(of: Review) -> str:
    return "\n".join(statement.text for statement in of.summary)


@pytest.mark.parametrize(
    ("state", "elapsed", "target", "expected"),
    [
        (ClockState.STOPPED, HOUR, HOUR, TargetVerdict.MET),
        (ClockState.STOPPED, HOUR + timedelta(seconds=1), HOUR, TargetVerdict.MISSED),
        (ClockState.RUNNING, HOUR / 2, HOUR, TargetVerdict.UNKNOWN),
        (ClockState.RUNNING, 2 * HOUR, HOUR, TargetVerdict.MISSED),
        (ClockState.UNKNOWN, None, HOUR, TargetVerdict.UNKNOWN),
        (ClockState.STOPPED, HOUR, None, TargetVerdict.NO_TARGET),
    ],
)
def test_a_target_is_met_only_by_a_clock_that_has_stopped_in_time(
    state: ClockState, elapsed: timedelta | None, target: timedelta | None, expected: TargetVerdict
) -> None:
    assert verdict(Clock(name=ClockName.TTM, state=state, elapsed=elapsed, target=target)) is expected


def test_an_unknown_start_leaves_ttd_unknown_and_never_met() -> None:
    ttd, ttm = review().clocks
    assert (ttd.clock.elapsed, ttd.verdict) == (None, TargetVerdict.UNKNOWN)
    assert (ttm.clock.state, ttm.verdict) == (ClockState.RUNNING, TargetVerdict.UNKNOWN)


def test_every_milestone_has_its_place_whether_known_or_not() -> None:
    readings = review(incident=incident(milestones=Milestones(detected=observed()))).milestones
    assert [reading.name.value for reading in readings] == [
        "started",
        "detected",
        "declared",
        "acknowledged",
        "mitigated",
        "resolved",
        "closed",
    ]
    assert [reading.name.value for reading in readings if reading.stone] == ["detected"]


def test_a_record_without_anything_is_a_summary_of_gaps() -> None:
    bare = review(
        incident=incident(
            milestones=Milestones(),
            system_id=None,
            classification=classification(failure_mode=None, failure_mode_title="Not classified", rules=()),
        ),
        system=None,
    )
    assert gaps(bare) == [
        "No AI system is on record: which one was it, of which tier, and whose is it?",
        "The failure mode is not classified: what failed?",
        "No rule is on record for Sev-2.",
        "When it was detected is not on record: who or what noticed it first?",
        "Nothing on record shows that the harm has stopped.",
    ]
    assert (bare.signals, bare.chain.head, bare.chain.problems) == ((), None, ())


def test_a_system_that_left_the_registry_is_a_gap_that_names_it() -> None:
    assert gaps(review(system=None))[0].startswith("The AI system support-assistant is not in the registry any more")


def test_the_summary_tells_the_rules_and_a_persons_override_with_its_reason() -> None:
    overridden = review(incident=incident(severity=Severity.SEV1, severity_reason="a child was hurt"))
    assert "The rules gave Sev-2: it starts at Sev-2 (Sev-2, harmful-content-base)." in said(overridden)
    assert "A person set Sev-1: a child was hurt" in said(overridden)
    assert "A person set" not in said(review())


@pytest.mark.parametrize(
    ("stone", "expected"),
    [
        (Milestone(at=NOW, basis=Basis.OBSERVED, note="clean"), "stopped at 2026-03-02 09:00:00 UTC (observed: clean)"),
        (Milestone(at=NOW, basis=Basis.ATTESTED, note="logs"), "A person attested at 2026-03-02 09:00:00 UTC"),
        (Milestone(at=NOW, basis=Basis.OBSERVED, note="clean", provisional=True), "provisionally"),
    ],
)
def test_the_summary_says_on_what_basis_the_harm_stopped(stone: Milestone, expected: str) -> None:
    assert expected in said(review(incident=incident(milestones=Milestones(detected=observed(), mitigated=stone))))


def test_the_summary_says_who_or_what_declared_it() -> None:
    assert "the person U0COMMANDER: a customer reported it" in said(review())
    assert "the alert source alertmanager" in said(review(incident=incident(opened_by=source("alertmanager"))))


def test_a_long_timeline_is_cut_in_the_middle_and_nothing_is_lost_count_of() -> None:
    events = chain(*(fact(text=f"fact {number}") for number in range(MOST_EVENTS + 7)))
    whole, cut = excerpt(events[:MOST_EVENTS], MOST_EVENTS), excerpt(events, MOST_EVENTS)
    assert (len(whole.first), whole.omitted, whole.last) == (MOST_EVENTS, 0, ())
    assert (cut.first[0].seq, cut.last[-1].seq) == (1, MOST_EVENTS + 7)
    assert len(cut.first) + cut.omitted + len(cut.last) == MOST_EVENTS + 7
    assert cut.last[0].seq - cut.first[-1].seq == cut.omitted + 1


def test_events_are_sorted_out_by_what_they_are_about() -> None:
    drawn = review(
        events=chain(
            fact(),
            fact(kind="milestone.started", actor=STANCH),
            fact(kind="severity.changed", actor=COMMANDER),
            fact(kind="containment.signal_read", actor=STANCH),
        )
    )
    assert [event.seq for event in drawn.harm.first] == [2, 4]
    assert [event.seq for event in drawn.severity_changes.first] == [3]
    assert [event.seq for event in drawn.timeline.first] == [1, 2, 3, 4]


def test_people_are_listed_once_in_the_order_in_which_they_acted() -> None:
    events = chain(fact(actor=STANCH), fact(actor=RESPONDER), fact(actor=RESPONDER), fact(actor=source("alertmanager")))
    drawn = review(incident=incident(opened_by=source("alertmanager"), commander=OWNER), events=events)
    assert drawn.people == ("U0RESPONDER", "U0OWNER")


def test_a_changed_event_shows_in_the_verdict_and_in_the_questions() -> None:
    first, second = chain(fact(), fact())
    forged = review(events=(first.changed(actor=OWNER), second))
    assert forged.chain.problems == ("event 1 was changed after it was recorded",)
    assert "The timeline does not verify: event 1 was changed after it was recorded. What happened to it?" in (
        forged.questions
    )


def test_a_redacted_event_is_shown_as_one_and_the_chain_verifies() -> None:
    first, second, note = chain(fact(), fact(kind="severity.changed"), fact(kind=REDACTED, payload={"events": [1, 2]}))
    drawn = review(events=(first.redacted(), second.redacted(), note))
    assert drawn.chain.problems == ()
    assert [event.text for event in drawn.timeline.first[:2]] == [
        "(redacted: note.added)",
        "(redacted: severity.changed)",
    ]


@pytest.mark.parametrize(
    ("step", "stands", "touched"),
    [
        (StepState.PENDING, "not written", False),
        (StepState.FAILED, "refused, not written", False),
        (StepState.ATTEMPTED, "attempted; whether it was written is not known", True),
        (StepState.APPLIED, "written, not read back", True),
        (StepState.VERIFIED, "in force, reads back", True),
    ],
)
def test_a_change_stands_where_its_write_ahead_state_says(step: StepState, stands: str, *, touched: bool) -> None:
    stopped = containment(state=ContainmentState.IN_DOUBT, progress=(Progress(state=step),))
    (reading,) = review(containments=(stopped,)).containments[0].changes
    assert (reading.stands, reading.touched) == (stands, touched)
    rows = [(row.path, row.before, row.after) for row in reading.differences]
    assert rows == difference(change().before, change().after) == [("enabled", "on", "off")]


def test_an_undone_containment_says_by_which_and_the_undo_says_of_which() -> None:
    undo = ContainmentId("containment-2")
    original = applied(ContainmentState.UNDONE, undone_by=undo)
    undoing = applied(id=undo, number=2, plan=plan(kind=PlanKind.UNDO, of=original.id, changes=(change().reverted(),)))
    first, second = review(containments=(original, undoing)).containments
    assert (first.undone_by, first.changes[0].stands) == (2, "taken back by C-2")
    assert (second.of, second.changes[0].stands) == (1, "done, reads back")


def test_the_signal_is_the_one_that_the_plan_was_watched_by() -> None:
    watched = plan(signal=signal(below=9.0))
    (named,) = review(containments=(containment(plan=watched),)).signals
    assert (named.name, named.signal.below) == ("harmful_answers", 9.0)


@pytest.mark.parametrize(
    ("fields", "question"),
    [
        (
            {"approvals": (approval(break_glass_reason="nobody answered"),)},
            "C-1 went ahead without the approval it needs. Who could have approved it, and was asked how?",
        ),
        ({"state": ContainmentState.IN_DOUBT}, "C-1 is in doubt. What do its targets read now?"),
        (
            {"state": ContainmentState.FAILED},
            "C-1 failed. What did people expect to happen, and what did they see instead?",
        ),
        ({}, "C-1 is still in force. Until when, and who decides that?"),
        ({"end_reached": True}, "C-1 is still in force past its end. Until when, and who decides that?"),
    ],
)
def test_what_a_containment_leaves_open_is_asked(fields: dict[str, Any], question: str) -> None:
    assert question in review(containments=(applied(**fields),)).questions


def test_an_undone_containment_and_a_judged_alert_leave_nothing_open() -> None:
    judged = group(verdict="actionable", verdict_by="U0COMMANDER")
    assert review(groups=(judged,), containments=(applied(ContainmentState.UNDONE),)).questions == ()


def test_unknown_facts_and_unjudged_alerts_are_asked_about() -> None:
    unknown = incident(classification=classification(unknown=("label `user_harmed`",)))
    assert review(incident=unknown, groups=(group(title="t" * 300),)).questions == (
        "Nobody has stated label `user_harmed`. What is it, and does it change the severity?",
        f"Was the alert “{'t' * 119}…” actionable? Nobody has said.",
    )
