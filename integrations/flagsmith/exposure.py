"""Whom a feature reaches and with what, in words for the people who approve."""

from collections import Counter

from bot.sdk import JsonObject
from integrations.flagsmith.client import FlagRef
from integrations.flagsmith.state import shown


def in_force(state: JsonObject) -> dict[str, JsonObject]:
    """Return what is served to anybody: the default as `default`, and the overrides that are on by segment."""
    served = {"default": state["default"], **state["overrides"]}
    return {place: each for place, each in served.items() if each["enabled"]}


def share(served: JsonObject) -> float:
    """Return how many percent get any variant."""
    return round(sum(served["variants"].values(), 0.0), 2)


def value_in_use(state: JsonObject) -> str:
    """Return the value that most get by default: the largest variant, or the feature's own value."""
    default = state["default"]
    shares = Counter({shown(default["value"]): 100 - share(default)})
    shares.update(default["variants"])
    return max(shares, key=lambda name: shares[name])


def lines(ref: FlagRef, state: JsonObject) -> list[str]:
    """Return one line for the feature, one for what everybody gets and one for each override."""
    archived = ", archived" if state["archived"] else ""
    return [
        f"environment {ref.environment}, feature {ref.feature}{archived}",
        f"everybody: {_described(state['default'])}",
        *(
            f"segment {place}, before those that follow: {_described(each)}"
            for place, each in state["overrides"].items()
        ),
        "not touched: overrides of single identities keep what they get",
    ]


def _described(served: JsonObject) -> str:
    if not served["enabled"]:
        return "off"
    own = shown(served["value"])
    if not served["variants"]:
        return f"on, value {own}"
    parts = ", ".join(f"{name} {percent:g} %" for name, percent in served["variants"].items())
    return f"on, variants {parts}; value {own} for the rest"
