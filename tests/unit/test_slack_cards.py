"""Cards as Slack gets them: snapshots of the usual, Slack's limits on the extreme."""

from datetime import timedelta
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.actor import source
from bot.domain.alert import Verdict
from bot.domain.change import Guard
from bot.domain.containment import ContainmentState
from bot.domain.evidence import AlertsReceived, Preserved, TargetState
from bot.domain.incident import MAX_TITLE
from bot.domain.milestones import Basis, Milestone
from bot.domain.plan import Plan, PlanKind
from bot.domain.role import Role
from bot.domain.severity import Severity
from bot.domain.timeline import TimelineEvent, append
from bot.domain.values import ContainmentId, EvidenceId
from bot.services.board import AlertGroupView, TimelineView
from bot.slack.values import PlanRef
from bot.slack.views.alert_card import alert_card
from bot.slack.views.containment_card import containment_card
from bot.slack.views.incident_card import incident_card
from bot.slack.views.listing import incident_list
from bot.slack.views.modals import without_evidence_form
from bot.slack.views.note import end_reached_note, missing_note, undo_stopped_note
from bot.slack.views.timeline import timeline_card
from tests import builders
from tests.builders import COMMANDER, NOW, OWNER, RESPONDER
from tests.unit.slack_views import (
    HOSTILE,
    Snapshots,
    containment_view,
    in_force,
    incident_view,
    markup_of,
    policy,
    runbook,
    sent,
    text_of,
)


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Snapshots)


def test_the_incident_card(snapshot: SnapshotAssertion) -> None:
    assert sent(incident_card(incident_view(), policy())) == snapshot


def test_the_incident_card_of_a_contained_incident(snapshot: SnapshotAssertion) -> None:
    stones = builders.incident().milestones.changed(
        started=Milestone(at=NOW - timedelta(minutes=30), basis=Basis.OBSERVED),
        mitigated=Milestone(at=NOW + timedelta(minutes=3), basis=Basis.OBSERVED, provisional=True),
    )
    verified = in_force(ContainmentState.VERIFIED, effect_verified_at=NOW + timedelta(minutes=5))
    view = incident_view(builders.incident(milestones=stones), containments=(verified,))
    assert sent(incident_card(view, policy())) == snapshot


def test_the_card_says_how_to_end_it_once_the_harm_has_stopped_for_good() -> None:
    for provisional, expected in ((True, 0), (False, 1)):
        stones = builders.incident().milestones.changed(
            mitigated=Milestone(at=NOW, basis=Basis.OBSERVED, provisional=provisional)
        )
        text = text_of(incident_card(incident_view(builders.incident(milestones=stones)), policy()))
        assert text.count("*Next:* `/incident resolve`") == expected


def test_what_declared_itself_says_so_in_a_word_and_leaves_the_reasons_to_why() -> None:
    incident = builders.incident(opened_by=source("alertmanager"), opened_why="playbook x declares Sev-2 by itself")
    text = text_of(incident_card(incident_view(incident), policy()))
    assert "UTC>, automatically'" in text
    assert "by itself" not in text
    assert "*Why Sev-2*" in text


def test_a_resolved_incident_has_no_buttons() -> None:
    stones = builders.incident().milestones.changed(
        mitigated=Milestone(at=NOW, basis=Basis.ATTESTED), resolved=builders.observed()
    )
    text = text_of(incident_card(incident_view(builders.incident(milestones=stones), runbooks=()), policy()))
    assert "'button'" not in text
    assert "attested by a person" in text


def test_an_override_of_the_severity_names_its_reason_and_what_the_rules_say() -> None:
    incident = builders.incident(severity=Severity.SEV1, severity_reason="it <spreads>")
    text = text_of(incident_card(incident_view(incident), policy()))
    assert "Set by a person: it &lt;spreads&gt;. The rules say Sev-2" in text


def test_an_alert_card_to_decide_on(snapshot: SnapshotAssertion) -> None:
    view = AlertGroupView(
        group=builders.group(url="https://alerts.example.com/1", text="Graders mark answers as unsafe."),
        system=builders.system(),
        classification=builders.classification(unknown=("label user_harmed",), would_change=("Sev-1 if it is true",)),
        incident=None,
    )
    assert sent(alert_card(view)) == snapshot


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"incident": builders.incident(channel="C1")}, "in <#C1>. Declared by <@U0COMMANDER>"),
        ({"incident": builders.incident()}, "its channel is being made"),
        ({"group": builders.group(verdict=Verdict.NOT_ACTIONABLE, verdict_by="U0OWNER")}, "said <@U0OWNER>"),
    ],
)
def test_an_alert_card_that_was_decided_on_says_who_did_and_has_no_buttons(fields: dict[str, Any], says: str) -> None:
    defaults = {
        "group": builders.group(),
        "system": None,
        "classification": builders.classification(),
        "incident": None,
    }
    text = text_of(alert_card(AlertGroupView(**(defaults | fields))))
    assert says in text
    assert "'button'" not in text


def test_a_plan_to_decide_on(snapshot: SnapshotAssertion) -> None:
    assert sent(containment_card(containment_view(builders.containment(), break_glass_open=True))) == snapshot


def test_a_verified_containment(snapshot: SnapshotAssertion) -> None:
    verified = in_force(ContainmentState.VERIFIED, effect_verified_at=NOW + timedelta(minutes=5))
    assert sent(containment_card(containment_view(verified))) == snapshot


@pytest.mark.parametrize("state", list(ContainmentState))
def test_a_containment_says_its_state_and_offers_only_what_still_works(state: ContainmentState) -> None:
    containment = (
        builders.containment()
        if state is ContainmentState.PROPOSED
        else in_force(state, problem="Somebody changed the target.")
    )
    text = text_of(containment_card(containment_view(containment)))
    offers = {
        ContainmentState.PROPOSED: {"Approve", "Decline"},
        ContainmentState.WATCHING: {"Undo", "Extend"},
        ContainmentState.VERIFIED: {"Undo", "Extend"},
        ContainmentState.FAILED: {"Undo"},
        ContainmentState.IN_DOUBT: {"Undo"},
        ContainmentState.DECLINED: {"Undo"},
        ContainmentState.EXPIRED: {"Undo"},
    }.get(state, set())
    assert {
        label for label in ("Approve", "Apply", "Decline", "Undo", "Extend") if f"'text': '{label}'" in text
    } == offers


EVIDENCE = (
    TargetState(title="State of the target <feature>", action="unleash.switch_off", connection="unleash", ref={}),
    AlertsReceived(),
)


def test_a_plan_says_what_is_preserved_first_and_a_containment_what_was() -> None:
    plan = builders.plan(evidence=EVIDENCE)
    proposed = text_of(containment_card(containment_view(builders.containment(plan=plan))))
    assert (
        "*Preserved before the first change:* State of the target &lt;feature&gt;; The alerts as received" in proposed
    )
    done = in_force(ContainmentState.VERIFIED, plan=plan, preserved=(Preserved(item=0, evidence=EvidenceId("e")),))
    text = text_of(containment_card(containment_view(done)))
    assert "*Evidence:* 1 of 2 preserved" in text
    assert "'text': 'Go ahead without'" not in text


def test_one_that_stopped_for_evidence_offers_to_try_again_or_to_go_ahead_without() -> None:
    stopped = builders.containment(
        plan=builders.plan(evidence=EVIDENCE),
        state=ContainmentState.FAILED,
        has_begun=True,
        problem="“The alerts as received” could not be preserved.",
        preserved=(Preserved(item=0, evidence=EvidenceId("e")),),
        unpreserved_since=NOW,
    )
    text = text_of(containment_card(containment_view(stopped)))
    assert "'text': 'Retry'" in text
    assert "'text': 'Go ahead without'" in text
    assert "'text': 'Skip with reason'" not in text
    ref = PlanRef(containment=stopped.id, fingerprint=stopped.plan.fingerprint)
    form = str(without_evidence_form(stopped, ref).to_dict())
    assert "The alerts as received" in form
    assert "State of the target" not in form


@pytest.mark.parametrize("state", [ContainmentState.DECLINED, ContainmentState.EXPIRED, ContainmentState.FAILED])
def test_what_never_touched_its_target_cannot_be_undone(state: ContainmentState) -> None:
    text = text_of(containment_card(containment_view(builders.containment(state=state, problem="Plan again."))))
    assert "'button'" not in text


def test_an_irreversible_containment_says_so_and_offers_no_undo() -> None:
    change = builders.change(reversible=False, guard=Guard.CONDITIONAL)
    plan = builders.plan(changes=(change,))
    text = text_of(containment_card(containment_view(in_force(ContainmentState.WATCHING, plan=plan, approvals=()))))
    assert "*cannot be undone*" in text
    assert "'text': 'Undo'" not in text


def test_a_containment_without_a_signal_asks_a_person() -> None:
    plan = builders.plan(signal=None, signal_name=None)
    contained = in_force(ContainmentState.VERIFIED, plan=plan, approvals=(), last_reading=None, clean_since=None)
    text = text_of(containment_card(containment_view(contained)))
    assert "Confirm the effect" in text
    assert "Contained and verified" not in text


def test_break_glass_is_shown_with_its_reason() -> None:
    broken = in_force(
        ContainmentState.APPLYING,
        approvals=(builders.approval(break_glass_reason="nobody <answers>"),),
        applied_at=None,
    )
    assert "*Break-glass* by <@U0COMMANDER>" in text_of(containment_card(containment_view(broken)))


def test_the_note_about_an_end_mentions_the_commander_and_leads_to_the_card() -> None:
    view = containment_view(
        in_force(ContainmentState.VERIFIED, end_reached=True), incident=builders.incident(commander=COMMANDER)
    )
    text = text_of(end_reached_note(view, "https://slack.example.com/archives/C1/p1"))
    assert "<@U0COMMANDER>: *C-1 Switch a feature off* has reached its end" in text
    assert "<https://slack.example.com/archives/C1/p1|its card>" in text
    assert "its card" in text_of(end_reached_note(view, None))


def test_a_containment_that_is_not_in_place_any_more_says_so_and_not_that_it_is_verified() -> None:
    lost = in_force(
        ContainmentState.VERIFIED,
        effect_verified_at=NOW,
        missing="“Drain <new>” was written, and the target reads as before it now",
    )
    view = containment_view(lost, incident=builders.incident(commander=COMMANDER))
    card, note = text_of(containment_card(view)), text_of(missing_note(view, None))
    assert "Not in place any more, though nobody undid it" in card
    assert "ontained and verified" not in card
    assert "<@U0COMMANDER>: *C-1 Switch a feature off* is not in place any more, and was not undone" in note
    assert "“Drain &lt;new&gt;” was written" in note


def test_the_note_about_an_undo_that_stopped_by_itself_names_both_and_says_why() -> None:
    plan = builders.plan(kind=PlanKind.UNDO, of=builders.CONTAINMENT_ID, by_itself=True, title="Undo C-1")
    stopped = builders.containment(number=2, plan=plan, state=ContainmentState.FAILED, problem="The <vendor> refused.")
    view = containment_view(stopped, incident=builders.incident(commander=COMMANDER), of=builders.containment())
    text = text_of(undo_stopped_note(view, None))
    assert "<@U0COMMANDER>: *C-2 Undo C-1*, which undoes *C-1 Switch a feature off* at its end, has stopped" in text
    assert "The &lt;vendor&gt; refused. What it did not write back" in text


def test_the_card_says_that_help_does_not_come_while_the_incident_is_open() -> None:
    why = "Nobody was woken: no pager. INC-1 break-glass on <C-1>"
    card = incident_card(incident_view(nobody_woken=why), policy())
    assert ":warning: Nobody was woken: no pager. INC-1 break-glass on &lt;C-1&gt; *Reach somebody" in text_of(card)
    assert "Nobody was woken" not in text_of(incident_card(incident_view(), policy()))


def test_a_timeline_that_does_not_verify_says_where(snapshot: SnapshotAssertion) -> None:
    first = append(builders.INCIDENT_ID, None, builders.fact(), recorded_at=NOW, salt="00" * 16)
    view = TimelineView(
        incident=builders.incident(),
        events=(first,),
        problems=("event 1 was changed",),
        head_signature="0123456789abcdef",
    )
    assert sent(timeline_card(view)) == snapshot


def test_a_long_timeline_shows_its_newest_events_and_counts_the_rest() -> None:
    events: list[TimelineEvent] = []
    for number in range(500):
        fact = builders.fact(text=f"event {number} {'<x>' * 60}")
        events.append(
            append(builders.INCIDENT_ID, events[-1] if events else None, fact, recorded_at=NOW, salt="00" * 16)
        )
    card = timeline_card(
        TimelineView(incident=builders.incident(), events=tuple(events), problems=(), head_signature="0123456789abcdef")
    )
    text = text_of(card)
    assert "event 499" in text
    assert "event 0 " not in text
    shown = text.count("U0RESPONDER")
    assert f"{500 - shown} older events are not shown" in text
    assert "Chain verified: 500 events" in text


def test_a_list_of_many_incidents_is_cut() -> None:
    text = text_of(incident_list([builders.incident(number=number) for number in range(30, 9, -1)]))
    assert "Older ones are open too" in text
    assert "INC-10" not in text


def test_hostile_and_endless_text_stays_text_within_slacks_limits() -> None:
    title = HOSTILE[:MAX_TITLE]
    hostile_plan = builders.plan(
        title=HOSTILE[:75],
        reason=HOSTILE,
        expected_effect=HOSTILE,
        risk_if_wrong=HOSTILE,
        warnings=(HOSTILE,) * 9,
        changes=tuple(
            builders.change(
                summary=HOSTILE,
                before={"a": HOSTILE},
                after={HOSTILE: "b"},
                blast_radius=(HOSTILE,) * 30,
                step=str(each),
            )
            for each in range(40)
        ),
    )
    failed = builders.containment(
        plan=hostile_plan, problem=HOSTILE, approvals=(builders.approval(break_glass_reason=HOSTILE),)
    )
    classification = builders.classification(
        failure_mode_title=HOSTILE, unknown=(HOSTILE,) * 20, would_change=(HOSTILE,) * 20, matched=(HOSTILE,) * 20
    )
    incident = builders.incident(
        title=title, classification=classification, severity=Severity.SEV1, severity_reason=HOSTILE, opened_why=HOSTILE
    )
    runbooks = tuple(runbook(id=f"runbook-{each}") for each in range(60))
    group = builders.group(title=HOSTILE, text=HOSTILE, source=HOSTILE, url=HOSTILE, verdict_reason=HOSTILE)
    cards = [
        incident_card(incident_view(incident, runbooks=runbooks, containments=(failed,) * 60), policy()),
        containment_card(containment_view(failed, incident=incident)),
        alert_card(AlertGroupView(group=group, system=None, classification=classification, incident=None)),
        incident_list([incident] * 30),
    ]
    for card in cards:
        markup = [card.text, *markup_of(sent(card)["blocks"])]
        assert not [text for text in markup if "<!" in text.replace("<!date^", "") or "\u202e" in text]
        assert not [text for text in markup if "&amp;amp;amp;" in text]


def test_empty_text_is_no_empty_block() -> None:
    plan = builders.plan(reason="", expected_effect="", risk_if_wrong="", title="", changes=())
    sent(containment_card(containment_view(builders.containment(plan=plan))))


@pytest.mark.parametrize("kind", [PlanKind.UNDO, PlanKind.EXTEND])
def test_undo_and_extend_plans_have_cards_of_their_own(kind: PlanKind) -> None:
    plan: Plan = builders.plan(kind=kind, of=ContainmentId("containment-0"), title="Undo C-1: Switch a feature off")
    text = text_of(containment_card(containment_view(builders.containment(number=2, plan=plan))))
    assert "C-2 Undo C-1" in text
    assert "'text': 'Approve'" in text


def test_who_approved_as_what_is_listed() -> None:
    roles = frozenset({Role.ANYONE, Role.OWNER, Role.LEAD})
    containment = in_force(ContainmentState.APPLYING, approvals=(builders.approval(actor=OWNER, roles=roles),))
    text = text_of(containment_card(containment_view(containment)))
    assert "Approved by <@U0OWNER>, who may lead and who owns the system," in text
    assert RESPONDER.id in text
