"""What can be done to an endpoint of the AI gateway: shift its traffic to another model, drop a fallback.

Two things of MLflow 3.17 that a newcomer would get wrong: it answers 200 and shows the new weights at once, while
traffic follows up to a minute later (a cache), so that only a look at traffic tells whether harm has stopped; and what
an update leaves out about falling back is reset, so that it is always sent along.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import httpx
from pydantic import Field

from bot.sdk import Guard, JsonObject, Level, Proposal, Rejected, UserError, Value, fitting
from integrations.mlflow.client import NAME, TITLE, Api, Endpoint, Label, Number, Settings

_SPLIT = "REQUEST_BASED_TRAFFIC_SPLIT"
_LATE = "in force up to a minute after it reads back: the gateway caches its endpoints"


class EndpointRef(Value):
    """An endpoint of the gateway, by name."""

    endpoint: Label


class ShareParams(Value):
    """The share of traffic that a model gets; MLflow itself would take -1."""

    model: Label
    percent: Annotated[int, Number, Field(ge=0, le=100)]


class ModelParams(Value):
    """One of the endpoint's models."""

    model: Label


class _EndpointAction:
    """Reads and writes an endpoint; each action adds its plan."""

    ref_model: type[Value] = EndpointRef
    lowest_level = Level.L4
    reversible = True
    guard = Guard.REREAD
    offers_choices = True

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        """Take the connection's settings and client."""
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return how the endpoint splits its traffic, and what it falls back to."""
        return _state(await self._api.endpoint(fitting(EndpointRef, ref, whom=TITLE).endpoint))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - MLflow takes none
        """Replace the endpoint's models by those of `after`, unless it reads so or as neither."""
        name = fitting(EndpointRef, ref, whom=TITLE).endpoint
        endpoint = await self._api.endpoint(name)
        current = _state(endpoint)
        if current == after:
            return
        if current != before:
            detail = f"somebody else changed the endpoint {name}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        links = _links(endpoint, after, await self._api.definitions())
        await self._api.update_endpoint(endpoint.endpoint_id, links, after["fallback_config"])


class ShiftTraffic(_EndpointAction):
    """Gives one model a share of the traffic; the others share the rest as they did before."""

    name = "shift_traffic"
    title = "Shift an endpoint's traffic between its models"
    params_model: type[Value] = ShareParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new weights; `None` when the model has that share.

        Raises:
            UserError: The endpoint does not split its traffic or has no such model, or nobody would get the rest.
        """
        name, given = fitting(EndpointRef, ref, whom=TITLE).endpoint, fitting(ShareParams, params, whom=TITLE)
        weights: dict[str, float] = state["weights"]
        if state["routing_strategy"] != _SPLIT:
            raise UserError(f"The endpoint {name} does not split its traffic, so weights would change nothing.")
        if given.model not in weights:
            raise UserError(f"The endpoint {name} has no such model; choose one of: {', '.join(weights)}.")
        total, others = sum(weights.values()), sum(weights.values()) - weights[given.model]
        if any(weight < 0 for weight in weights.values()) or total <= 0:
            raise UserError(f"The weights of {name} make no sense; set them in MLflow first.")
        if given.percent < 100 and others <= 0:
            raise UserError(f"No other model of {name} has a share to give the rest to; give 100 to another model.")
        percents = _shared(weights, given.model, given.percent)
        if percents == _percents(weights):
            return None
        moved = [f"{model}: {_percents(weights)[model]} % -> {percents[model]} %" for model in weights]
        return Proposal(
            before=state,
            after={**state, "weights": {model: _weight(percent) for model, percent in percents.items()}},
            summary=f"Give {given.model} {given.percent} % of the traffic of {name}",
            blast_radius=(f"endpoint {name}", *moved, _LATE),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the endpoint's models, those with the smallest share first."""
        weights = (await self.read(ref))["weights"]
        return sorted(weights, key=lambda model: (weights[model], model))


class DropFallback(_EndpointAction):
    """Takes a model from those that are asked when the others fail."""

    name = "drop_fallback"
    title = "Drop a fallback model of an endpoint"
    params_model: type[Value] = ModelParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the fallbacks without the model; `None` when it is none of them."""
        name, model = fitting(EndpointRef, ref, whom=TITLE).endpoint, fitting(ModelParams, params, whom=TITLE).model
        if model not in state["fallbacks"]:
            return None
        left = {each: link for each, link in state["fallbacks"].items() if each != model}
        otherwise = (
            f"then asked: {', '.join(sorted(left, key=lambda each: left[each]['order']))}" if left else "none left"
        )
        return Proposal(
            before=state,
            after={**state, "fallbacks": left},
            summary=f"Drop the fallback {model} of {name}",
            blast_radius=(f"endpoint {name}", f"requests that its models fail; {otherwise}", _LATE),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the fallbacks in the order in which they are asked."""
        fallbacks = (await self.read(ref))["fallbacks"]
        return sorted(fallbacks, key=lambda model: fallbacks[model]["order"])


def _state(endpoint: Endpoint) -> JsonObject:
    weights = {link.definition.name: link.weight for link in endpoint.links if link.kind == "PRIMARY"}
    fallbacks = {
        link.definition.name: {"order": link.order or 0, "weight": link.weight}
        for link in endpoint.links
        if link.kind == "FALLBACK"
    }
    if len(weights) + len(fallbacks) != len(endpoint.links):
        detail = "a model is linked twice to the endpoint, which cannot be told apart"
        raise Rejected(NAME, "read endpoint", status=409, detail=detail)
    return {
        "routing_strategy": endpoint.routing_strategy,
        "weights": weights,
        "fallbacks": fallbacks,
        "fallback_config": endpoint.fallback_config,
    }


def _links(endpoint: Endpoint, after: JsonObject, known: Mapping[str, str]) -> list[JsonObject]:
    """Return an endpoint's models as MLflow takes them, in the order that they had."""
    missing = [model for model in (*after["weights"], *after["fallbacks"]) if model not in known]
    if missing:
        raise Rejected(NAME, "update endpoint", status=404, detail=f"MLflow has no model {missing[0]} any more")
    place = {link.definition.name: index for index, link in enumerate(endpoint.links) if link.kind == "PRIMARY"}
    primary = [
        {"model_definition_id": known[model], "linkage_type": "PRIMARY", "weight": after["weights"][model]}
        for model in sorted(after["weights"], key=lambda model: place.get(model, len(place)))
    ]
    fallbacks = [
        {
            "model_definition_id": known[model],
            "linkage_type": "FALLBACK",
            "fallback_order": link["order"],
            "weight": link["weight"],
        }
        for model, link in sorted(after["fallbacks"].items(), key=lambda item: item[1]["order"])
    ]
    return [*primary, *fallbacks]


def _percents(weights: dict[str, float]) -> dict[str, int]:
    """Return shares in whole percents that sum up to 100, the largest remainders rounded up."""
    total = sum(weights.values())
    exact = {model: 100 * weight / total for model, weight in weights.items()}
    shares = {model: int(share) for model, share in exact.items()}
    by_remainder = sorted(exact, key=lambda model: (shares[model] - exact[model], model))
    for model in by_remainder[: 100 - sum(shares.values())]:
        shares[model] += 1
    return shares


def _shared(weights: dict[str, float], chosen: str, percent: int) -> dict[str, int]:
    others = {model: weight for model, weight in weights.items() if model != chosen}
    left, total = 100 - percent, sum(others.values())
    if left == 0 or total == 0:
        return {model: 100 if model == chosen else 0 for model in weights}
    scaled = {model: weight * left / total for model, weight in others.items()}
    return _percents({**scaled, chosen: float(percent)})


def _weight(percent: int) -> float:
    """Return a weight that MLflow takes for this share: it cuts 100 times the weight off to a whole number."""
    weight = percent / 100
    return weight if int(weight * 100) == percent else round(weight + 1e-6, 6)
