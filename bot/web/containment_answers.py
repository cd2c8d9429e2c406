"""What the JSON API says of plans and containments: what was to change, who decided, and how far it came."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from bot.domain.change import Change
from bot.domain.containment import Containment, ContainmentState, Progress, StepState
from bot.domain.plan import Approval, PlanKind
from bot.domain.role import Role
from bot.domain.runbook import Level, OnEnd
from bot.domain.values import Instant, JsonObject


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DecisionAnswer(_Answer):
    """One decision on the plan, by a Slack user id."""

    by: str
    roles: list[Role]
    at: Instant
    break_glass_reason: str

    @classmethod
    def of(cls, approval: Approval) -> Self:
        """Return the answer for an approval."""
        return cls(
            by=approval.actor.id,
            roles=sorted(approval.roles),
            at=approval.at,
            break_glass_reason=approval.break_glass_reason,
        )


class ChangeAnswer(_Answer):
    """One planned change of one target, and how far it is."""

    action: str
    connection: str
    target: JsonObject
    summary: str
    before: JsonObject
    after: JsonObject
    blast_radius: list[str]
    reversible: bool
    state: StepState
    skipped_because: str
    applied_at: Instant | None
    verified_at: Instant | None

    @classmethod
    def of(cls, change: Change, progress: Progress) -> Self:
        """Return the answer for a change and its progress."""
        return cls(
            action=change.action,
            connection=change.connection,
            target=change.ref,
            summary=change.summary,
            before=change.before,
            after=change.after,
            blast_radius=list(change.blast_radius),
            reversible=change.reversible,
            state=progress.state,
            skipped_because=progress.skipped_because,
            applied_at=progress.applied_at,
            verified_at=progress.verified_at,
        )


class ContainmentAnswer(_Answer):
    """A plan and what became of it.

    Attributes:
        number: Within its incident; people write `C-2`.
        fingerprint: Of the plan; decisions are given to it.
        state_verified_at: When every change read back.
        clean_since: Start of the harm signal's clean window.
        effect_verified_at: When that window had passed, or a person confirmed the effect.
        confirmed_by: Who did, by Slack user id; `confirmed_on` is what that rests on.
        ends_at: When its end comes; `on_end` says what happens then.
        kept_for: Number of the remediation for whose sake it stays in force.
        kept_because: Why it was not undone at its end though it was to be; empty otherwise.
        missing: Which targets are not as they were written any more though nobody undid it; empty otherwise.
        harm_returned_at: For an undo: when the harm signal was over its threshold again.
        evidence_wanted: How many pieces its plan has preserved before the first change from L2 up.
        evidence_preserved: How many are.
        without_evidence: Why it went ahead without the rest; empty otherwise.
    """

    number: int
    kind: PlanKind
    title: str
    runbook: str
    level: Level
    state: ContainmentState
    problem: str
    reason: str
    requested_by: str
    requested_at: Instant
    fingerprint: str
    decisions: list[DecisionAnswer]
    declined_by: str | None
    changes: list[ChangeAnswer]
    in_force: bool
    state_verified_at: Instant | None
    clean_since: Instant | None
    effect_verified_at: Instant | None
    confirmed_by: str | None
    confirmed_on: str
    ends_at: Instant | None
    on_end: OnEnd
    end_reached: bool
    kept_because: str
    kept_for: int | None
    missing: str
    harm_returned_at: Instant | None
    evidence_wanted: int
    evidence_preserved: int
    without_evidence: str

    @classmethod
    def of(cls, containment: Containment) -> Self:
        """Return the answer for a containment."""
        plan = containment.plan
        return cls(
            number=containment.number,
            kind=plan.kind,
            title=plan.title,
            runbook=plan.runbook,
            level=plan.level,
            state=containment.state,
            problem=containment.problem,
            reason=plan.reason,
            requested_by=plan.requested_by.id,
            requested_at=plan.requested_at,
            fingerprint=plan.fingerprint,
            decisions=[DecisionAnswer.of(approval) for approval in containment.approvals],
            declined_by=containment.declined_by.id if containment.declined_by else None,
            changes=[ChangeAnswer.of(*each) for each in zip(plan.changes, containment.progress, strict=True)],
            in_force=containment.is_in_force,
            state_verified_at=containment.state_verified_at,
            clean_since=containment.clean_since,
            effect_verified_at=containment.effect_verified_at,
            confirmed_by=containment.confirmed_by.id if containment.confirmed_by else None,
            confirmed_on=containment.confirmed_on,
            ends_at=containment.ends_at,
            on_end=plan.on_end,
            end_reached=containment.end_reached,
            kept_because=containment.kept_because,
            kept_for=containment.kept_for,
            missing=containment.missing,
            harm_returned_at=containment.harm_returned_at,
            evidence_wanted=len(plan.evidence),
            evidence_preserved=len(containment.preserved),
            without_evidence=containment.without_evidence,
        )
