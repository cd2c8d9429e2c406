"""Containments stacked on one target: taking back a lower one and leaving those above it as they are.

Each change in a stack starts from what the one below it wrote. Where one above wrote something of what the lower one
wrote, all that it wrote stays, and it now starts from what the lower one had read: weights of variations add up to a
whole, so no half of them is put back. What nobody above wrote anything of goes back to what the lower one had read.
"""

from collections.abc import Iterable, Sequence

from bot.domain.change import Absent, Change, Leaf, Path, changed_leaves
from bot.domain.values import JsonObject, Value


class Unstacked(Value):
    """What taking back the lowest change of a stack comes to.

    Attributes:
        target: What the target must read then.
        above: The changes above it, as they are then.
    """

    target: JsonObject
    above: tuple[Change, ...]


def take_from_under(lowest: Change, above: Sequence[Change]) -> Unstacked:
    """Return what a target reads, and what the changes above start from, without the lowest change.

    Args:
        lowest: The change to take back.
        above: The changes that were made on top of it, oldest first; not empty. The last one's `after` is what the
            target reads.
    """
    back = [(path, old) for path, old, _ in changed_leaves(lowest.before, lowest.after)]
    rebased: list[Change] = []
    for change in above:
        before = _with(change.before, back)
        own = changed_leaves(change.before, change.after)
        if any(_is_covered(path, own) for path, _ in back):
            back = []
        rebased.append(change.changed(before=before, after=_with(change.after, back)))
    return Unstacked(target=rebased[-1].after, above=tuple(rebased))


def _is_covered(path: Path, leaves: Iterable[Leaf]) -> bool:
    """Whether one of the leaves is this one, holds it, or is held by it."""
    return any(path[: len(other)] == other[: len(path)] for other, _, _ in leaves)


def _with(document: JsonObject, leaves: Iterable[tuple[Path, object]]) -> JsonObject:
    for path, value in leaves:
        document = _set(document, path, value)
    return document


def _set(document: JsonObject, path: Path, value: object) -> JsonObject:
    key, *rest = path
    if rest:
        inner = document.get(key)
        return {**document, key: _set(inner if isinstance(inner, dict) else {}, tuple(rest), value)}
    if value is Absent.ABSENT:
        return {name: kept for name, kept in document.items() if name != key}
    return {**document, key: value}
