"""The instants of an incident's life, each with how it is known, in an order that is enforced."""

from enum import StrEnum
from typing import Self

from bot.domain.values import ERASED, Instant, Value
from bot.errors import InvalidTransition


class Basis(StrEnum):
    """How an instant is known."""

    OBSERVED = "observed"
    ESTIMATED = "estimated"
    ATTESTED = "attested"


class MilestoneName(StrEnum):
    """The milestones in the order in which they can happen."""

    STARTED = "started"
    DETECTED = "detected"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Milestone(Value):
    """One instant.

    Attributes:
        note: What it rests on: a query, a window, a person's evidence.
        provisional: Set by a clean window that has not fully passed.
    """

    at: Instant
    basis: Basis
    note: str = ""
    provisional: bool = False

    @property
    def is_attested(self) -> bool:
        """Whether it rests on a person's word."""
        return self.basis is Basis.ATTESTED


# What must not be earlier than what. Acknowledging does not bound mitigation: a fix may precede the first person.
_NOT_BEFORE: dict[MilestoneName, tuple[MilestoneName, ...]] = {
    MilestoneName.DETECTED: (MilestoneName.STARTED,),
    MilestoneName.DECLARED: (MilestoneName.DETECTED,),
    MilestoneName.ACKNOWLEDGED: (MilestoneName.DECLARED,),
    MilestoneName.MITIGATED: (MilestoneName.STARTED, MilestoneName.DETECTED),
    MilestoneName.RESOLVED: (MilestoneName.DECLARED, MilestoneName.MITIGATED),
    MilestoneName.CLOSED: (MilestoneName.RESOLVED,),
}


class Milestones(Value):
    """All milestones of one incident; `None` is unknown or not yet."""

    started: Milestone | None = None
    detected: Milestone | None = None
    declared: Milestone | None = None
    acknowledged: Milestone | None = None
    mitigated: Milestone | None = None
    resolved: Milestone | None = None
    closed: Milestone | None = None

    def get(self, name: MilestoneName) -> Milestone | None:
        """Return one milestone by name."""
        found = getattr(self, name.value)
        return found if isinstance(found, Milestone) else None

    def stamped(self, name: MilestoneName, milestone: Milestone) -> Self:
        """Return a copy with one milestone set.

        Raises:
            InvalidTransition: It would stand before a milestone that it must follow, or after one that must follow it.
        """
        stamped = self.changed(**{name.value: milestone})
        for later, earlier_names in _NOT_BEFORE.items():
            for earlier in earlier_names:
                _check_order(stamped, earlier, later, name)
        return stamped

    def not_before_others(self, name: MilestoneName, at: Instant) -> Instant:
        """Return an instant that was read off the clock, or the milestone that it must follow where that is later.

        Clocks are set back, and those of two replicas differ; what happens now still comes after what has happened.
        """
        followed = (self.get(earlier) for earlier in _NOT_BEFORE.get(name, ()))
        return max([at, *(stone.at for stone in followed if stone is not None)])

    def cleared(self, name: MilestoneName) -> Self:
        """Return a copy in which one milestone is unknown again."""
        return self.changed(**{name.value: None})

    def redacted(self) -> Self:
        """Return a copy without what people wrote; a note of what was observed is Stanch's own and stays."""
        stones = {name.value: self.get(name) for name in MilestoneName}
        written = {name: each for name, each in stones.items() if each and each.note and each.basis != Basis.OBSERVED}
        return self.changed(**{name: each.changed(note=ERASED) for name, each in written.items()})


def _check_order(milestones: Milestones, earlier: MilestoneName, later: MilestoneName, just_set: MilestoneName) -> None:
    first, second = milestones.get(earlier), milestones.get(later)
    if just_set not in {earlier, later} or first is None or second is None or first.at <= second.at:
        return
    raise InvalidTransition(
        f"`{later}` ({second.at:%Y-%m-%d %H:%M:%S} UTC) cannot be before `{earlier}` "
        f"({first.at:%Y-%m-%d %H:%M:%S} UTC); "
        f"correct `{just_set}` and try again."
    )
