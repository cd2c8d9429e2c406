"""The life of an incident: what follows from what, and what is refused with a sentence."""

from datetime import timedelta

import pytest

from bot.domain.actor import source
from bot.domain.clocks import ClockState, time_to_detect, time_to_mitigate
from bot.domain.incident import IncidentKind, IncidentStatus, opened, slug
from bot.domain.milestones import Basis, Milestone, MilestoneName, Milestones
from bot.domain.severity import Severity
from bot.domain.values import IncidentId
from bot.errors import BadCommand, InvalidTransition
from tests.builders import COMMANDER, CONTAINMENT_ID, NOW, RESPONDER, classification, incident, observed

MINUTE = timedelta(minutes=1)


def test_an_alert_sets_detected_and_leaves_the_start_unknown() -> None:
    new, fact = opened(
        incident_id=IncidentId("i"),
        number=1,
        kind=IncidentKind.LIVE,
        title="x",
        system_id=None,
        classification=classification(),
        detected_at=NOW - MINUTE,
        actor=source("alertmanager"),
        why="its playbook says so",
        at=NOW,
    )
    assert new.milestones.started is None
    assert new.milestones.detected == observed(NOW - MINUTE)
    assert new.status is IncidentStatus.DECLARED
    assert fact.kind == "incident.declared"
    ttd = time_to_detect(new.milestones, new.severity)
    assert (ttd.state, ttd.elapsed) == (ClockState.UNKNOWN, None)


def test_the_first_lead_acknowledges_and_the_second_does_not_move_it() -> None:
    led, _ = incident().led_by(COMMANDER, NOW + MINUTE)
    assert led.status is IncidentStatus.ACKNOWLEDGED
    handed_over, fact = led.led_by(RESPONDER, NOW + 2 * MINUTE)
    assert handed_over.milestones.acknowledged == observed(NOW + MINUTE)
    assert fact.payload == {"from": COMMANDER.id}
    with pytest.raises(InvalidTransition, match="lead INC-1 already"):
        handed_over.led_by(RESPONDER, NOW + 3 * MINUTE)


def test_a_clock_that_was_set_back_stops_nobody() -> None:
    earlier = NOW - 10 * MINUTE
    led, _ = incident().led_by(COMMANDER, earlier)
    attested, fact = led.attested_mitigated("no more complaints", COMMANDER, earlier)
    resolved, _ = attested.resolved(COMMANDER, earlier)
    stones = resolved.milestones
    assert stones.detected is not None
    assert stones.declared is not None
    assert stones.acknowledged == observed(stones.declared.at)
    assert stones.mitigated is not None
    assert stones.mitigated.at == stones.detected.at
    assert fact.payload["at"] == stones.detected.at.isoformat()
    assert stones.resolved == observed(stones.declared.at)


def test_a_severity_needs_a_reason_and_keeps_what_was_computed() -> None:
    with pytest.raises(BadCommand, match="Say why"):
        incident().with_severity(Severity.SEV1, " ", COMMANDER, NOW)
    with pytest.raises(InvalidTransition, match="is Sev-2 already"):
        incident().with_severity(Severity.SEV2, "x", COMMANDER, NOW)
    raised, fact = incident().with_severity(Severity.SEV1, "a person was hurt", COMMANDER, NOW)
    assert raised.severity is Severity.SEV1
    assert raised.classification.severity is Severity.SEV2
    assert fact.payload["computed"] == "SEV2"


def test_a_clean_window_mitigates_provisionally_from_its_start() -> None:
    stopped, _ = incident().harm_stopped(NOW + MINUTE, "under 0.5", CONTAINMENT_ID, NOW + 2 * MINUTE, COMMANDER)
    clock = time_to_mitigate(stopped.milestones, stopped.severity, NOW + 9 * MINUTE)
    assert (clock.state, clock.elapsed, clock.provisional) == (ClockState.STOPPED, 5 * MINUTE, True)
    with pytest.raises(InvalidTransition, match="provisionally"):
        stopped.resolved(COMMANDER, NOW + 3 * MINUTE)
    confirmed, _ = stopped.harm_stop_confirmed(NOW + 4 * MINUTE, COMMANDER)
    assert confirmed.milestones.mitigated is not None
    assert not confirmed.milestones.mitigated.provisional
    resolved, _ = confirmed.resolved(COMMANDER, NOW + 5 * MINUTE)
    assert resolved.status is IncidentStatus.RESOLVED


def test_a_window_that_breaks_withdraws_the_mitigation() -> None:
    stopped, _ = incident().harm_stopped(NOW + MINUTE, "under 0.5", CONTAINMENT_ID, NOW + 2 * MINUTE, COMMANDER)
    back, _ = stopped.harm_returned(NOW + 3 * MINUTE, COMMANDER, "2.0, must be under 0.5")
    assert back.milestones.mitigated is None
    assert time_to_mitigate(back.milestones, back.severity, NOW + 3 * MINUTE).state is ClockState.RUNNING
    with pytest.raises(InvalidTransition, match="no clean window"):
        back.harm_stop_confirmed(NOW + 4 * MINUTE, COMMANDER)


def test_a_mitigation_on_somebodys_word_needs_evidence_and_is_marked() -> None:
    with pytest.raises(BadCommand, match="what shows that the harm stopped"):
        incident().attested_mitigated("", COMMANDER, NOW)
    attested, _ = incident().attested_mitigated("no more complaints", COMMANDER, NOW)
    assert time_to_mitigate(attested.milestones, attested.severity, NOW).attested
    with pytest.raises(InvalidTransition, match="mitigated already"):
        attested.attested_mitigated("again", COMMANDER, NOW)


def test_nothing_changes_a_resolved_incident() -> None:
    attested, _ = incident().attested_mitigated("no more complaints", COMMANDER, NOW)
    resolved, _ = attested.resolved(COMMANDER, NOW + MINUTE)
    for change in (
        lambda: resolved.led_by(RESPONDER, NOW + MINUTE),
        lambda: resolved.with_severity(Severity.SEV1, "why", COMMANDER, NOW + MINUTE),
        lambda: resolved.attested_mitigated("x", COMMANDER, NOW + MINUTE),
        lambda: resolved.resolved(COMMANDER, NOW + MINUTE),
    ):
        with pytest.raises(InvalidTransition, match="resolved"):
            change()


@pytest.mark.parametrize(
    ("name", "at", "complaint"),
    [
        (MilestoneName.STARTED, NOW, "`detected` .* cannot be before `started`"),
        (MilestoneName.MITIGATED, NOW - 9 * MINUTE, "`mitigated` .* cannot be before `detected`"),
        (MilestoneName.ACKNOWLEDGED, NOW - MINUTE, "`acknowledged` .* cannot be before `declared`"),
        (MilestoneName.RESOLVED, NOW - MINUTE, "`resolved` .* cannot be before `declared`"),
        (MilestoneName.DECLARED, NOW - 9 * MINUTE, "`declared` .* cannot be before `detected`"),
    ],
)
def test_milestones_out_of_order_are_refused_with_both_instants(
    name: MilestoneName, at: object, complaint: str
) -> None:
    stones = Milestones(detected=observed(NOW - 4 * MINUTE), declared=observed(NOW))
    with pytest.raises(InvalidTransition, match=complaint):
        stones.stamped(name, Milestone.model_validate({"at": at, "basis": Basis.OBSERVED}))


def test_a_start_that_somebody_attests_marks_the_clock() -> None:
    known, _ = incident().with_started(NOW - 30 * MINUTE, Basis.ATTESTED, "the release log", COMMANDER, NOW)
    clock = time_to_detect(known.milestones, known.severity)
    assert (clock.elapsed, clock.attested, clock.is_late) == (26 * MINUTE, True, False)
    assert time_to_detect(known.milestones, Severity.SEV1).target == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("severity", "detect", "mitigate"),
    [
        (Severity.SEV1, timedelta(minutes=30), timedelta(hours=2)),
        (Severity.SEV2, timedelta(hours=4), timedelta(days=1)),
        (Severity.SEV3, None, None),
    ],
)
def test_the_targets_are_those_of_the_severity(
    severity: Severity, detect: timedelta | None, mitigate: timedelta | None
) -> None:
    stones = incident().milestones
    assert time_to_detect(stones, severity).target == detect
    assert time_to_mitigate(stones, severity, NOW).target == mitigate


def test_a_running_clock_reads_nothing_and_not_less_where_the_time_was_set_back() -> None:
    clock = time_to_mitigate(incident().milestones, Severity.SEV2, NOW - timedelta(hours=1))
    assert (clock.state, clock.elapsed) == (ClockState.RUNNING, timedelta(0))


def test_a_clock_past_its_target_is_late() -> None:
    stones = incident().milestones
    assert not time_to_mitigate(stones, Severity.SEV1, NOW + timedelta(minutes=116)).is_late
    assert time_to_mitigate(stones, Severity.SEV1, NOW + timedelta(minutes=117)).is_late


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Support assistant: 4.1 per 1,000!", "support-assistant-4-1-per-1-000"),
        ("Größe <!channel> 🔥", "groe-channel"),
        ("🔥🔥", ""),
        ("a" * 200, "a" * 40),
        ("the support assistant recommends dangerous doses", "the-support-assistant-recommends"),
        ("-- x --", "x"),
    ],
)
def test_a_title_becomes_part_of_a_channel_name(title: str, expected: str) -> None:
    assert slug(title) == expected


def test_a_title_without_letters_still_names_a_channel() -> None:
    assert incident(title="🔥").channel_name == "inc-1"
