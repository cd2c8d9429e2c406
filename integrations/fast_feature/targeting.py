"""Reads and rewrites targeting: JsonLogic that ends in names of variants.

What is understood: a name, `if` with results that are understood, and `fractional` over names. Anything else computes
its variant in a way that nobody could check in a plan, and is refused.
Source: fast-feature's engine, which follows https://flagd.dev/reference/custom-operations/fractional-operation/.
"""

from collections.abc import Callable
from typing import Any

from bot.sdk import JsonObject, UserError

Bucket = tuple[str, float]


def narrowed(rule: Any, default: str, off: str, percent: int) -> Any:
    """Return a rule that gives at most a percentage of each of its groups anything but the variant `off`."""

    def shared(name: str) -> Any:
        return name if name == off else _fractional([], [(name, percent), (off, 100 - percent)])

    def split(key: list[Any], buckets: list[Bucket]) -> Any:
        share = _share(buckets, off)
        if share <= percent:
            return _fractional(key, buckets)
        kept = [(name, _plain(weight * percent / share)) for name, weight in buckets if name != off]
        rest = (off, _plain(sum(weight for _, weight in buckets) * (100 - percent) / 100))
        off_comes_first = buckets[0][0] == off
        return _fractional(key, [rest, *kept] if off_comes_first else [*kept, rest])

    return _rewritten(_with_default(rule, default), shared, split)


def renamed(rule: Any, off: str, chosen: str) -> Any:
    """Return a rule that gives one variant to everybody to whom it gives any but `off`."""

    def name(given: str) -> str:
        return given if given == off else chosen

    def split(key: list[Any], buckets: list[Bucket]) -> Any:
        return _fractional(key, [(name(given), weight) for given, weight in buckets])

    return None if not rule else _rewritten(rule, name, split)


def excluding(rule: Any, condition: JsonObject, off: str) -> Any:
    """Return a rule that gives `off` where a condition holds, and is as it was elsewhere."""
    if isinstance(rule, dict) and list(rule) == ["if"] and isinstance(rule["if"], list):
        pairs = list(zip(rule["if"][::2], rule["if"][1::2], strict=False))
        ours = next((place for place, (_, result) in enumerate(pairs) if result != off), len(pairs))
        if (condition, off) in pairs[:ours]:
            return rule
        return {"if": [condition, off, *rule["if"]]}
    return {"if": [condition, off, *([rule] if rule else [])]}


def shares(rule: Any, default: str, off: str) -> list[float]:
    """Return, for each group of a rule, how many percent get anything but `off`."""
    found: list[float] = []

    def leaf(name: str) -> str:
        found.append(0 if name == off else 100)
        return name

    def split(key: list[Any], buckets: list[Bucket]) -> Any:
        found.append(_share(buckets, off))
        return _fractional(key, buckets)

    _rewritten(_with_default(rule, default), leaf, split)
    return found


def variants(rule: Any, default: str) -> dict[str, float]:
    """Return the variants that a rule can give, with the sum of their percentages over its groups."""
    found: dict[str, float] = {}

    def count(name: str, percent: float) -> None:
        found[name] = found.get(name, 0) + percent

    def leaf(name: str) -> str:
        count(name, 100)
        return name

    def split(key: list[Any], buckets: list[Bucket]) -> Any:
        total = sum(weight for _, weight in buckets)
        for name, weight in buckets:
            count(name, weight * 100 / total)
        return _fractional(key, buckets)

    _rewritten(_with_default(rule, default), leaf, split)
    return found


def _with_default(rule: Any, default: str) -> Any:
    """Return a rule in which the default variant stands wherever no other is given."""
    if not rule:
        return default
    if not _branches(rule):
        return rule
    ((name, arguments),) = rule.items()
    given = arguments if len(arguments) % 2 else [*arguments, default]
    return {name: _with_results(given, lambda result: _with_default(result, default))}


def _rewritten(rule: Any, leaf: Callable[[str], Any], split: Callable[[list[Any], list[Bucket]], Any]) -> Any:
    if rule is None:
        return None
    if isinstance(rule, str):
        return leaf(rule)
    if _branches(rule):
        ((name, arguments),) = rule.items()
        return {name: _with_results(arguments, lambda result: _rewritten(result, leaf, split))}
    match rule:
        case {"fractional": [*arguments], **others} if not others:
            return split(*_buckets(arguments))
        case _:
            raise UserError(
                "The targeting computes its variant in a way that cannot be foreseen; switch the flag off instead."
            )


def _branches(rule: Any) -> bool:
    """Whether a rule is an `if`: conditions and results in turn, then perhaps what else results."""
    return isinstance(rule, dict) and len(rule) == 1 and any(isinstance(rule.get(name), list) for name in ("if", "?:"))


def _with_results(arguments: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    last = len(arguments) - 1
    return [change(argument) if place % 2 or place == last else argument for place, argument in enumerate(arguments)]


def _buckets(arguments: list[Any]) -> tuple[list[Any], list[Bucket]]:
    """Return what the bucketing goes by, empty for the targeting key, and the buckets."""
    key = [] if arguments and isinstance(arguments[0], list) else arguments[:1]
    buckets = [_bucket(each) for each in arguments[len(key) :]]
    if sum(weight for _, weight in buckets) <= 0:
        raise UserError("The targeting splits by weights that are all 0; switch the flag off instead.")
    return key, buckets


def _bucket(given: Any) -> Bucket:
    match given:
        case [str(name)]:
            return name, 1
        case [str(name), int() | float() as weight] if not isinstance(weight, bool) and weight >= 0:
            return name, weight
        case _:
            raise UserError("The targeting splits by what cannot be foreseen; switch the flag off instead.")


def _fractional(key: list[Any], buckets: list[Bucket]) -> JsonObject:
    return {"fractional": [*key, *([name, weight] for name, weight in buckets)]}


def _share(buckets: list[Bucket], off: str) -> float:
    return sum(weight for name, weight in buckets if name != off) * 100 / sum(weight for _, weight in buckets)


def _plain(weight: float) -> float:
    """Return a weight as people write it: 10, not 10.0; equal after a trip through JSON."""
    return int(weight) if float(weight).is_integer() else round(weight, 6)
