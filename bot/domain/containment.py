"""Containment as a typed object: planned, approved, applied, verified, undoable, expiring.

A plan never changes after it was read; what happens to it is the containment around it. Undo and extend are plans of
their own, so that they need exactly the approvals that applying needed.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Self

from bot.domain.actor import Actor
from bot.domain.change import Change
from bot.domain.role import Role
from bot.domain.runbook import Level
from bot.domain.severity import Severity
from bot.domain.system import HarmSignal
from bot.domain.values import ContainmentId, IncidentId, Instant, Value, digest
from bot.errors import InvalidTransition


class PlanKind(StrEnum):
    """What carrying out the plan does."""

    APPLY = "apply"
    UNDO = "undo"
    EXTEND = "extend"


class Plan(Value):
    """Read-only: what would be done, read at one instant, under one severity and one policy.

    Attributes:
        of: The containment that an undo or extend plan is about.
        duration: How long it lasts once applied.
        signal: The harm signal that must fall; `None` when a person has to tell.
        expires_at: After this it must be made again.
    """

    kind: PlanKind
    of: ContainmentId | None = None
    incident_id: IncidentId
    runbook: str
    runbook_version: int
    title: str
    system_id: str
    inputs: dict[str, str]
    changes: tuple[Change, ...]
    level: Level
    severity: Severity
    policy_version: int
    signal_name: str | None
    signal: HarmSignal | None
    duration: timedelta
    reason: str
    expected_effect: str
    risk_if_wrong: str
    warnings: tuple[str, ...] = ()
    requested_by: Actor
    requested_at: Instant
    expires_at: Instant

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all of it: what an approval is given to."""
        return digest(self.model_dump(mode="json"))

    @property
    def is_reversible(self) -> bool:
        """Whether undo can restore everything."""
        return all(change.reversible for change in self.changes)

    @property
    def target_keys(self) -> tuple[str, ...]:
        """Identities of the targets, each once."""
        return tuple(dict.fromkeys(change.target_key for change in self.changes))


class Approval(Value):
    """One actor's decision on one plan fingerprint.

    Attributes:
        roles: What the actor was when deciding.
        break_glass_reason: Given instead of the approvals that the level needs.
    """

    fingerprint: str
    actor: Actor
    roles: frozenset[Role]
    at: Instant
    break_glass_reason: str = ""


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


class Progress(Value):
    """Write-ahead state of one change."""

    state: StepState = StepState.PENDING
    attempts: int = 0
    attempted_at: Instant | None = None
    applied_at: Instant | None = None
    verified_at: Instant | None = None


class Containment(Value):
    """A plan and what became of it.

    Attributes:
        problem: Why it failed, expired or is in doubt; a sentence for people.
        clean_since: Start of the harm signal's clean window; provisional until `effect_verified_at`.
        last_reading: The harm signal as last sampled.
        ends_at: When it asks (or reverts); set when applied.
        end_reached: Whether the end passed with the containment still in force.
        undone_by: The undo plan's containment.
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
    last_reading: float | None = None
    ends_at: Instant | None = None
    end_reached: bool = False
    undone_by: ContainmentId | None = None
    version: int = 0

    @property
    def is_in_force(self) -> bool:
        """Whether a change of an apply plan is, or may be, in place at the vendor."""
        touched = any(
            step.state in {StepState.ATTEMPTED, StepState.APPLIED, StepState.VERIFIED} for step in self.progress
        )
        return self.plan.kind is PlanKind.APPLY and touched and self.state is not ContainmentState.UNDONE

    @property
    def next_step(self) -> int | None:
        """Index of the first change that is not verified; `None` when all are."""
        return next((i for i, step in enumerate(self.progress) if step.state is not StepState.VERIFIED), None)

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

    def decided(self, approval: Approval) -> Self:
        """Return a copy with one more decision on record.

        Raises:
            InvalidTransition: It is no longer open for decisions.
        """
        if self.state is not ContainmentState.PROPOSED:
            raise InvalidTransition(f"Plan C-{self.number} is already {self.state.value}; nothing more was done.")
        return self.changed(approvals=(*self.approvals, approval))
