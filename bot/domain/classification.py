"""What kind of failure and how bad, with the rules that said so.

A classification is never a bare verdict: it carries the rules that fired, what could not be known, and the smallest
change that would move it.
"""

from bot.domain.severity import Severity
from bot.domain.values import Value


class FiredRule(Value):
    """A rule that held, and its reason in words."""

    id: str
    severity: Severity
    because: str


class UsedAnswer(Value):
    """An answer that a person gave or a registry knew, and that the severity rests on."""

    question: str
    answer: bool | int | str
    means: str


class Classification(Value):
    """Failure mode and severity, explained.

    Attributes:
        failure_mode: Id of the playbook that matched; `None` when none did.
        matched: The signals that spoke for the failure mode.
        rules: Severity rules that held, worst first.
        unknown: Facts that rules ask for and nobody stated.
        would_change: The smallest changes that would move the severity.
        answers: What the severity rests on, where questions were answered.
        rubric_version: Of the rubric that it was computed with; `None` when a playbook's own rules did.
        provisional: Whether an unknown fact could still make it worse.
    """

    failure_mode: str | None
    failure_mode_title: str
    severity: Severity
    matched: tuple[str, ...] = ()
    rules: tuple[FiredRule, ...] = ()
    unknown: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    answers: tuple[UsedAnswer, ...] = ()
    rubric_version: int | None = None

    @property
    def provisional(self) -> bool:
        """Whether an unknown fact could still make it worse."""
        return bool(self.unknown)
