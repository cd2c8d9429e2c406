"""No sequence of commands brings an incident or a containment into a state that makes no sense."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.clocks import ClockState, time_to_detect, time_to_mitigate
from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.evidence import AlertsReceived, Preserved
from bot.domain.incident import Incident, IncidentStatus
from bot.domain.milestones import Basis, MilestoneName
from bot.domain.plan import Rebase
from bot.domain.severity import Severity
from bot.domain.timeline import Fact, TimelineEvent, append, chain_problems
from bot.domain.values import EvidenceId
from bot.errors import UserError
from tests.builders import (
    COMMANDER,
    CONTAINMENT_ID,
    NOW,
    OWNER,
    RESPONDER,
    approval,
    change,
    containment,
    incident,
    plan,
)
from tests.effort import examples

ACTORS = st.sampled_from([COMMANDER, RESPONDER, OWNER])
# Instants around the incident, before and after everything else, so that orders are tried that must be refused.
OFFSETS = st.integers(-3_600, 3_600).map(lambda seconds: timedelta(seconds=seconds))
WORDS = st.sampled_from(["", "   ", "a reason"])
# Acknowledging bounds nothing but itself: a fix may precede the first person.
CAN_BE = [
    (MilestoneName.STARTED, MilestoneName.DETECTED),
    (MilestoneName.DETECTED, MilestoneName.DECLARED),
    (MilestoneName.DETECTED, MilestoneName.MITIGATED),
    (MilestoneName.DECLARED, MilestoneName.ACKNOWLEDGED),
    (MilestoneName.DECLARED, MilestoneName.RESOLVED),
    (MilestoneName.MITIGATED, MilestoneName.RESOLVED),
]


class IncidentLife(RuleBasedStateMachine):
    """Every command at every moment; what is refused changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.incident: Incident = incident()
        self.now = NOW
        self.events: list[TimelineEvent] = []

    def _try(self, outcome: object) -> None:
        try:
            self.incident, fact = outcome()  # type: ignore[operator]
        except UserError:
            return
        self._record(fact)

    def _record(self, fact: Fact) -> None:
        last = self.events[-1] if self.events else None
        self.events.append(append(self.incident.id, last, fact, recorded_at=self.now, salt="0" * 32))

    @rule(seconds=st.integers(0, 3_600) | st.integers(-7_200, 0))
    def time_passes_or_the_clock_is_set_back(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(actor=ACTORS)
    def take_lead(self, actor: object) -> None:
        self._try(lambda: self.incident.led_by(actor, self.now))  # type: ignore[arg-type]

    @rule(severity=st.sampled_from(Severity), reason=WORDS)
    def set_severity(self, severity: Severity, reason: str) -> None:
        self._try(lambda: self.incident.with_severity(severity, reason, COMMANDER, self.now))

    @rule(offset=OFFSETS)
    def learn_start(self, offset: timedelta) -> None:
        self._try(lambda: self.incident.with_started(NOW + offset, Basis.ESTIMATED, "a log", COMMANDER, self.now))

    @rule(offset=OFFSETS)
    @precondition(lambda self: self.incident.is_open)
    def harm_stops(self, offset: timedelta) -> None:
        mitigated = self.incident.milestones.mitigated
        if mitigated is None or mitigated.provisional:
            self._try(
                lambda: self.incident.harm_stopped(NOW + offset, "under 0.5", CONTAINMENT_ID, self.now, COMMANDER)
            )

    @rule()
    @precondition(lambda self: self.incident.is_open)
    def window_passes(self) -> None:
        self._try(lambda: self.incident.harm_stop_confirmed(self.now, COMMANDER))

    @rule()
    @precondition(lambda self: self.incident.is_open)
    def harm_returns(self) -> None:
        mitigated = self.incident.milestones.mitigated
        if mitigated is not None and mitigated.provisional:
            self._try(lambda: self.incident.harm_returned(self.now, COMMANDER, "2.0"))

    @rule(evidence=WORDS)
    def attest(self, evidence: str) -> None:
        self._try(lambda: self.incident.attested_mitigated(evidence, COMMANDER, self.now))

    @rule()
    def resolve(self) -> None:
        self._try(lambda: self.incident.resolved(COMMANDER, self.now))

    @rule()
    def erase(self) -> None:
        before = self.incident
        try:
            self.incident = before.redacted(self.now)
        except UserError:
            return
        assert (self.incident.status, self.incident.severity) == (before.status, before.severity)

    @invariant()
    def its_status_is_the_last_of_its_milestones(self) -> None:
        stones = self.incident.milestones
        reached = [
            "declared",
            *(name for name in ("acknowledged", "mitigated", "resolved", "closed") if stones.get(MilestoneName(name))),
        ]
        assert self.incident.status.value == reached[-1]
        assert self.incident.is_open is ("resolved" not in reached)

    @invariant()
    def milestones_come_in_an_order_that_can_be(self) -> None:
        stones = self.incident.milestones
        for first, second in CAN_BE:
            earlier, later = stones.get(first), stones.get(second)
            assert earlier is None or later is None or earlier.at <= later.at

    @invariant()
    def only_an_incident_that_is_over_lost_its_words(self) -> None:
        assert self.incident.redacted_at is None or not self.incident.is_open

    @invariant()
    def what_is_resolved_was_mitigated_for_good(self) -> None:
        if self.incident.status is IncidentStatus.RESOLVED:
            mitigated = self.incident.milestones.mitigated
            assert mitigated is not None
            assert not mitigated.provisional
            assert self.incident.milestones.resolved is not None
            assert mitigated.at <= self.incident.milestones.resolved.at

    @invariant()
    def clocks_are_never_negative(self) -> None:
        stones, severity = self.incident.milestones, self.incident.severity
        for clock in (time_to_detect(stones, severity), time_to_mitigate(stones, severity, self.now)):
            assert clock.elapsed is None or clock.elapsed >= timedelta(0)
            assert (clock.elapsed is None) is (clock.state is ClockState.UNKNOWN)

    @invariant()
    def an_override_has_a_reason(self) -> None:
        if self.incident.severity is not self.incident.classification.severity:
            assert self.incident.severity_reason

    @invariant()
    def the_chain_verifies(self) -> None:
        assert chain_problems(self.events) == []


class ContainmentLife(RuleBasedStateMachine):
    """Moves and decisions in any order; what was settled stays settled, and only an approved plan begins."""

    @initialize(changes=st.integers(1, 3))
    def planned(self, changes: int) -> None:
        self.containment: Containment = containment(
            plan=plan(changes=tuple(change() for _ in range(changes)), evidence=(AlertsReceived(), AlertsReceived()))
        )
        self.seen: list[ContainmentState] = [self.containment.state]

    def _try(self, outcome: Callable[[], Containment]) -> None:
        before = self.containment
        try:
            self.containment = outcome()
        except UserError:
            return
        if self.containment.state is not before.state:
            self.seen.append(self.containment.state)

    @rule(state=st.sampled_from(ContainmentState))
    def move(self, state: ContainmentState) -> None:
        begun = {"has_begun": True} if state is ContainmentState.APPLYING else {}
        self._try(lambda: self.containment.moved(state, **begun))

    @rule()
    def retry(self) -> None:
        written = self._written
        self._try(lambda: self.containment.retried(NOW))
        assert self._written == written, "trying again forgot that something may be written"

    @rule(because=st.sampled_from(["it can wait", "somebody did it by hand"]))
    def skip(self, because: str) -> None:
        written = self._written
        self._try(lambda: self.containment.skipped(because, NOW))
        assert self._written == written, "what may be written was left out"

    @rule(item=st.integers(0, 1))
    def preserve(self, item: int) -> None:
        if item in self.containment.evidence_wanted:
            kept = (*self.containment.preserved, Preserved(item=item, evidence=EvidenceId(f"e{item}")))
            self.containment = self.containment.changed(preserved=kept)

    @rule()
    def cannot_preserve(self) -> None:
        if self.containment.evidence_wanted:
            self.containment = self.containment.changed(unpreserved_since=NOW)

    @rule()
    def go_without_evidence(self) -> None:
        stopped = self.containment.stopped_for_evidence
        before = self.containment
        self._try(lambda: self.containment.gone_without_evidence("no time", NOW))
        assert stopped or self.containment == before, "went without evidence though that was not what it stopped for"

    @rule(index=st.integers(0, 2))
    def an_older_one_is_undone_from_under_it(self, index: int) -> None:
        if index < len(self.containment.changes):
            was = self.containment.changes[index]
            becomes = was.changed(before={"enabled": "as the older one found it"})
            rebase = Rebase(containment=CONTAINMENT_ID, name="C-1", step=index, was=was, becomes=becomes)
            self._try(lambda: self.containment.rebased_by(rebase))

    @rule()
    def erase(self) -> None:
        self._try(self.containment.redacted)

    @property
    def _written(self) -> set[int]:
        return {place for place, step in enumerate(self.containment.progress) if step.state.is_touched}

    @rule()
    def decide(self) -> None:
        before = self.containment.approvals
        try:
            self.containment = self.containment.decided(approval(fingerprint=self.containment.plan.fingerprint))
        except UserError:
            assert self.containment.approvals == before

    @rule(index=st.integers(0, 2), state=st.sampled_from([each for each in StepState if each is not StepState.SKIPPED]))
    def progress(self, index: int, state: StepState) -> None:
        if index < len(self.containment.progress):
            self.containment = self.containment.with_progress(index, state=state)

    @invariant()
    def nothing_is_carried_out_that_was_not_approved_first(self) -> None:
        later = {ContainmentState.APPLYING, ContainmentState.WATCHING, ContainmentState.VERIFIED}
        if later & set(self.seen):
            assert ContainmentState.APPROVED in self.seen
            assert ContainmentState.APPLYING in self.seen

    @invariant()
    def what_was_turned_down_or_undone_stays_so(self) -> None:
        final = {ContainmentState.DECLINED, ContainmentState.EXPIRED, ContainmentState.UNDONE}
        for place, state in enumerate(self.seen):
            assert state not in final or place == len(self.seen) - 1

    @invariant()
    def the_plan_never_changes(self) -> None:
        assert self.containment.plan.requested_at == NOW

    @invariant()
    def what_it_goes_on_with_after_a_stop_was_approved_before(self) -> None:
        resumed = [place for place, state in enumerate(self.seen) if state is ContainmentState.APPROVED]
        assert len(resumed) <= 1 + self.containment.resumed

    @invariant()
    def what_was_left_out_says_why(self) -> None:
        for step in self.containment.progress:
            assert step.state is not StepState.SKIPPED or step.skipped_because

    @invariant()
    def it_is_in_force_exactly_while_something_may_be_written(self) -> None:
        undone = self.containment.state is ContainmentState.UNDONE
        assert self.containment.is_in_force is (bool(self._written) and not undone)

    @invariant()
    def the_next_step_is_the_first_that_neither_reads_back_nor_was_left_out(self) -> None:
        index = self.containment.next_step
        states = [step.state for step in self.containment.progress]
        over = {StepState.VERIFIED, StepState.SKIPPED}
        assert set(states[:index]) <= over
        assert index is None or states[index] not in over


IncidentLife.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30)
ContainmentLife.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30)
TestIncidentLife = IncidentLife.TestCase
TestContainmentLife = ContainmentLife.TestCase
