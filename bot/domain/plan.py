"""A plan: what would be done, read at one instant, and the decisions that people take on exactly that.

A plan never changes after it was read: whatever is approved is approved by its fingerprint. Undo and extend are plans
of their own, so that they need exactly the approvals that applying needed.
"""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from bot.domain.actor import Actor
from bot.domain.change import Change
from bot.domain.evidence import EvidenceItem
from bot.domain.remediation import MAX_TITLE
from bot.domain.role import Role
from bot.domain.runbook import Level, OnEnd
from bot.domain.severity import Severity
from bot.domain.system import HarmSignal
from bot.domain.values import ContainmentId, IncidentId, Instant, Value, digest


class PlanKind(StrEnum):
    """What carrying out the plan does."""

    APPLY = "apply"
    UNDO = "undo"
    EXTEND = "extend"
    KEEP = "keep"
    """It stays in force for a remediation's sake, until that is due."""


class Promise(Value):
    """The remediation for whose sake a containment is to stay in force.

    Attributes:
        title: What makes the containment unnecessary.
        owner: Who sees to it.
    """

    title: str = Field(min_length=1, max_length=MAX_TITLE)
    owner: Actor


class Rebase(Value):
    """What an undo does to a younger containment on the same target, which stays in force.

    Attributes:
        name: Of the younger one, as people know it: `C-2`, with its incident if that is another.
        step: Index of its change.
        was: That change as it was when the undo was planned.
        becomes: As it is once the older containment is undone.
    """

    containment: ContainmentId
    name: str
    step: int
    was: Change
    becomes: Change


# Fields of a plan that the first schema did not have.
_ADDED_SINCE = ("rebases", "levels", "on_end", "by_itself", "evidence", "remediation")


class Plan(Value):
    """Read-only: what would be done, read at one instant, under one severity and one policy.

    Attributes:
        of: The containment that an undo or extend plan is about.
        level: The highest ladder level of its steps.
        levels: Every ladder level of its steps, once: policy asks about each of them.
        duration: How long it lasts once applied.
        on_end: What happens then; always to ask where something cannot be undone or no signal measures the effect.
        evidence: What is preserved before the first change from L2 up is written.
        remediation: What a keep plan opens, due after its duration.
        by_itself: Whether it is the undo that a containment's own plan asked for at its end.
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
    rebases: tuple[Rebase, ...] = ()
    level: Level
    levels: tuple[Level, ...] = Field(default_factory=lambda plan: (plan["level"],))
    severity: Severity
    policy_version: int
    signal_name: str | None
    signal: HarmSignal | None
    duration: timedelta
    on_end: OnEnd = OnEnd.ASK
    by_itself: bool = False
    evidence: tuple[EvidenceItem, ...] = ()
    remediation: Promise | None = None
    reason: str
    expected_effect: str
    risk_if_wrong: str
    warnings: tuple[str, ...] = ()
    requested_by: Actor
    requested_at: Instant
    expires_at: Instant

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all of it: what an approval is given to.

        A plan that was approved before an upgrade must keep its fingerprint, so a field that was added since is left
        out while it says what its absence said.
        """
        return digest(self.model_dump(mode="json", exclude={name for name in _ADDED_SINCE if self._is_default(name)}))

    def _is_default(self, name: str) -> bool:
        default = type(self).model_fields[name].get_default(call_default_factory=True, validated_data=dict(self))
        return bool(getattr(self, name) == default)

    @property
    def is_reversible(self) -> bool:
        """Whether undo can restore everything."""
        return all(change.reversible for change in self.changes)

    @property
    def target_keys(self) -> tuple[str, ...]:
        """Identities of the targets, each once."""
        changes = (*self.changes, *(rebase.becomes for rebase in self.rebases))
        return tuple(dict.fromkeys(change.target_key for change in changes))


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
