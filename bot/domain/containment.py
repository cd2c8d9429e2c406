"""Containment as a typed object: planned, approved, applied, verified, undoable, expiring.

A plan never changes after it was read, see `bot.domain.plan`; what happens to it is the containment around it.
"""

from enum import StrEnum
from typing import Self

from bot.domain.actor import Actor
from bot.domain.change import Change
from bot.domain.evidence import FIRST_LEVEL, Preserved
from bot.domain.plan import Approval, Plan, PlanKind, Rebase
from bot.domain.values import ERASED, ContainmentId, Instant, Value, is_blank
from bot.errors import BadCommand, InvalidTransition, PlanDrifted


class ContainmentState(StrEnum):
    """Where a containment stands."""

    PROPOSED = "proposed"
    DECLINED = "declined"
    EXPIRED = "expired"
    APPROVED = "approved"
    APPLYING = "applying"
    WATCHING = "watching"
    """Applied and read back; the harm signal is being watched."""
    VERIFIED = "verified"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNDONE = "undone"

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {self.DECLINED, self.EXPIRED, self.VERIFIED, self.FAILED, self.IN_DOUBT, self.UNDONE}


_FOLLOWS: dict[ContainmentState, frozenset[ContainmentState]] = {
    ContainmentState.PROPOSED: frozenset(
        {ContainmentState.APPROVED, ContainmentState.DECLINED, ContainmentState.EXPIRED}
    ),
    ContainmentState.APPROVED: frozenset({ContainmentState.APPLYING, ContainmentState.FAILED}),
    ContainmentState.APPLYING: frozenset(
        {
            ContainmentState.WATCHING,
            ContainmentState.VERIFIED,
            ContainmentState.FAILED,
            ContainmentState.IN_DOUBT,
        }
    ),
    ContainmentState.WATCHING: frozenset({ContainmentState.VERIFIED, ContainmentState.FAILED, ContainmentState.UNDONE}),
    ContainmentState.VERIFIED: frozenset({ContainmentState.UNDONE}),
    # Only `retried` and `skipped` lead back to approved.
    ContainmentState.FAILED: frozenset({ContainmentState.UNDONE}),
    ContainmentState.IN_DOUBT: frozenset({ContainmentState.UNDONE}),
    ContainmentState.DECLINED: frozenset(),
    ContainmentState.EXPIRED: frozenset(),
    ContainmentState.UNDONE: frozenset(),
}


class StepState(StrEnum):
    """How far one change is."""

    PENDING = "pending"
    ATTEMPTED = "attempted"
    """Recorded before the call: the vendor may or may not have done it."""
    APPLIED = "applied"
    VERIFIED = "verified"
    FAILED = "failed"
    """The vendor refused it: it is known not to be written."""
    SKIPPED = "skipped"
    """Left out by a person after it failed; it is known not to be written."""

    @property
    def is_over(self) -> bool:
        """Whether carrying out goes on with the change after it."""
        return self in {self.VERIFIED, self.SKIPPED}

    @property
    def is_touched(self) -> bool:
        """Whether the target was written, or may have been."""
        return self in {self.ATTEMPTED, self.APPLIED, self.VERIFIED}


class Progress(Value):
    """Write-ahead state of one change.

    Attributes:
        skipped_because: A person's reason for leaving it out.
    """

    state: StepState = StepState.PENDING
    attempts: int = 0
    skipped_because: str = ""
    attempted_at: Instant | None = None
    applied_at: Instant | None = None
    verified_at: Instant | None = None


class Containment(Value):
    """A plan and what became of it.

    Attributes:
        problem: Why it failed, expired or is in doubt; a sentence for people.
        clean_since: Start of the harm signal's clean window; provisional until `effect_verified_at`.
        confirmed_by: Who said that the effect holds, where no signal measures it.
        confirmed_on: What shows it, in that person's words.
        last_reading: The harm signal as last sampled.
        ends_at: When it asks (or reverts); set when applied.
        end_reached: Whether the end passed with the containment still in force.
        kept_because: Why it was not undone at its end though its plan asked for that; empty otherwise.
        missing_since: When a target was first found to read otherwise than it was written, without having been undone.
        missing: Which targets those are, once people were told; empty otherwise.
        kept_for: Number of the remediation for whose sake it stays in force; `None` for none.
        harm_returned_at: For an undo: when the harm signal was over its threshold again.
        undone_by: The undo plan's containment.
        rebased: Its changes as they are since an older containment under it was undone; empty before.
        preserved: What of the plan's evidence is preserved.
        unpreserved_since: When preserving first failed; `None` while it did not.
        without_evidence: A person's reason for going ahead without what could not be preserved.
        has_begun: Whether it passed its last checks and took its targets.
        resumed: How often a person had it go on after it had stopped.
        resumed_at: When that was last.
        version: Optimistic lock.
    """

    id: ContainmentId
    number: int
    plan: Plan
    state: ContainmentState = ContainmentState.PROPOSED
    approvals: tuple[Approval, ...] = ()
    declined_by: Actor | None = None
    progress: tuple[Progress, ...]
    problem: str = ""
    applied_at: Instant | None = None
    state_verified_at: Instant | None = None
    clean_since: Instant | None = None
    effect_verified_at: Instant | None = None
    confirmed_by: Actor | None = None
    confirmed_on: str = ""
    last_reading: float | None = None
    ends_at: Instant | None = None
    end_reached: bool = False
    kept_because: str = ""
    missing_since: Instant | None = None
    missing: str = ""
    kept_for: int | None = None
    harm_returned_at: Instant | None = None
    undone_by: ContainmentId | None = None
    rebased: tuple[Change, ...] = ()
    preserved: tuple[Preserved, ...] = ()
    unpreserved_since: Instant | None = None
    without_evidence: str = ""
    has_begun: bool = False
    resumed: int = 0
    resumed_at: Instant | None = None
    version: int = 0

    @property
    def is_in_force(self) -> bool:
        """Whether a change of an apply plan is, or may be, in place at the vendor."""
        return self.plan.kind is PlanKind.APPLY and bool(self.touched) and self.state is not ContainmentState.UNDONE

    @property
    def changes(self) -> tuple[Change, ...]:
        """Its changes as they stand: what undo restores, and what the targets should read."""
        return self.rebased or self.plan.changes

    @property
    def touched(self) -> tuple[Change, ...]:
        """The changes that were written, or may have been, in the plan's order."""
        steps = zip(self.changes, self.progress, strict=True)
        return tuple(change for change, step in steps if step.state.is_touched)

    @property
    def next_step(self) -> int | None:
        """Index of the first change that is neither verified nor skipped; `None` when there is none."""
        return next((i for i, step in enumerate(self.progress) if not step.state.is_over), None)

    @property
    def stopped_at(self) -> int | None:
        """Index of the change at which it stopped and can go on; `None` when it did not stop at one."""
        stopped = self.has_begun and self.state in {ContainmentState.FAILED, ContainmentState.IN_DOUBT}
        return self.next_step if stopped else None

    @property
    def evidence_wanted(self) -> tuple[int, ...]:
        """Which items of the plan's evidence must be preserved before the next change is written, by their index."""
        index = self.next_step
        if index is None or self.without_evidence or self.plan.changes[index].level.rank < FIRST_LEVEL.rank:
            return ()
        done = {each.item for each in self.preserved}
        return tuple(item for item in range(len(self.plan.evidence)) if item not in done)

    @property
    def stopped_for_evidence(self) -> bool:
        """Whether it stopped because evidence could not be preserved."""
        return self.stopped_at is not None and self.unpreserved_since is not None and bool(self.evidence_wanted)

    @property
    def can_skip(self) -> bool:
        """Whether it stopped at a change that is known not to be written, and others remain or were written."""
        index = self.stopped_at
        if index is None or self.stopped_for_evidence or self.progress[index].state.is_touched:
            return False
        return any(step.state is not StepState.SKIPPED for i, step in enumerate(self.progress) if i != index)

    @property
    def awaits_confirmation(self) -> bool:
        """Whether only a person can tell if it helped, and nobody has told yet."""
        applied = self.is_in_force and self.state is ContainmentState.VERIFIED
        return applied and self.plan.signal is None and self.effect_verified_at is None

    @property
    def break_glass(self) -> Approval | None:
        """The break-glass decision it went ahead on, if any."""
        return next((approval for approval in self.approvals if approval.break_glass_reason), None)

    def moved(self, state: ContainmentState, **fields: object) -> Self:
        """Return a copy in another state.

        Raises:
            InvalidTransition: That state does not follow from this one.
        """
        if state not in _FOLLOWS[self.state]:
            raise InvalidTransition(
                f"Containment C-{self.number} is {self.state.value}; it cannot become {state.value}."
            )
        return self.changed(state=state, **fields)

    def with_progress(self, index: int, **fields: object) -> Self:
        """Return a copy with one change's write-ahead state replaced in part."""
        steps = list(self.progress)
        steps[index] = steps[index].changed(**fields)
        return self.changed(progress=tuple(steps))

    def retried(self, at: Instant) -> Self:
        """Return a copy that goes on with the change at which it stopped; what may be written is read before.

        Raises:
            InvalidTransition: It did not stop at a change.
        """
        index = self._require_stopped()
        again = StepState.ATTEMPTED if self.progress[index].state.is_touched else StepState.PENDING
        return self.with_progress(index, state=again, attempts=0).changed(**_going_on(self.resumed, at))

    def skipped(self, because: str, at: Instant) -> Self:
        """Return a copy that goes on after the change at which it stopped, and leaves that one out.

        Raises:
            InvalidTransition: It did not stop at a change, that change may be written, or nothing else is in the plan.
        """
        index = self._require_stopped()
        if self.progress[index].state.is_touched:
            raise InvalidTransition(
                f"“{self.plan.changes[index].summary}” may have been written, so it cannot be left out: "
                "Retry reads the target again, Undo restores it."
            )
        if self.stopped_for_evidence:
            raise InvalidTransition(
                f"C-{self.number} stopped because evidence could not be preserved: no change was refused."
            )
        if not self.can_skip:
            raise InvalidTransition(f"Nothing else is left of C-{self.number}: plan something else instead.")
        skipped = self.with_progress(index, state=StepState.SKIPPED, skipped_because=because)
        return skipped.changed(**_going_on(self.resumed, at))

    def gone_without_evidence(self, because: str, at: Instant) -> Self:
        """Return a copy that goes on though not all of its evidence could be preserved.

        Raises:
            InvalidTransition: That is not why it stopped.
        """
        self._require_stopped()
        if not self.stopped_for_evidence:
            raise InvalidTransition(f"Evidence is not what C-{self.number} stopped for; look at its card again.")
        return self.changed(without_evidence=because, **_going_on(self.resumed, at))

    def effect_confirmed(self, actor: Actor, evidence: str, at: Instant) -> Self:
        """Return a copy whose effect a person vouches for.

        Raises:
            BadCommand: No evidence was given.
            InvalidTransition: A signal measures its effect, or it is not in force, or somebody told already.
        """
        if is_blank(evidence):
            raise BadCommand("Say what shows that the harm stopped: it goes on the timeline and into the review.")
        if self.plan.signal is not None:
            raise InvalidTransition(f"A harm signal measures the effect of C-{self.number}; its reading decides.")
        if not self.awaits_confirmation:
            raise InvalidTransition(f"The effect of C-{self.number} cannot be confirmed now; look at its card again.")
        return self.changed(effect_verified_at=at, confirmed_by=actor, confirmed_on=evidence.strip())

    def redacted(self) -> Self:
        """Return a copy without what people and vendors wrote while it was carried out.

        The plan and its approvals stay whole: an approval is given to a fingerprint of every word of the plan.
        """
        steps = tuple(step.changed(skipped_because=ERASED) if step.skipped_because else step for step in self.progress)
        return self.changed(
            progress=steps,
            problem=ERASED if self.problem else "",
            confirmed_on=ERASED if self.confirmed_on else "",
            without_evidence=ERASED if self.without_evidence else "",
        )

    def _require_stopped(self) -> int:
        if self.stopped_at is None:
            raise InvalidTransition(f"C-{self.number} is {self.state.value}; it did not stop at a change.")
        return self.stopped_at

    def rebased_by(self, rebase: Rebase) -> Self:
        """Return a copy that starts from what an older containment found, which was undone from under it.

        Raises:
            PlanDrifted: It is not in force any more, or is not as it was when that undo was planned.
        """
        if not self.is_in_force or self.changes[rebase.step] != rebase.was:
            raise PlanDrifted(f"{rebase.name} on the same target has changed since this undo was planned. Plan again.")
        changes = list(self.changes)
        changes[rebase.step] = rebase.becomes
        return self.changed(rebased=tuple(changes))

    def decided(self, approval: Approval) -> Self:
        """Return a copy with one more decision on record.

        Raises:
            InvalidTransition: It is no longer open for decisions.
        """
        if self.state is not ContainmentState.PROPOSED:
            raise InvalidTransition(f"Plan C-{self.number} is already {self.state.value}; nothing more was done.")
        return self.changed(approvals=(*self.approvals, approval))


def _going_on(resumed: int, at: Instant) -> dict[str, object]:
    """Return the fields of one that a person has go on."""
    return {
        "state": ContainmentState.APPROVED,
        "problem": "",
        "unpreserved_since": None,
        "resumed": resumed + 1,
        "resumed_at": at,
    }
