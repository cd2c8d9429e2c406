"""Where a containment stands, in words, for every card that names one."""

from bot.domain.containment import Containment, ContainmentState
from bot.domain.runbook import Level
from bot.slack.text import date, one_line


def is_verified_effect(containment: Containment) -> bool:
    """Return whether the harm was measured to have stopped, and the containment still is in force."""
    return (
        containment.state is ContainmentState.VERIFIED
        and containment.effect_verified_at is not None
        and containment.is_in_force
        and not containment.missing
    )


def end_words(containment: Containment) -> str:
    """Return when it ends, for one that is in force; empty while there is no end."""
    if containment.ends_at is None:
        return ""
    if containment.kept_because:
        return f"its end passed {date(containment.ends_at)}; not undone: {one_line(containment.kept_because, 200)}"
    if containment.kept_for is not None and not containment.end_reached:
        return f"kept for R-{containment.kept_for} until {date(containment.ends_at)}"
    if containment.end_reached:
        return f"its end passed {date(containment.ends_at)}, it stays in force"
    return f"ends {date(containment.ends_at)}"


def name(containment: Containment) -> str:
    """Return `C-1 Roll the prompt back`, escaped."""
    return f"C-{containment.number} {one_line(containment.plan.title, 150)}"


def level_words(level: Level) -> str:
    """Return a ladder level with its meaning."""
    return f"{level}: {level.meaning}"
