"""What can be done to one load balancer: a `reverse_proxy` handler with an `@id`.

Caddy reads missing weights as 1 and refuses weights that add up to 0. It has no drain state: an upstream leaves by
being taken off the list, and requests that are under way end as they would have.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, Unavailable, UserError, Value, WholeNumber, fitting
from integrations.caddy.client import NAME, SEGMENT, TITLE, CaddyAction, Seen, parts

_WEIGHTED = "weighted_round_robin"
_DEFAULT_POLICY = "random"


class BalancerRef(Value):
    """One `reverse_proxy` handler, by its `@id`."""

    id: str = Field(pattern=SEGMENT, max_length=100)


class UpstreamParams(Value):
    """One upstream, by its `dial` address."""

    upstream: str = Field(min_length=1, max_length=300)


class WeightParams(UpstreamParams):
    """The upstream's new weight, beside those that the others keep."""

    weight: Annotated[WholeNumber, Field(ge=0, le=10_000)]


class _BalancerAction(CaddyAction):
    ref_model: type[Value] = BalancerRef
    lowest_level = Level.L4
    offers_choices = True

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the upstreams."""
        return _dials(await self.read(ref))

    async def _look(self, ref: JsonObject) -> Seen:
        return await self._api.read(f"/id/{fitting(BalancerRef, ref, whom=TITLE).id}")

    def _state(self, ref: JsonObject, config: JsonObject) -> JsonObject:
        """Return the policy, the upstreams in their order, and a weight for each where the policy has weights."""
        if config.get("handler") != "reverse_proxy":
            detail = f"{self._named(ref)} is no reverse_proxy handler"
            raise Rejected(NAME, "read configuration", status=404, detail=detail)
        policy = parts(config, "load_balancing", "selection_policy") or {}
        upstreams = config.get("upstreams") or []
        if not isinstance(policy, dict) or not _all_dial(upstreams):
            raise Unavailable(NAME, "read configuration", "the handler is not one of Caddy 2")
        name = policy.get("policy", _DEFAULT_POLICY)
        state: JsonObject = {"policy": name, "upstreams": upstreams}
        if name == _WEIGHTED:
            state["weights"] = policy.get("weights") or []
        return state

    def _named(self, ref: JsonObject) -> str:
        return f"load balancer {ref['id']}"

    async def _write(self, ref: JsonObject, seen: Seen, after: JsonObject) -> None:
        config: JsonObject = {**seen.config, "upstreams": after["upstreams"]}
        if after["policy"] == _WEIGHTED:
            balancing = seen.config["load_balancing"]
            selection = {**balancing["selection_policy"], "weights": after["weights"]}
            config["load_balancing"] = {**balancing, "selection_policy": selection}
        await self._api.write("PATCH", f"/id/{ref['id']}", seen.etag, config)


class SetWeight(_BalancerAction):
    """Gives one upstream another weight; the others keep theirs."""

    name = "set_weight"
    title = "Move weight between upstreams"
    params_model: type[Value] = WeightParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new weights; `None` when the upstream has that weight.

        Raises:
            UserError: The balancer has no weights, not this upstream, or nothing would be left with a weight.
        """
        named, given = self._named(ref), fitting(WeightParams, params, whom=TITLE)
        if state["policy"] != _WEIGHTED:
            raise UserError(
                f"The {named} selects by {state['policy']}, which has no weights; drain an upstream instead."
            )
        place = _place(named, state, given.upstream)
        weights = _weights(state)
        if weights[place] == given.weight:
            return None
        changed = [*weights[:place], given.weight, *weights[place + 1 :]]
        if not any(changed):
            raise UserError(f"The {named} would have no upstream with a weight left; give another one weight first.")
        after = {**state, "weights": changed}
        return Proposal(
            before=state,
            after=after,
            summary=f"Set the weight of {given.upstream} to {given.weight} in {named}",
            blast_radius=_shares(named, state, after),
        )


class Drain(_BalancerAction):
    """Takes one upstream off the list; what it is serving goes on until it is done."""

    name = "drain"
    title = "Take an upstream out of a load balancer"
    params_model: type[Value] = UpstreamParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the shorter list; `None` when the upstream is not on it.

        Raises:
            UserError: It is the only one that gets traffic.
        """
        named, upstream = self._named(ref), fitting(UpstreamParams, params, whom=TITLE).upstream
        if upstream not in _dials(state):
            return None
        kept = [place for place, dial in enumerate(_dials(state)) if dial != upstream]
        after = {**state, "upstreams": [state["upstreams"][place] for place in kept]}
        if "weights" in state:
            weights = _weights(state)
            after["weights"] = [weights[place] for place in kept]
        if not any(after.get("weights", kept)):
            raise UserError(f"{upstream} is the only upstream of the {named} that gets traffic; add another one first.")
        return Proposal(
            before=state,
            after=after,
            summary=f"Take {upstream} out of {named}",
            blast_radius=(
                *_shares(named, state, after),
                "requests under way are served to their end, new ones go to the others",
            ),
        )


def _all_dial(upstreams: Any) -> bool:
    return isinstance(upstreams, list) and all(
        isinstance(each, dict) and isinstance(each.get("dial"), str) for each in upstreams
    )


def _dials(state: JsonObject) -> list[str]:
    return [upstream["dial"] for upstream in state["upstreams"]]


def _weights(state: JsonObject) -> list[int]:
    """Return one weight an upstream: Caddy takes those without one for 1, and those beyond the list for nothing."""
    missing = len(state["upstreams"]) - len(state["weights"])
    return [*state["weights"], *[1] * missing][: len(state["upstreams"])]


def _place(named: str, state: JsonObject, upstream: str) -> int:
    dials = _dials(state)
    if upstream not in dials:
        raise UserError(f"The {named} has no upstream {upstream}; it has {', '.join(dials) or 'none'}.")
    return dials.index(upstream)


def _shares(named: str, before: JsonObject, after: JsonObject) -> tuple[str, ...]:
    old, new = _share(before), _share(after)
    return (
        f"{named}, policy {before['policy']}, {len(before['upstreams'])} upstreams",
        *(f"upstream {dial}: {share} -> {new.get(dial, 'none')} of the traffic" for dial, share in old.items()),
    )


def _share(state: JsonObject) -> dict[str, str]:
    if "weights" not in state:
        return {dial: f"one of {len(state['upstreams'])}" for dial in _dials(state)}
    weights = _weights(state)
    total = sum(weights) or 1
    return {dial: f"{100 * weight / total:.4g} %" for dial, weight in zip(_dials(state), weights, strict=True)}
