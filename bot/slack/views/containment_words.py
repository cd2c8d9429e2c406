"""Where a containment stands, in words, for every card that names one."""

from bot.domain.containment import Containment, ContainmentState
from bot.domain.plan import PlanKind
from bot.domain.runbook import Level
from bot.slack.text import date, one_line

_WORDS = {
    ContainmentState.PROPOSED: "waiting for a decision; nothing has been changed",
    ContainmentState.DECLINED: "declined; nothing was changed",
    ContainmentState.EXPIRED: "expired undecided; nothing was changed",
    ContainmentState.APPROVED: "approved, about to be carried out",
    ContainmentState.APPLYING: "being carried out",
    ContainmentState.WATCHING: "applied and reads back; watching the harm signal",
    ContainmentState.VERIFIED: "applied and reads back",
    ContainmentState.FAILED: "failed",
    ContainmentState.IN_DOUBT: "in doubt: a person must look at the target",
    ContainmentState.UNDONE: "undone: the targets read as before",
}


def state_words(containment: Containment) -> str:
    """Return its state in words."""
    if containment.missing and containment.is_in_force:
        return "not in place any more, though nobody undid it"
    if containment.state is ContainmentState.VERIFIED:
        if containment.plan.kind is not PlanKind.APPLY:
            return "done and reads back"
        if containment.effect_verified_at is not None:
            return "contained and verified"
    return _WORDS[containment.state]


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
    if containment.end_reached:
        return f"its end passed {date(containment.ends_at)}, it stays in force"
    return f"ends {date(containment.ends_at)}"


def name(containment: Containment) -> str:
    """Return `C-1 Roll the prompt back`, escaped."""
    return f"C-{containment.number} {one_line(containment.plan.title, 150)}"


def level_words(level: Level) -> str:
    """Return a ladder level with its meaning."""
    return f"{level}: {level.meaning}"
