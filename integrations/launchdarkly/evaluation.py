"""What a simulated flag serves to a context, by LaunchDarkly's order: off, targets, rules, default.

Of the operators `in` and `segmentMatch` are simulated; any other matches nobody. Prerequisites count as met.
Source: https://launchdarkly.com/docs/sdk/concepts/flag-evaluation-rules, and for the buckets
https://launchdarkly.com/docs/home/releases/percentage-rollouts.
"""

import hashlib
from collections.abc import Mapping

from bot.sdk import JsonObject
from integrations.launchdarkly.flags import Environment

_LONGEST = float(0xFFF_FFFF_FFFF_FFFF)
Segments = Mapping[str, tuple[str, ...]]


def served(key: str, environment: Environment, context: Mapping[str, object], segments: Segments) -> int | None:
    """Return the variation that a context of one kind gets; `None` for the default in the application's code."""
    if not environment.on:
        return environment.offVariation
    for target in (*environment.targets, *environment.contextTargets):
        if context.get("key") in target["values"] and _is_of(context, target.get("contextKind")):
            return int(target["variation"])
    for rule in environment.rules:
        if not rule.get("disabled") and all(_matches(clause, context, segments) for clause in rule["clauses"]):
            return _given(rule, key, environment.salt, context)
    return _given(environment.fallthrough, key, environment.salt, context)


def bucket(key: str, salt: str, identity: str) -> float:
    """Return where an identity falls, from 0 to 1; the same in every SDK of LaunchDarkly."""
    hashed = hashlib.sha1(f"{key}.{salt}.{identity}".encode(), usedforsecurity=False).hexdigest()
    return int(hashed[:15], 16) / _LONGEST


def _given(rule: JsonObject, key: str, salt: str, context: Mapping[str, object]) -> int:
    if "variation" in rule:
        return int(rule["variation"])
    rollout = rule["rollout"]
    identity = context.get(rollout.get("bucketBy", "key")) if _is_of(context, rollout.get("contextKind")) else None
    place = 0.0 if identity is None else bucket(key, salt, str(identity))
    reached = 0.0
    for each in rollout["variations"]:
        reached += each["weight"] / 100_000
        if place < reached:
            break
    return int(each["variation"])


def _matches(clause: JsonObject, context: Mapping[str, object], segments: Segments) -> bool:
    if clause["op"] == "segmentMatch":
        found = any(context.get("key") in segments.get(str(name), ()) for name in clause["values"])
    else:
        kind = clause.get("contextKind")
        found = clause["op"] == "in" and _is_of(context, kind) and context.get(clause["attribute"]) in clause["values"]
    return found != bool(clause.get("negate"))


def _is_of(context: Mapping[str, object], kind: str | None) -> bool:
    return context.get("kind", "user") == (kind or "user")
