"""Who gets a simulated flag, and in which variation, as Unleash's frontend API answers it.

Segments are not simulated: nobody is in one. Of the constraint operators only IN and NOT_IN are; any other lets
nobody through.
"""

from collections.abc import Mapping

from bot.sdk import JsonObject
from integrations.unleash.bucketing import percent_of, weight_of
from integrations.unleash.flags import FlagEnvironment, Strategy, Variant


def toggle(name: str, environment: FlagEnvironment, context: Mapping[str, str]) -> JsonObject | None:
    """Return a flag as the frontend API lists it for a user; `None` when it does not, for the user does not get it."""
    if not environment.enabled:
        return None
    for strategy in environment.strategies:
        if not strategy.disabled and _lets_in(strategy, name, context):
            variant = _variant(strategy, name, context)
            return {"name": name, "enabled": True, "variant": _shown(variant), "impressionData": False}
    return None


def _lets_in(strategy: Strategy, name: str, context: Mapping[str, str]) -> bool:
    if strategy.segments or not all(_holds(constraint, context) for constraint in strategy.constraints):
        return False
    if strategy.name == "default":
        return True
    percent = strategy.parameters.get("rollout", "100")
    if not percent.isdecimal():
        return False
    identity = _identity(strategy.parameters.get("stickiness", "default"), context)
    return percent_of(identity, strategy.parameters.get("groupId") or name) <= int(percent)


def _variant(strategy: Strategy, name: str, context: Mapping[str, str]) -> Variant | None:
    total = sum(variant.weight for variant in strategy.variants)
    if not total:
        return None
    identity = _identity(strategy.variants[0].stickiness, context)
    left = weight_of(identity, strategy.parameters.get("groupId") or name, total)
    for variant in strategy.variants:
        left -= variant.weight
        if left <= 0:
            return variant
    return None


def _identity(stickiness: str, context: Mapping[str, str]) -> str:
    """Return what keeps a user in place; where Unleash would draw lots, everybody is the same."""
    if stickiness in {"default", "random"}:
        return context.get("userId") or context.get("sessionId", "")
    return context.get(stickiness, "")


def _holds(constraint: Mapping[str, object], context: Mapping[str, str]) -> bool:
    values = constraint.get("values")
    listed = isinstance(values, list) and context.get(str(constraint.get("contextName")), "") in values
    match constraint.get("operator"):
        case "IN":
            return listed != bool(constraint.get("inverted"))
        case "NOT_IN":
            return listed == bool(constraint.get("inverted"))
        case _:
            return False


def _shown(variant: Variant | None) -> JsonObject:
    flags = {"feature_enabled": True, "featureEnabled": True}
    if variant is None:
        return {"name": "disabled", "enabled": False, **flags}
    payload = {"payload": variant.payload} if variant.payload else {}
    return {"name": variant.name, **payload, "enabled": True, **flags}
