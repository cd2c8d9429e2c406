"""Moving weight between the clusters of a route: `weighted_clusters` with a `runtime_key_prefix`.

Envoy answers 404 to everybody once all weights are 0, so that is refused here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, UserError, Value, WholeNumber, fitting
from integrations.envoy.client import KEY, NAME, READ, TITLE, EnvoyAction
from integrations.envoy.config import Part, read_routes
from integrations.envoy.runtime import Runtime, number, read_runtime


class SplitRef(Value):
    """The routes that share one `runtime_key_prefix`."""

    runtime_key_prefix: str = Field(pattern=KEY, max_length=200)


class WeightParams(Value):
    """One cluster's new weight, beside those that the others keep."""

    cluster: str = Field(min_length=1, max_length=300)
    weight: Annotated[WholeNumber, Field(ge=0, le=1_000_000)]


class SetWeight(EnvoyAction):
    """Gives one cluster another weight; the others keep theirs."""

    name = "set_weight"
    title = "Move weight between clusters"
    ref_model: type[Value] = SplitRef
    params_model: type[Value] = WeightParams
    lowest_level = Level.L4
    offers_choices = True

    async def _look(self, ref: JsonObject) -> JsonObject:
        """Return each cluster's weight as the admin API has set it and as it is without, and the routes."""
        prefix = fitting(SplitRef, ref, whom=TITLE).runtime_key_prefix
        runtime = await read_runtime(self._api)
        routes = [part for part in await read_routes(self._api) if part.value.get("runtime_key_prefix") == prefix]
        if not routes:
            detail = f"no weighted_clusters of any route has the runtime_key_prefix {prefix}"
            raise Rejected(NAME, READ, status=404, detail=detail)
        configured = _configured(routes[0])
        if any(_configured(route) != configured for route in routes):
            detail = f"routes that share {self._named(ref)} have other clusters or weights"
            raise Rejected(NAME, READ, status=409, detail=detail)
        weights = {name: _weight(runtime, f"{prefix}.{name}", weight) for name, weight in configured.items()}
        return {"weights": weights, "routes": sorted(route.name for route in routes)}

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the clusters."""
        return list((await self.read(ref))["weights"])

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new weights; `None` when the cluster has that weight.

        Raises:
            UserError: The routes have no such cluster, or no cluster would be left with a weight.
        """
        named, given, weights = self._named(ref), fitting(WeightParams, params, whom=TITLE), state["weights"]
        if given.cluster not in weights:
            raise UserError(f"The {named} has no cluster {given.cluster}; it has {', '.join(weights)}.")
        if _effective(weights)[given.cluster] == given.weight:
            return None
        changed = {**weights[given.cluster], "override": str(int(given.weight))}
        after = {**state, "weights": {**weights, given.cluster: changed}}
        if not any(_effective(after["weights"]).values()):
            raise UserError(f"The {named} would have no weight left, and Envoy would answer 404 to everybody.")
        return Proposal(
            before=state,
            after=after,
            summary=f"Set the weight of {given.cluster} to {given.weight} in {named}",
            blast_radius=tuple(_touched(state, after)),
        )

    def _named(self, ref: JsonObject) -> str:
        return f"split {ref['runtime_key_prefix']}"

    def _overrides(self, ref: JsonObject, state: JsonObject) -> Mapping[str, str | None]:
        prefix = ref["runtime_key_prefix"]
        return {f"{prefix}.{name}": each["override"] for name, each in state["weights"].items()}


def _configured(route: Part) -> dict[str, int]:
    return {each["name"]: int(each.get("weight", 0)) for each in route.value["clusters"]}


def _weight(runtime: Runtime, key: str, configured: int) -> JsonObject:
    beneath = number(runtime.beneath(key))
    return {"override": runtime.override(key), "underneath": configured if beneath is None else int(beneath)}


def _effective(weights: JsonObject) -> dict[str, int]:
    """Return the weight that counts of each cluster, as Envoy reads it."""
    read = {name: number(each["override"]) for name, each in weights.items()}
    return {name: weights[name]["underneath"] if found is None else int(found) for name, found in read.items()}


def _touched(before: JsonObject, after: JsonObject) -> Iterator[str]:
    old, new = _effective(before["weights"]), _effective(after["weights"])
    yield from (f"route {route}" for route in before["routes"])
    for name in old:
        yield f"cluster {name}: {_share(old, name)} -> {_share(new, name)} of the traffic"


def _share(weights: dict[str, int], name: str) -> str:
    return f"{100 * weights[name] / (sum(weights.values()) or 1):.4g} %"
