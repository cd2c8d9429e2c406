"""What an action reads of a flag, and the writes that lead from one reading to another.

A reading holds the whole environment, so that a plan is void when anything in it changes, and strategies go by their
place ("1" is the first), so that people can read a difference. The order in which Unleash lists variants and segments
carries no meaning: variants go by name, segments are sorted.
"""

from collections.abc import Callable

from bot.sdk import JsonObject, Rejected
from integrations.unleash.client import AdminApi, Environment, FlagRef, Strategy, Variant

Reading = Callable[[FlagRef, Environment], JsonObject]


def whole(flag: FlagRef, environment: Environment) -> JsonObject:
    """Return everything that decides who gets the feature."""
    strategies = {place: _strategy(flag, strategy) for place, strategy in environment.ordered.items()}
    return {"enabled": environment.enabled, "strategies": strategies}


def without_ids(flag: FlagRef, environment: Environment) -> JsonObject:
    """Return the same without what Unleash assigns to a strategy, so that an added strategy can be foreseen."""
    state = whole(flag, environment)
    for strategy in state["strategies"].values():
        del strategy["id"], strategy["sortOrder"]
    return state


def _strategy(flag: FlagRef, strategy: Strategy) -> JsonObject:
    return {
        "id": strategy.id,
        "name": strategy.name,
        "title": strategy.title or "",
        "disabled": strategy.disabled,
        "sortOrder": strategy.sortOrder,
        "parameters": _parameters(flag, strategy),
        "constraints": strategy.constraints,
        "segments": sorted(strategy.segments),
        "variants": {variant.name: _variant(variant) for variant in strategy.variants},
    }


def _parameters(flag: FlagRef, strategy: Strategy) -> JsonObject:
    """Return the parameters in force: an old rollout may lack some, and a change adds their defaults."""
    sent = {name: _text(value) for name, value in strategy.parameters.items()}
    if strategy.name != "flexibleRollout":
        return sent
    return {
        **sent,
        "rollout": sent.get("rollout", "100"),
        "stickiness": sent.get("stickiness") or "default",
        "groupId": sent.get("groupId") or flag.feature,
    }


def _variant(variant: Variant) -> JsonObject:
    return variant.model_dump(exclude={"name"}, exclude_none=True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


class Writer:
    """Brings a flag from one reading to another, one vendor call a difference."""

    def __init__(self, api: AdminApi, flag: FlagRef, current: Environment) -> None:
        self._api = api
        self._flag = flag
        self._current = current

    async def write(self, current: JsonObject, before: JsonObject, after: JsonObject) -> None:
        """Write what differs between `current` and `after`; nothing when they are equal.

        It switches off before it touches strategies, and on after that, so that nobody gets the feature by a state in
        between.

        Raises:
            Rejected: Something reads neither as `before` nor as `after`: somebody else changed it, and nothing was
                written.
        """
        self._refuse_drift(current, before, after)
        switched = current["enabled"] != after["enabled"]
        if switched and not after["enabled"]:
            await self._api.turn(self._flag, on=False)
        for place in sorted({*current["strategies"], *after["strategies"]}, key=int):
            await self._write_strategy(place, current["strategies"].get(place), after["strategies"].get(place))
        if switched and after["enabled"]:
            await self._api.turn(self._flag, on=True)

    def _refuse_drift(self, current: JsonObject, before: JsonObject, after: JsonObject) -> None:
        drifted = [] if current["enabled"] in (before["enabled"], after["enabled"]) else ["the switch"]
        drifted += [
            f"strategy {place}"
            for place in {**before["strategies"], **after["strategies"], **current["strategies"]}
            if current["strategies"].get(place) not in (before["strategies"].get(place), after["strategies"].get(place))
        ]
        if drifted:
            detail = f"somebody else changed {', '.join(drifted)} of {self._flag}; nothing was written"
            raise Rejected("unleash", "compare", status=409, detail=detail)

    async def _write_strategy(self, place: str, current: JsonObject | None, after: JsonObject | None) -> None:
        if current == after:
            return
        if after is None:
            await self._api.delete_strategy(self._flag, self._current.ordered[place].id)
        elif current is None:
            await self._api.add_strategy(self._flag, _as_sent(after))
        else:
            strategy = self._current.ordered[place]
            await self._api.patch_strategy(self._flag, strategy.id, _patch(strategy, current, after))


def _as_sent(strategy: JsonObject) -> JsonObject:
    variants = [{"name": name, **variant} for name, variant in strategy["variants"].items()]
    return {**strategy, "variants": variants}


def _patch(strategy: Strategy, current: JsonObject, after: JsonObject) -> list[JsonObject]:
    """Return a JSON patch that fails as a whole if what it replaces is no longer there."""
    operations: list[JsonObject] = []
    for name, wanted in sorted(after["parameters"].items()):
        if current["parameters"].get(name) != wanted:
            operations += _replace(f"/parameters/{_escaped(name)}", strategy.parameters.get(name), wanted)
    if current["constraints"] != after["constraints"]:
        operations += _replace("/constraints", strategy.constraints, after["constraints"])
    sent = [variant.model_dump(exclude_unset=True) for variant in strategy.variants]
    wanted_variants = [{**variant, **_weights(after["variants"][variant["name"]])} for variant in sent]
    if sent != wanted_variants:
        operations += _replace("/variants", sent, wanted_variants)
    return operations


def _weights(variant: JsonObject) -> JsonObject:
    return {"weight": variant["weight"], "weightType": variant["weightType"]}


def _replace(path: str, old: object, new: object) -> list[JsonObject]:
    return [{"op": "test", "path": path, "value": old}, {"op": "replace", "path": path, "value": new}]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
