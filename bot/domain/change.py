"""A change as an action plans it: what a target reads now, what it will read, and what that touches."""

from enum import Enum, StrEnum

from bot.domain.runbook import Level
from bot.domain.values import JsonObject, Value, digest


class Guard(StrEnum):
    """How a write is kept from overwriting somebody else's."""

    CONDITIONAL = "conditional"
    """The vendor refuses a stale write."""
    REREAD = "reread"
    """Stanch reads again right before writing; a change in between can still be lost."""


class Proposal(Value):
    """What an action would change; made from a read, without touching anything.

    Attributes:
        before: What the action manages, as read. `after` has the same shape.
        summary: One line in the vendor's words.
        blast_radius: One line for each thing that is touched: environments, segments, keys.
    """

    before: JsonObject
    after: JsonObject
    summary: str
    blast_radius: tuple[str, ...]


class Change(Value):
    """One planned change of one target.

    Attributes:
        action: `integration.action`.
        connection: Name of the connection, live or simulated.
        ref: Where the target is, in the action's terms.
        reversible: Whether undo restores `before` exactly.
    """

    step: str
    level: Level
    action: str
    connection: str
    ref: JsonObject
    before: JsonObject
    after: JsonObject
    summary: str
    blast_radius: tuple[str, ...]
    reversible: bool
    guard: Guard

    @property
    def target_key(self) -> str:
        """Identity of the target, for one containment at a time."""
        return digest([self.connection, self.ref])

    def reverted(self) -> "Change":
        """Return the change that takes this one back."""
        return self.changed(before=self.after, after=self.before, summary=f"Take back: {self.summary}")


class Absent(Enum):
    """Says that a leaf is not there; JSON has no word for that."""

    ABSENT = "(absent)"


Path = tuple[str, ...]
Leaf = tuple[Path, object, object]


def changed_leaves(before: JsonObject, after: JsonObject, path: Path = ()) -> list[Leaf]:
    """Return `(path, before, after)` for every leaf that differs, in the order of their paths; a list is one leaf."""
    leaves: list[Leaf] = []
    for key in sorted({*before, *after}):
        place = (*path, key)
        old, new = before.get(key, Absent.ABSENT), after.get(key, Absent.ABSENT)
        if isinstance(old, dict) and isinstance(new, dict):
            leaves.extend(changed_leaves(old, new, place))
        elif old != new:
            leaves.append((place, old, new))
    return leaves


def difference(before: JsonObject, after: JsonObject) -> list[tuple[str, str, str]]:
    """Return `(path, before, after)` in words for every leaf that differs."""
    return [(".".join(path), _show(old), _show(new)) for path, old, new in changed_leaves(before, after)]


def _show(value: object) -> str:
    if isinstance(value, Absent):
        return value.value
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
