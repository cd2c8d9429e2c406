"""Where calls of a model go: to another model at once (a route), or to another when it fails (a fallback).

LiteLLM keeps the routes of all models in one setting, which is written as a whole; fallbacks are written one by one.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from bot.sdk import JsonObject, Level, Proposal, Rejected, UserError, Value, fitting
from integrations.litellm.action import LiteLlmAction, Name
from integrations.litellm.client import NAME, TITLE, Router


class RouteRef(Value):
    """A model by the name that callers use."""

    model: Name

    def __str__(self) -> str:
        return self.model


class RouteParams(Value):
    """The model that shall answer."""

    to: Name


class _RouteAction(LiteLlmAction[RouteRef]):
    ref_model: type[Value] = RouteRef
    params_model: type[Value] = RouteParams
    offers_choices = True

    def _target(self, ref: JsonObject) -> RouteRef:
        return fitting(RouteRef, ref, whom=TITLE)

    async def _read(self, target: RouteRef) -> JsonObject:
        await self._others(target)
        router = await self._api.router()
        values = router.current_values
        return {
            "route": (values.model_group_alias or {}).get(target.model),
            "fallbacks": _fallbacks(values.fallbacks, target.model),
            "route_changeable": _changeable(router, "model_group_alias"),
            "fallbacks_changeable": _changeable(router, "fallbacks"),
        }

    async def _others(self, target: RouteRef) -> list[str]:
        """Return the names of the other models; they are no part of the state, or each new model would void plans."""
        models = sorted({each.model_name for each in await self._api.deployments()})
        if target.model not in models:
            raise Rejected(NAME, "read route", status=404, detail=f"there is no model {target}")
        return [model for model in models if model != target.model]

    async def _write(self, target: RouteRef, current: JsonObject, after: JsonObject) -> None:
        if current["route"] != after["route"]:
            await self._write_route(target, after["route"])
        if current["fallbacks"] == after["fallbacks"]:
            return
        if after["fallbacks"]:
            body = {"model": target.model, "fallback_models": after["fallbacks"], "fallback_type": "general"}
            await self._api.call("set fallback", "POST", "/fallback", body)
        else:
            await self._api.call("remove fallback", "DELETE", f"/fallback/{quote(target.model, safe='')}")

    async def _write_route(self, target: RouteRef, route: object) -> None:
        others = await self._others(target)
        if route is not None and _named(route) not in others:
            # LiteLLM would take it, and then fail every request.
            detail = f"there is no model {_named(route)}, only {', '.join(others)}; nothing was written"
            raise Rejected(NAME, "change route", status=404, detail=detail)
        routes: JsonObject = dict((await self._api.router()).current_values.model_group_alias or {})
        routes.pop(target.model, None)
        if route is not None:
            routes[target.model] = route
        body = {"router_settings": {"model_group_alias": routes}}
        await self._api.call("change route", "POST", "/config/update", body)

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the other models, those that are fallbacks already first."""
        target = self._target(ref)
        fallbacks = (await self._read(target))["fallbacks"]
        return sorted(await self._others(target), key=lambda name: name not in fallbacks)


def _fallbacks(entries: list[Any] | None, model: str) -> list[str]:
    """Return a model's fallbacks; LiteLLM keeps them as a list of one-entry objects."""
    for entry in entries or []:
        if isinstance(entry, dict) and isinstance(entry.get(model), list):
            return [str(each) for each in entry[model]]
    return []


def _changeable(router: Router, setting: str) -> bool:
    return router.source.get(setting) != "config"


def _target_model(target: RouteRef, params: JsonObject) -> str:
    """Return the chosen model; whether the proxy has it is seen when it is written.

    Raises:
        UserError: It is the target itself.
    """
    chosen = fitting(RouteParams, params, whom=TITLE).to
    if chosen == target.model:
        raise UserError(f"{target} cannot go to itself; choose another model.")
    return chosen


def _refuse_from_file(changeable: object, setting: str) -> None:
    if not changeable:
        raise UserError(f"LiteLLM's configuration file sets {setting}, so its API cannot change it.")


class SwitchRoute(_RouteAction):
    """Sends all calls of a model to another one, at once; callers keep the name that they use."""

    name = "switch_route"
    title = "Route a model's calls to another model"
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the route; `None` when it is in force.

        Raises:
            UserError: It is the model itself, or the configuration file owns the routes.
        """
        target = self._target(ref)
        chosen = _target_model(target, params)
        _refuse_from_file(state["route_changeable"], "model_group_alias")
        now = state["route"]
        if now == chosen or (isinstance(now, dict) and now.get("model") == chosen):
            return None
        route = {**now, "model": chosen} if isinstance(now, dict) else chosen
        return Proposal(
            before=state,
            after={**state, "route": route},
            summary=f"Route calls of {target} to {chosen}",
            blast_radius=(
                f"all keys and teams that call {target}",
                f"answered by: {_named(now) or target} -> {chosen}",
            ),
        )


class SetFallback(_RouteAction):
    """Lets another model answer when this one fails."""

    name = "set_fallback"
    title = "Set the fallback of a model"
    lowest_level = Level.L4

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the fallback; `None` when it is the only one.

        Raises:
            UserError: It is the model itself, or the configuration file owns the fallbacks.
        """
        target = self._target(ref)
        chosen = _target_model(target, params)
        _refuse_from_file(state["fallbacks_changeable"], "fallbacks")
        if state["fallbacks"] == [chosen]:
            return None
        return Proposal(
            before=state,
            after={**state, "fallbacks": [chosen]},
            summary=f"Let {chosen} answer when {target} fails",
            blast_radius=(
                f"calls of {target} that fail; those that succeed are not touched",
                f"fallbacks: {', '.join(state['fallbacks']) or 'none'} -> {chosen}",
            ),
        )


def _named(route: object) -> str:
    return str(route.get("model", "")) if isinstance(route, dict) else str(route or "")
