"""No sequence of commands brings an incident or a containment into a state that makes no sense."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.clocks import ClockState, time_to_detect, time_to_mitigate
from bot.domain.containment import Containment, ContainmentState, StepState
from bot.domain.incident import Incident, IncidentStatus
from bot.domain.milestones import Basis
from bot.domain.severity import Severity
from bot.domain.timeline import Fact, TimelineEvent, append, chain_problems
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

    @rule(seconds=st.integers(0, 3_600))
    def time_passes(self, seconds: int) -> None:
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
        self.containment: Containment = containment(plan=plan(changes=tuple(change() for _ in range(changes))))
        self.seen: list[ContainmentState] = [self.containment.state]

    @rule(state=st.sampled_from(ContainmentState))
    def move(self, state: ContainmentState) -> None:
        try:
            self.containment = self.containment.moved(state)
        except UserError:
            return
        self.seen.append(state)

    @rule()
    def decide(self) -> None:
        before = self.containment.approvals
        try:
            self.containment = self.containment.decided(approval(fingerprint=self.containment.plan.fingerprint))
        except UserError:
            assert self.containment.approvals == before

    @rule(index=st.integers(0, 2), state=st.sampled_from(StepState))
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
