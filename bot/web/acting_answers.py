"""What the JSON API answers to people who act: all that a person must see before a decision, and after it."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from bot.domain.classification import Classification
from bot.domain.containment_words import state_words
from bot.domain.role import Role
from bot.domain.runbook import ChoiceInput, Level, LiveChoiceInput, Runbook
from bot.domain.severity import Severity
from bot.domain.values import Instant
from bot.services.board import ContainmentView
from bot.services.planning import Form
from bot.web.answers import IncidentSummary
from bot.web.containment_answers import ContainmentAnswer


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredAnswer(_Answer):
    """An incident that was opened, or in a dry run would be.

    Attributes:
        incident: `null` in a dry run.
        because: Why the playbooks give this severity.
    """

    incident: IncidentSummary | None
    severity: Severity
    failure_mode: str | None
    because: list[str]

    @classmethod
    def of(cls, classification: Classification, incident: IncidentSummary | None) -> Self:
        """Return the answer for what the playbooks made of it."""
        return cls(
            incident=incident,
            severity=classification.severity,
            failure_mode=classification.failure_mode,
            because=[rule.because for rule in classification.rules],
        )


class InputAnswer(_Answer):
    """Something that a runbook asks for.

    Attributes:
        options: What may be given; `null` where that is free, or was not read.
    """

    name: str
    label: str
    hint: str
    options: list[str] | None


class RunbookAnswer(_Answer):
    """A runbook that can be planned for an incident."""

    id: str
    title: str
    summary: str
    level: Level
    lasts_seconds: float
    inputs: list[InputAnswer]

    @classmethod
    def of(cls, runbook: Runbook) -> Self:
        """Return the answer for a runbook, of which nothing was read."""
        return cls(**_fields(runbook, {}))

    @classmethod
    def read(cls, form: Form) -> Self:
        """Return the answer for a runbook with the values that its live inputs may take now."""
        return cls(**_fields(form.runbook, form.choices))


def _fields(runbook: Runbook, choices: dict[str, Sequence[str]]) -> dict[str, object]:
    inputs = [
        InputAnswer(
            name=name,
            label=item.label,
            hint=item.hint,
            options=_options(item, choices.get(name)),
        )
        for name, item in runbook.inputs.items()
    ]
    return {
        "id": runbook.id,
        "title": runbook.title,
        "summary": runbook.summary,
        "level": runbook.level,
        "lasts_seconds": runbook.ends.after.total_seconds(),
        "inputs": inputs,
    }


def _options(item: object, read: Sequence[str] | None) -> list[str] | None:
    match item:
        case ChoiceInput():
            return list(item.options)
        case LiveChoiceInput() if read is not None:
            return list(read)
        case _:
            return None


class RunbookList(_Answer):
    """The runbooks on offer, smallest ladder level first."""

    runbooks: list[RunbookAnswer]


class StandingAnswer(_Answer):
    """A plan or containment as it stands, with all that a decision rests on.

    Attributes:
        incident: Such as `INC-7`.
        stored: Whether it is; a dry run stores nothing, and its containment has the number 0.
        made_under: The severity in force when it was planned.
        needs_approval: Whether its level asks for anybody's approval but the go-ahead of who planned it.
        missing: The roles that still have to approve, one person each.
        in_words: Where it stands.
        settled: Whether nothing more happens by itself.
    """

    incident: str
    stored: bool
    system: str
    made_under: Severity
    expected_effect: str
    risk_if_wrong: str
    warnings: list[str]
    lasts_seconds: float
    expires_at: Instant
    needs_approval: bool
    missing: list[Role]
    in_words: str
    settled: bool
    containment: ContainmentAnswer

    @classmethod
    def of(cls, view: ContainmentView, *, stored: bool = True) -> Self:
        """Return the answer for a containment."""
        containment, plan = view.containment, view.containment.plan
        return cls(
            incident=view.incident.label,
            stored=stored,
            system=plan.system_id,
            made_under=plan.severity,
            expected_effect=plan.expected_effect,
            risk_if_wrong=plan.risk_if_wrong,
            warnings=list(plan.warnings),
            lasts_seconds=plan.duration.total_seconds(),
            expires_at=plan.expires_at,
            needs_approval=view.needs_approval,
            missing=list(view.missing),
            in_words=state_words(containment),
            settled=containment.state.is_settled,
            containment=ContainmentAnswer.of(containment),
        )
