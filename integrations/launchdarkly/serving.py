"""What a rule serves, as it is read and planned: `{"serves": "v18"}`, or shares in percent.

Shares are `{"serves": [["v17", 10], ["off", 90]], "bucket_by": "key", "context_kind": "user"}`. Their order carries
meaning: contexts fall into them in that order, and one that cannot be bucketed, because it is of another kind or
lacks the attribute, falls into the first. An experiment's shares also hold `experiment` and are not rewritten.
"""

from fractions import Fraction

from bot.sdk import JsonObject, UserError

_WHOLE = 100_000
_PERCENT = 1_000


def percent(weight: int) -> float:
    """Return a weight, which LaunchDarkly holds in thousandths of a percent, as people write it: 10, not 10.0."""
    return weight // _PERCENT if weight % _PERCENT == 0 else weight / _PERCENT


def weight_of(share: float) -> int:
    """Return a share in percent as LaunchDarkly holds it."""
    return round(share * _PERCENT)


def shares(served: JsonObject) -> list[tuple[str, int]]:
    """Return the variations that are served with their weights, in order."""
    if isinstance(served["serves"], str):
        return [(served["serves"], _WHOLE)]
    return [(name, weight_of(share)) for name, share in served["serves"]]


def reach(served: JsonObject, off: str) -> float:
    """Return how many percent get anything but the off variation."""
    return percent(_reach(served, off))


def narrowed(served: JsonObject, off: str, most: int, context_kind: str) -> JsonObject:
    """Return what gives at most a percentage anything but the off variation; whoever keeps it had it before.

    The other variations keep their proportion. Where everybody got the same, the off variation comes first, so that
    what cannot be bucketed gets that one.

    Raises:
        UserError: It is an experiment.
    """
    reached, wanted = _reach(served, off), most * _PERCENT
    if reached <= wanted:
        return served
    _refuse_experiment(served)
    if isinstance(served["serves"], str):
        split = [(off, _WHOLE - wanted), (served["serves"], wanted)]
        return {"serves": _listed(split), "bucket_by": "key", "context_kind": context_kind}
    return {**served, "serves": _listed(_scaled(shares(served), off, Fraction(wanted, reached)))}


def given(served: JsonObject, off: str, chosen: str) -> JsonObject:
    """Return what gives one variation to as many as got anything but the off variation.

    Raises:
        UserError: It is an experiment.
    """
    names = {name for name, weight in shares(served) if weight and name != off}
    if names <= {chosen}:
        return served
    _refuse_experiment(served)
    reached = _reach(served, off)
    if reached == _WHOLE:
        return {"serves": chosen}
    off_first = shares(served)[0][0] == off
    pair = [(off, _WHOLE - reached), (chosen, reached)]
    return {**served, "serves": _listed(pair if off_first else pair[::-1])}


def described(served: JsonObject) -> str:
    """Return what is served in words."""
    if isinstance(served["serves"], str):
        return str(served["serves"])
    parts = ", ".join(f"{name} {share:g} %" for name, share in served["serves"])
    kind = "experiment over " if "experiment" in served else ""
    return f"{kind}{parts} by {served['context_kind']} {served['bucket_by']}"


def _reach(served: JsonObject, off: str) -> int:
    return sum(weight for name, weight in shares(served) if name != off)


def _refuse_experiment(served: JsonObject) -> None:
    if "experiment" in served:
        raise UserError("The flag serves an experiment, whose shares only LaunchDarkly changes; switch it off instead.")


def _scaled(split: list[tuple[str, int]], off: str, factor: Fraction) -> list[tuple[str, int]]:
    """Return shares of which all but the off one are scaled, and what that leaves is off; they stay whole numbers."""
    kept: list[int] = []
    passed = 0
    for name, weight in split:
        before = int(passed * factor)
        passed += weight if name != off else 0
        kept.append(int(passed * factor) - before)
    rest = _WHOLE - sum(kept)
    if any(name == off for name, _ in split):
        place = next(place for place, (name, _) in enumerate(split) if name == off)
        kept[place] = rest
        return [(name, weight) for (name, _), weight in zip(split, kept, strict=True)]
    return [(off, rest), *((name, weight) for (name, _), weight in zip(split, kept, strict=True))]


def _listed(split: list[tuple[str, int]]) -> list[list[object]]:
    return [[name, percent(weight)] for name, weight in split]
