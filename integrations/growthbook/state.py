"""What the actions read of a feature in an environment, and the rules that lead from one reading to another.

Stanch's own rules stand before all others, marked by their description: those that keep a segment out, then at most
one that gives everybody a value. The others go by their place behind those, and are kept as they are.
"""

import json
from typing import Any

from bot.sdk import JsonObject, UserError
from integrations.growthbook.client import Environment, Feature, Rule

_KEPT_OUT = "Kept out by Stanch: "
_EVERYBODY = "One value for everybody, by Stanch"

# What a rule may hold to be written back; anything else would be lost.
_TARGETING = {"id", "type", "description", "enabled", "condition", "prerequisites", "scheduleRules"}
_SCOPE = {"allProjects", "projects"}
_GROUPS = {"savedGroupTargeting", "savedGroups"}
_WRITABLE = {
    "force": _TARGETING | _SCOPE | _GROUPS | {"value", "sparse"},
    "rollout": _TARGETING | _SCOPE | _GROUPS | {"value", "sparse", "coverage", "hashAttribute", "seed", "hashVersion"},
    "experiment-ref": _TARGETING | _SCOPE | _GROUPS | {"variations", "experimentId", "sparse"},
    "experiment": _TARGETING
    | _SCOPE
    | {"trackingKey", "hashAttribute", "fallbackAttribute", "disableStickyBucketing", "bucketVersion"}
    | {"minBucketVersion", "namespace", "coverage", "value", "values"},
}
# Says how the console shows a schedule; only one that is a ramp holds something that no other field does.
_SCHEDULE = "scheduleType"


def reading(feature: Feature, name: str) -> JsonObject:
    """Return what is read of a feature in an environment."""
    environment = feature.environments[name]
    kept_out, everybody, others = _sorted(environment)
    return {
        "enabled": environment.enabled,
        "value_type": feature.value_type,
        "default": feature.default,
        "prerequisites": feature.prerequisites,
        "kept_out": {rule.description.removeprefix(_KEPT_OUT): _ours(rule) for rule in kept_out},
        "everybody": _ours(everybody) if everybody else {},
        "rules": {
            str(place): {field: value for field, value in _held(rule).items() if field != "id"}
            for place, rule in enumerate(others, start=1)
        },
    }


def rules(feature: Feature, name: str, after: JsonObject) -> list[JsonObject]:
    """Return the rules of an environment that read as wanted, those that stay with their ids."""
    kept_out, everybody, others = _sorted(feature.environments[name])
    ids = {rule.description: rule.id for rule in [*kept_out, *([everybody] if everybody else [])]}
    ours = [(f"{_KEPT_OUT}{whom}", after["kept_out"][whom]) for whom in sorted(after["kept_out"])]
    ours += [(_EVERYBODY, after["everybody"])] if after["everybody"] else []
    return [
        *(_own_rule(description, wanted, ids.get(description)) for description, wanted in ours),
        *(_sendable(rule, after["rules"][str(place)]) for place, rule in enumerate(others, start=1)),
    ]


def require_writable(named: object, state: JsonObject) -> None:
    """Refuse to change the rules of an environment where one of them cannot be written back as it was read.

    Raises:
        UserError: There is such a rule; the message says which and why.
    """
    for place, rule in state["rules"].items():
        known = _WRITABLE.get(rule["type"])
        if known is None:
            lost = f"is of the kind {rule['type']}"
        else:
            extra = sorted(rule.keys() - known)
            if not extra:
                continue
            lost = f"holds {', '.join(extra)}"
        raise UserError(
            f"Rule {place} of {named} {lost}, which GrowthBook's API cannot write back; switch the feature off instead."
        )


def fits(value_type: str, value: str) -> bool:
    """Return whether a value is one of a feature's type; GrowthBook holds all of them as text."""
    if value_type == "string":
        return True
    if value_type == "boolean":
        return value in {"true", "false"}
    try:
        parsed = json.loads(value)
    except ValueError:
        return False
    return value_type == "json" or (isinstance(parsed, int | float) and not isinstance(parsed, bool))


def _sorted(environment: Environment) -> tuple[list[Rule], Rule | None, list[Rule]]:
    """Return the rules that keep a segment out, the one for everybody, and the others."""
    left = list(environment.rules)
    kept: list[Rule] = []
    while left and left[0].description.startswith(_KEPT_OUT) and _is_plain(left[0]):
        kept.append(left.pop(0))
    everybody = left.pop(0) if left and left[0].description == _EVERYBODY and _is_plain(left[0]) else None
    return kept, everybody, left


def _is_plain(rule: Rule) -> bool:
    """Whether a rule is as Stanch writes one, and in force for as long as it is there."""
    held = _held(rule)
    return rule.type == "force" and rule.enabled and not held.get("scheduleRules") and not held.get("prerequisites")


def _ours(rule: Rule) -> JsonObject:
    held = _held(rule)
    read = {"value": held["value"]}
    groups = held.get("savedGroupTargeting") or []
    if groups:
        return {**read, "group": ", ".join(str(group) for group in groups[0]["savedGroups"])}
    return {**read, **({"condition": held["condition"]} if held.get("condition") else {})}


def _own_rule(description: str, wanted: JsonObject, identity: str | None) -> JsonObject:
    """Return a rule of ours as it is sent; GrowthBook gives a new one its id."""
    rule: JsonObject = {
        "type": "force",
        "description": description,
        "enabled": True,
        "condition": wanted.get("condition", ""),
        "value": wanted["value"],
    }
    if "group" in wanted:
        rule["savedGroupTargeting"] = [{"matchType": "any", "savedGroups": [wanted["group"]]}]
    return {**rule, **({"id": identity} if identity else {})}


def _sendable(rule: Rule, wanted: JsonObject) -> JsonObject:
    """Return a rule as it was answered but for what is wanted, without what GrowthBook answers and does not take."""
    sent = {"condition": "", **rule.model_dump(exclude_unset=True), **wanted}
    return {field: value for field, value in sent.items() if field in _WRITABLE[rule.type]}


def _held(rule: Rule) -> dict[str, Any]:
    """Return a rule as GrowthBook answers it, without what says nothing."""
    fields = rule.model_dump().items()
    held = {field: value for field, value in fields if field == "value" or value not in ("", "{}", [], None)}
    if held.get(_SCHEDULE) != "ramp":
        held.pop(_SCHEDULE, None)
    return held
