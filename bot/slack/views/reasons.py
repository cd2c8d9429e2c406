"""Why it is this failure mode and this severity: the rules that fired, what is unknown, what would change it."""

from bot.domain.classification import Classification
from bot.domain.severity import Severity
from bot.slack.text import escape, one_line
from bot.slack.views.card import bullets

_MOST_LINES = 6
_LINE = 300


def failure_mode(classification: Classification) -> str:
    """Return the failure mode in words."""
    return one_line(classification.failure_mode_title, 200)


def severity_reasons(classification: Classification, severity: Severity, override: str = "") -> str:
    """Return a paragraph that explains a severity; `override` is the reason of a person who set another one.

    Under an override, what would move the computed severity is left out: it would move nothing.
    """
    lines = [f"*Why {severity.label}*"]
    if severity is not classification.severity:
        said = f": {escape(override, _LINE)}" if override else ""
        lines.append(f"Set by a person{said}. The rules say {classification.severity.label}:")
    lines.append(_listed([f"{rule.severity.label}: {one_line(rule.because, _LINE)}" for rule in classification.rules]))
    if classification.matched:
        lines.append(f"*Signals:* {_joined(classification.matched)}")
    if severity is not classification.severity:
        return "\n".join(line for line in lines if line)
    if classification.unknown:
        lines.append(f"*Unknown, so it may yet be worse:* {_joined(classification.unknown)}")
    if classification.would_change:
        lines.append(f"*Would change it:* {_joined(classification.would_change)}")
    return "\n".join(line for line in lines if line)


def _listed(lines: list[str]) -> str:
    more = [f"and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    return bullets([*lines[:_MOST_LINES], *more])


def _joined(parts: tuple[str, ...]) -> str:
    more = f"; and {len(parts) - _MOST_LINES} more" if len(parts) > _MOST_LINES else ""
    return "; ".join(one_line(part, 200) for part in parts[:_MOST_LINES]) + more
