"""What a simulated feature serves to a user, by GrowthBook's rules: the first that matches and includes them.

Of the conditions, equality and `$in` are simulated; any other matches nobody. Experiments are passed over.
Source: https://docs.growthbook.io/lib/build-your-own.
"""

import json
from collections.abc import Mapping

from bot.sdk import JsonObject
from integrations.growthbook.flags import Environment, Feature, Group

_PRIME = 0x01000193
_BASIS = 0x811C9DC5
_MASK = 0xFFFFFFFF


def evaluated(
    feature: Feature, environment: Environment, attributes: Mapping[str, object], groups: Mapping[str, Group]
) -> str:
    """Return the value that a user gets, as text."""
    for rule in environment.rules:
        if rule["enabled"] and _selects(rule, attributes, groups) and _includes(rule, attributes):
            return str(rule["value"])
    return feature.default


def bucket(seed: str, value: str, version: int) -> float:
    """Return where a user falls, from 0 to 1; the same in every SDK of GrowthBook."""
    if version == 1:
        return _fnv32a(value + seed) % 1_000 / 1_000
    return _fnv32a(str(_fnv32a(seed + value))) % 10_000 / 10_000


def _fnv32a(text: str) -> int:
    state = _BASIS
    for byte in text.encode():
        state = ((state ^ byte) * _PRIME) & _MASK
    return state


def _includes(rule: JsonObject, attributes: Mapping[str, object]) -> bool:
    if rule["type"] == "force":
        return True
    if rule["type"] != "rollout":
        return False
    identity = attributes.get(rule["hashAttribute"])
    if identity is None:
        return False
    place = bucket(str(rule.get("seed") or rule["id"]), str(identity), int(rule.get("hashVersion", 2)))
    return place <= float(rule["coverage"])


def _selects(rule: JsonObject, attributes: Mapping[str, object], groups: Mapping[str, Group]) -> bool:
    condition = json.loads(rule.get("condition") or "{}")
    if not all(_holds(attributes.get(field), wanted) for field, wanted in condition.items()):
        return False
    return all(_in_groups(targeting, attributes, groups) for targeting in rule.get("savedGroupTargeting") or [])


def _holds(given: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        return list(wanted) == ["$in"] and given in wanted["$in"]
    return given == wanted


def _in_groups(targeting: JsonObject, attributes: Mapping[str, object], groups: Mapping[str, Group]) -> bool:
    found = [
        attributes.get(group.attribute) in group.values
        for name in targeting["savedGroups"]
        if (group := groups.get(name))
    ]
    match targeting["matchType"]:
        case "any":
            return any(found)
        case "none":
            return not any(found)
        case _:
            return all(found)
