"""What the actions read of a flag, and the JSON patch that leads from one reading to another.

A reading holds all that decides who gets what in the environment, with variations by name instead of by place, so
that people can read a difference. The rules by which Stanch keeps segments out stand before all others and go by
whom they keep out; the others go by their place behind those. Contexts that are targeted one by one are personal
data: a reading tells their number and a digest.
"""

import json
from collections.abc import Sequence
from typing import Any

from bot.sdk import JsonObject, Unavailable, digest
from integrations.launchdarkly.client import NAME, Clause, Flag, Rule, Served
from integrations.launchdarkly.serving import percent, shares

_MARK = "Kept out by Stanch: "
_LONG = 100


def reading(flag: Flag) -> JsonObject:
    """Return what is read of a flag."""
    names, config = named(flag), flag.config
    ours = _ours(flag)
    return {
        "on": config.on,
        "off_variation": None if config.off_variation is None else _at(names, config.off_variation),
        "variations": {name: _value(each.value) for name, each in zip(names, flag.variations, strict=True)},
        "prerequisites": {each.key: each.variation for each in config.prerequisites},
        "targets": {
            f"{target.contextKind} {_at(names, target.variation)}": {"count": len(keys), "digest": digest(keys)[:12]}
            for target in [*config.targets, *config.context_targets]
            if (keys := sorted(target.values))
        },
        "kept_out": {_whom(rule): _clause(rule.clauses[0]) for rule in ours},
        "rules": {
            str(place): {
                "description": rule.description,
                "disabled": rule.disabled,
                "clauses": [_clause(clause) for clause in rule.clauses],
                **_served(names, rule),
            }
            for place, rule in enumerate(config.rules[len(ours) :], start=1)
        },
        "default": _served(names, config.fallthrough),
    }


def patch(flag: Flag, after: JsonObject) -> list[JsonObject]:
    """Return the operations, below the environment, that bring a flag to a reading; none when it reads so."""
    names, config, current = named(flag), flag.config, reading(flag)
    operations: list[JsonObject] = []
    if current["on"] != after["on"]:
        operations.append(_replace("/on", after["on"]))
    if current["default"] != after["default"]:
        operations.append(_replace("/fallthrough", _as_sent(names, after["default"])))
    if (current["kept_out"], current["rules"]) != (after["kept_out"], after["rules"]):
        ours = {_whom(rule): rule for rule in _ours(flag)}
        keeping_out = [
            _sent(ours[whom]) if whom in ours else _keeping_out(names, whom, after)
            for whom in sorted(after["kept_out"])
        ]
        others = [
            _with_served(names, rule, current["rules"][place], after["rules"][place])
            for place, rule in zip(current["rules"], config.rules[len(ours) :], strict=True)
        ]
        operations.append(_replace("/rules", [*keeping_out, *others]))
    return operations


def named(flag: Flag) -> list[str]:
    """Return what people call the variations, in order; LaunchDarkly demands no names, and no different ones."""
    names: list[str] = []
    for place, variation in enumerate(flag.variations):
        name = variation.name or _value(variation.value)
        names.append(f"{name} ({place})" if name in names else name)
    return names


def _ours(flag: Flag) -> list[Rule]:
    """Return the rules that keep a segment out: those at the very front that are as Stanch writes them."""
    found: list[Rule] = []
    for rule in flag.config.rules:
        is_ours = rule.description.startswith(_MARK) and len(rule.clauses) == 1 and not rule.disabled
        if not is_ours or rule.variation is None or rule.variation != flag.config.off_variation:
            break
        found.append(rule)
    return found


def _whom(rule: Rule) -> str:
    return rule.description.removeprefix(_MARK)


def _at(names: Sequence[str], place: int) -> str:
    if not 0 <= place < len(names):
        raise Unavailable(NAME, "read flag", f"the answer names a variation {place}, which is none of the flag's")
    return names[place]


def _value(value: object) -> str:
    """Return a variation's value in a short spelling that is another one when the value is."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONG else f"{text[:_LONG]}... ({digest(value)[:12]})"


def _clause(clause: Clause) -> JsonObject:
    return {
        "context_kind": clause.contextKind,
        "attribute": clause.attribute,
        "op": clause.op,
        "negate": clause.negate,
        "values": clause.values,
    }


def _served(names: Sequence[str], served: Served) -> JsonObject:
    if served.rollout is None:
        return {"serves": _at(names, served.variation or 0)}
    rollout = served.rollout
    split = [[_at(names, each.variation), percent(each.weight)] for each in rollout.variations]
    read = {"serves": split, "bucket_by": rollout.bucketBy, "context_kind": rollout.contextKind}
    if rollout.seed is None and rollout.experimentAllocation is None:
        return read
    return {**read, "experiment": digest([rollout.seed, rollout.experimentAllocation])[:12]}


def _as_sent(names: list[str], served: JsonObject) -> JsonObject:
    if isinstance(served["serves"], str):
        return {"variation": names.index(served["serves"])}
    weights = [{"variation": names.index(name), "weight": weight} for name, weight in shares(served)]
    return {
        "rollout": {
            "variations": weights,
            "bucketBy": served["bucket_by"],
            "contextKind": served["context_kind"],
        }
    }


def _with_served(names: list[str], rule: Rule, current: JsonObject, after: JsonObject) -> JsonObject:
    sent = _sent(rule)
    if current == after:
        return sent
    kept = {field: value for field, value in sent.items() if field not in ("variation", "rollout")}
    return {**kept, **_as_sent(names, after)}


def _keeping_out(names: list[str], whom: str, after: JsonObject) -> JsonObject:
    clause = after["kept_out"][whom]
    condition = {
        "contextKind": clause["context_kind"],
        **{field: clause[field] for field in ("attribute", "op", "negate", "values")},
    }
    off = names.index(after["off_variation"])
    return {"description": f"{_MARK}{whom}", "clauses": [condition], "variation": off, "trackEvents": False}


def _sent(rule: Rule) -> JsonObject:
    """Return a rule as LaunchDarkly sent it, so that its id and whatever else it holds stay."""
    return rule.model_dump(exclude_unset=True)


def _replace(path: str, value: Any) -> JsonObject:
    return {"op": "replace", "path": path, "value": value}
