"""Whom a feature reaches and with what, in words for the people who approve."""

from bot.sdk import JsonObject
from integrations.growthbook.client import FlagRef

_LONG = 100


def rollouts(state: JsonObject) -> dict[str, float]:
    """Return how many percent each rollout rule in force reaches, by place."""
    return {
        place: round(rule.get("coverage", 0) * 100, 4)
        for place, rule in state["rules"].items()
        if rule["type"] == "rollout" and rule["enabled"]
    }


def value_in_use(state: JsonObject) -> str:
    """Return the value that most get: of the first rule that selects nobody in particular, else the default."""
    if state["everybody"]:
        return str(state["everybody"]["value"])
    for rule in state["rules"].values():
        if rule["enabled"] and rule["type"] in {"force", "rollout"} and not _selects(rule):
            return str(rule["value"])
    return str(state["default"])


def values(state: JsonObject) -> list[str]:
    """Return the values that rules in force serve, in order, and the default."""
    found: list[str] = []
    for rule in state["rules"].values():
        if rule["enabled"]:
            found += [rule["value"]] if isinstance(rule.get("value"), str) else []
            found += [each["value"] for each in rule.get("variations", [])]
    return list(dict.fromkeys([*found, state["default"]]))


def lines(ref: FlagRef, state: JsonObject) -> list[str]:
    """Return one line for the feature, one for each rule in force, and the default."""
    on = {place: rule for place, rule in state["rules"].items() if rule["enabled"]}
    return [
        f"environment {ref.environment}, feature {ref.feature}; {'on' if state['enabled'] else 'off'}",
        *(f"kept out already: {whom}" for whom in state["kept_out"]),
        *([f"everybody gets {shown(state['everybody']['value'])} already"] if state["everybody"] else []),
        *(f"rule {place}: {_described(rule)}" for place, rule in on.items()),
        f"without a match {shown(state['default'])}",
        *(f"needs feature {each}" for each in state["prerequisites"]),
        "published at once as a new revision; drafts that stand on the present one must be brought up to date",
    ]


def shown(value: str) -> str:
    """Return a value in a short spelling."""
    return value if len(value) <= _LONG else f"{value[:_LONG]}..."


def _described(rule: JsonObject) -> str:
    what = {
        "force": lambda: f"gets {shown(rule['value'])}",
        "rollout": lambda: f"{rule['coverage'] * 100:g} % by {rule['hashAttribute']} get {shown(rule['value'])}",
    }
    parts = [repr(rule["description"])] if rule.get("description") else []
    parts += [f"where {rule['condition']}"] if rule.get("condition") else []
    for groups in rule.get("savedGroupTargeting", []):
        parts.append(f"{groups['matchType']} of the groups {', '.join(groups['savedGroups'])}")
    parts.append(what[rule["type"]]() if rule["type"] in what else f"serves the {rule['type']} of its own")
    return "; ".join(parts)


def _selects(rule: JsonObject) -> bool:
    return bool(rule.get("condition") or rule.get("savedGroupTargeting"))
