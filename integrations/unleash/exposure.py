"""Whom a flag reaches, in numbers and in words for the people who approve.

Strategies are alternatives: a user gets the feature when any active one says so, so their shares do not add up and
the largest is the least bound.
"""

from collections import Counter
from collections.abc import Iterable

from bot.sdk import JsonObject
from integrations.unleash.client import FlagRef, Variant

_ROLLOUT = "flexibleRollout"


def active(state: JsonObject) -> dict[str, JsonObject]:
    """Return the strategies that are not disabled, by place."""
    return {place: strategy for place, strategy in state["strategies"].items() if not strategy["disabled"]}


def rollouts(state: JsonObject) -> dict[str, int | None]:
    """Return the percentage of each active gradual rollout by place; `None` where Unleash holds no whole number."""
    return {place: _percent(strategy) for place, strategy in active(state).items() if strategy["name"] == _ROLLOUT}


def _percent(strategy: JsonObject) -> int | None:
    text = strategy["parameters"].get("rollout", "")
    return int(text) if text.isdecimal() else None


def variations(state: JsonObject) -> dict[str, list[str]]:
    """Return the variations of each active strategy that has any, by place."""
    return {place: list(strategy["variants"]) for place, strategy in active(state).items() if strategy["variants"]}


def common_variations(state: JsonObject) -> list[str]:
    """Return the variations that every active strategy with variations has, sorted."""
    offered = [set(names) for names in variations(state).values()]
    return sorted(set.intersection(*offered)) if offered else []


def variation_in_use(state: JsonObject) -> str:
    """Return the variation with the largest weight over all active strategies; empty when there is none."""
    weights: Counter[str] = Counter()
    for strategy in active(state).values():
        weights.update({name: variant["weight"] for name, variant in strategy["variants"].items()})
    return max(sorted(weights), key=lambda name: weights[name], default="")


def heaviest(variants: Iterable[Variant]) -> str:
    """Return the variation with the largest weight; empty when there is none."""
    return max(((variant.weight, variant.name) for variant in variants), default=(0, ""))[1]


def reaches_everybody(state: JsonObject) -> bool:
    """Whether an active strategy lets every user through."""
    return any(
        strategy["name"] == "default" or _percent(strategy) == 100
        for strategy in active(state).values()
        if not _selects(strategy)
    )


def share(state: JsonObject) -> str:
    """Return the share of traffic that a flag reaches by its strategies, as people say it."""
    reached = active(state)
    if not state["enabled"] or not reached:
        return "none"
    if reaches_everybody(state):
        return "100 %"
    if any(strategy["name"] != _ROLLOUT or _percent(strategy) is None for strategy in reached.values()):
        return "an unknown part"
    broad = max((_percent(each) or 0 for each in reached.values() if not _selects(each)), default=None)
    narrow = max((_percent(each) or 0 for each in reached.values() if _selects(each)), default=None)
    parts = [
        *([f"{broad} %"] if broad is not None else []),
        *([f"{narrow} % of those selected"] if narrow is not None else []),
    ]
    return " and ".join(parts)


def _selects(strategy: JsonObject) -> bool:
    return bool(strategy["constraints"] or strategy["segments"])


def lines(flag: FlagRef, state: JsonObject) -> list[str]:
    """Return one line for the flag and one for each active strategy."""
    return [
        f"environment {flag.environment}, flag {flag.feature}, project {flag.project}",
        *(f"strategy {place}: {_described(strategy)}" for place, strategy in active(state).items()),
    ]


def _described(strategy: JsonObject) -> str:
    parts = [f"{strategy['name']} {strategy['title']!r}" if strategy["title"] else strategy["name"]]
    if strategy["name"] == _ROLLOUT:
        stickiness = strategy["parameters"].get("stickiness", "default")
        parts.append(f"{strategy['parameters'].get('rollout', '?')} % by {stickiness} stickiness")
    parts += [_constraint(constraint) for constraint in strategy["constraints"]]
    if strategy["segments"]:
        parts.append("segments " + ", ".join(str(number) for number in strategy["segments"]))
    if strategy["variants"]:
        weights = (f"{name} {variant['weight'] / 10:g} %" for name, variant in strategy["variants"].items())
        parts.append("variations " + ", ".join(weights))
    return "; ".join(parts)


def _constraint(constraint: JsonObject) -> str:
    values = constraint.get("values") or [constraint.get("value", "")]
    negation = "not " if constraint.get("inverted") else ""
    shown = ", ".join(str(value) for value in values[:5]) + (" and more" if len(values) > 5 else "")
    return f"only where {constraint.get('contextName', '?')} {negation}{constraint.get('operator', '?')} {shown}"
