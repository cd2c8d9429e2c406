"""Whom a flag reaches, in words for the people who approve."""

from collections import Counter

from bot.sdk import JsonObject
from integrations.launchdarkly import serving
from integrations.launchdarkly.client import FlagRef

# What LaunchDarkly itself knows of a person; a plan is shown to people, so it tells how many values, not which.
_PERSONAL = frozenset({"key", "email", "name", "firstName", "lastName", "ip", "avatar"})
_PENDING = "changes of this flag that are scheduled or wait for approval in LaunchDarkly may fail later"


def serving_rules(state: JsonObject) -> dict[str, JsonObject]:
    """Return what serves while the flag is on: the rules in force by place, and the default rule as `default`."""
    rules = {place: rule for place, rule in state["rules"].items() if not rule["disabled"]}
    return {**rules, "default": state["default"]}


def reaches(state: JsonObject) -> dict[str, float]:
    """Return how many percent of each rule's contexts get anything but the off variation."""
    return {place: serving.reach(rule, state["off_variation"]) for place, rule in serving_rules(state).items()}


def variation_in_use(state: JsonObject) -> str:
    """Return the variation that most get, apart from the off one; empty when there is none."""
    weights: Counter[str] = Counter()
    for rule in serving_rules(state).values():
        weights.update({name: weight for name, weight in serving.shares(rule) if name != state["off_variation"]})
    return max(sorted(weights), key=lambda name: weights[name], default="")


def lines(flag: FlagRef, state: JsonObject) -> list[str]:
    """Return one line for the flag, one for each rule in force, and what stands in the way of rules."""
    rules = {place: rule for place, rule in serving_rules(state).items() if place != "default"}
    return [
        f"environment {flag.environment}, flag {flag.flag}, project {flag.project}; {'on' if state['on'] else 'off'}",
        *(f"kept out already: {whom}" for whom in state["kept_out"]),
        *(f"rule {place}: {_rule(rule)} gets {serving.described(rule)}" for place, rule in rules.items()),
        f"everybody else gets {serving.described(state['default'])}",
        *(f"needs flag {key} to serve variation {place}" for key, place in state["prerequisites"].items()),
        *(f"targeted one by one: {each['count']}, {whom}" for whom, each in state["targets"].items()),
        _PENDING,
    ]


def off_in_words(state: JsonObject) -> str:
    """Return what everybody gets while the flag is off."""
    name = state["off_variation"]
    return "the default in the application's code" if name is None else f"{name} = {state['variations'][name]}"


def _rule(rule: JsonObject) -> str:
    conditions = " and ".join(_clause(clause) for clause in rule["clauses"])
    return f"{rule['description']!r}, {conditions}" if rule["description"] else conditions


def _clause(clause: JsonObject) -> str:
    values = clause["values"]
    told = len(values) <= 5 and clause["attribute"] not in _PERSONAL
    shown = ", ".join(str(value) for value in values) if told else f"{len(values)} values"
    negation = "not " if clause["negate"] else ""
    return f"{clause['context_kind']} {clause['attribute']} {negation}{clause['op']} {shown}"
