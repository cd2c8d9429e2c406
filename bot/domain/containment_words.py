"""Where a containment stands, in words for people: the same in Slack as at a terminal."""

from bot.domain.containment import Containment, ContainmentState
from bot.domain.plan import PlanKind

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
