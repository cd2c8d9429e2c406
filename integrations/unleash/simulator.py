"""Unleash over a world: the admin API that the actions use, and the APIs by which applications read their flags.

The rules are in `flags.py`; here are routes and shapes. A token tells by its form what it opens, as in Unleash:
`*:*.<secret>` the admin API, `<project>:<environment>.<secret>` the client and frontend APIs of that environment.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.unleash.edits import Edit, Edited, added, deleted, overwritten, patching, switching
from integrations.unleash.evaluation import toggle
from integrations.unleash.faults import FaultyApi
from integrations.unleash.flags import FlagEnvironment, Flags, Refusal, loaded

_CLIENT_TOKEN = re.compile(r"[\w*-]+:(?P<environment>[\w-]+)\.\S+")
_FLAG = "/api/admin/projects/{project}/features/{feature}"
_ENVIRONMENT = _FLAG + "/environments/{environment}"
_STRATEGIES = _ENVIRONMENT + "/strategies"
_STRATEGY = _STRATEGIES + "/{strategy}"

Show = Callable[[Request, Flags], object]
EditOf = Callable[[Request, object], Edit]
Endpoint = Callable[[Request], Awaitable[Response]]


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated Unleash as an ASGI app; its document is `flags.Flags`."""
    return FaultyApi(_Unleash(declared).app(), declared)


class _Unleash:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        routes = [
            Route("/health", _health),
            Route("/api/admin/events/{feature}", self._admin_reads(_feature_events)),
            Route("/api/admin/search/events", self._admin_reads(_found_events)),
            Route(_FLAG, self._admin_reads(_feature)),
            Route(_ENVIRONMENT, self._admin_reads(_environment)),
            Route(_STRATEGIES, self._admin_reads(_strategies), methods=["GET"]),
            Route(_STRATEGY, self._admin_reads(_strategy), methods=["GET"]),
            Route(_ENVIRONMENT + "/on", self._admin_edits(_switch_on), methods=["POST"]),
            Route(_ENVIRONMENT + "/off", self._admin_edits(_switch_off), methods=["POST"]),
            Route(_STRATEGIES, self._admin_edits(_add), methods=["POST"]),
            Route(_STRATEGY, self._admin_edits(_overwrite), methods=["PUT"]),
            Route(_STRATEGY, self._admin_edits(_patch), methods=["PATCH"]),
            Route(_STRATEGY, self._admin_edits(_delete), methods=["DELETE"]),
            Route("/api/client/features", self._client_features),
            Route("/api/client/register", self._client_report, methods=["POST"]),
            Route("/api/client/metrics", self._client_report, methods=["POST"]),
            Route("/api/frontend", self._frontend),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused, 404: _no_such_path})

    def _admin_reads(self, show: Show) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            flags = await self._flags()
            _require_admin(request, flags)
            return JSONResponse(show(request, flags))

        return endpoint

    def _admin_edits(self, edit_of: EditOf) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            _require_admin(request, await self._flags())
            edit = edit_of(request, await request.json() if await request.body() else None)
            answer = await self._edit(request.path_params, edit)
            return Response() if answer is None else JSONResponse(answer)

        return endpoint

    async def _edit(self, where: dict[str, str], edit: Edit) -> JsonObject | None:
        answers: list[JsonObject | None] = []
        now = self._declared.now()

        def change(document: JsonObject) -> JsonObject:
            flags = loaded(document)
            before = flags.environment(where["project"], where["feature"], where["environment"])
            edited = edit(before, f"strategy-{len(flags.events) + 1}-added", now)
            answers.append(edited.answer)
            if edited.environment == before:
                return document
            return _with(flags, where, edited, now).model_dump(mode="json")

        await self._declared.world.change(self._declared.connection, change)
        return answers[-1]

    async def _client_features(self, request: Request) -> Response:
        name, flags = _client_environment(request), await self._flags()
        features = [
            {
                "name": feature,
                "type": flag.type,
                "enabled": environment.enabled,
                "project": flag.project,
                "stale": False,
                "strategies": [
                    _for_client(strategy.public()) for strategy in environment.strategies if not strategy.disabled
                ],
                "variants": [],
                "description": None,
                "impressionData": False,
            }
            for feature, flag in sorted(flags.features.items())
            if (environment := flag.environments.get(name))
        ]
        return JSONResponse({"version": 2, "features": features, "query": {"environment": name}})

    async def _client_report(self, request: Request) -> Response:
        _client_environment(request)
        return Response(status_code=202)

    async def _frontend(self, request: Request) -> Response:
        name, flags = _client_environment(request), await self._flags()
        context = {
            key.removeprefix("properties[").removesuffix("]"): value for key, value in request.query_params.items()
        }
        toggles = (
            toggle(feature, environment, context)
            for feature, flag in sorted(flags.features.items())
            if (environment := flag.environments.get(name))
        )
        return JSONResponse({"toggles": [each for each in toggles if each]})

    async def _flags(self) -> Flags:
        return loaded(await self._declared.world.read(self._declared.connection))


async def _health(_: Request) -> Response:
    return JSONResponse({"health": "GOOD"})


def _require_admin(request: Request, flags: Flags) -> None:
    token = request.headers.get("Authorization", "")
    if token == flags.admin_token:
        return
    if _CLIENT_TOKEN.fullmatch(token):
        raise Refusal(403, "", "invalid token: expected a different token type for this endpoint")
    raise Refusal(401, "UnauthorizedError", "You must log in to use Unleash.")


def _client_environment(request: Request) -> str:
    token = request.headers.get("Authorization", "")
    match = _CLIENT_TOKEN.fullmatch(token)
    if match:
        return match["environment"]
    if token.startswith("*:*."):
        raise Refusal(403, "", "invalid token: expected a different token type for this endpoint")
    message = (
        "This endpoint requires an API token. Please add an authorization header to your request with a valid token"
    )
    raise Refusal(401, "", message)


def _feature(request: Request, flags: Flags) -> JsonObject:
    name = request.path_params["feature"]
    feature = flags.feature(request.path_params["project"], name)
    environments = [
        {
            "name": environment,
            "type": environment,
            "enabled": settings.enabled,
            "sortOrder": place,
            "strategies": [strategy.public() for strategy in settings.strategies],
        }
        for place, (environment, settings) in enumerate(feature.environments.items())
    ]
    return {
        "name": name,
        "project": feature.project,
        "type": feature.type,
        "archived": False,
        "stale": False,
        "environments": environments,
    }


def _environment(request: Request, flags: Flags) -> JsonObject:
    settings = _where(request, flags)
    strategies = [strategy.public() for strategy in settings.strategies]
    for strategy in strategies:
        del strategy["segments"]
    name, environment = request.path_params["feature"], request.path_params["environment"]
    return {"name": name, "environment": environment, "enabled": settings.enabled, "strategies": strategies}


def _strategies(request: Request, flags: Flags) -> list[JsonObject]:
    return [strategy.public() for strategy in _where(request, flags).strategies]


def _strategy(request: Request, flags: Flags) -> JsonObject:
    return _where(request, flags).strategy(request.path_params["strategy"]).public()


def _where(request: Request, flags: Flags) -> FlagEnvironment:
    where = request.path_params
    return flags.environment(where["project"], where["feature"], where["environment"])


def _feature_events(request: Request, flags: Flags) -> JsonObject:
    name = request.path_params["feature"]
    events = [event for event in reversed(flags.events) if event["featureName"] == name]
    return {"version": 1, "toggleName": name, "events": events}


def _found_events(request: Request, flags: Flags) -> JsonObject:
    asked = {"feature": "featureName", "environment": "environment", "type": "type"}
    wanted = {
        field: request.query_params[parameter].removeprefix("IS:")
        for parameter, field in asked.items()
        if parameter in request.query_params
    }
    found = [event for event in reversed(flags.events) if wanted.items() <= event.items()]
    return {"events": found[: int(request.query_params.get("limit", "50"))], "total": len(found)}


def _switch_on(request: Request, _: object) -> Edit:
    return switching(request.path_params["feature"], on=True)


def _switch_off(request: Request, _: object) -> Edit:
    return switching(request.path_params["feature"], on=False)


def _add(request: Request, body: object) -> Edit:
    return added(request.path_params["feature"], body)


def _overwrite(request: Request, body: object) -> Edit:
    return overwritten(request.path_params["feature"], request.path_params["strategy"], body)


def _patch(request: Request, body: object) -> Edit:
    return patching(request.path_params["feature"], request.path_params["strategy"], body)


def _delete(request: Request, _: object) -> Edit:
    return deleted(request.path_params["strategy"])


def _with(flags: Flags, where: dict[str, str], edited: Edited, at: datetime) -> Flags:
    feature = flags.features[where["feature"]]
    environments = {**feature.environments, where["environment"]: edited.environment}
    about = {"featureName": where["feature"], "project": where["project"], "environment": where["environment"]}
    events = tuple(
        {"id": number, "createdBy": "simulated", "createdAt": at.isoformat(), **event, **about}
        for number, event in enumerate(edited.events, start=len(flags.events) + 1)
    )
    features = {**flags.features, where["feature"]: feature.changed(environments=environments)}
    return flags.changed(features=features, events=(*flags.events, *events))


def _for_client(strategy: JsonObject) -> JsonObject:
    return {name: strategy[name] for name in ("name", "constraints", "parameters", "variants")}


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    message = str(refusal)
    named = (
        {"name": refusal.name, "message": message, "details": [{"message": message}]}
        if refusal.name
        else {"message": message}
    )
    return JSONResponse(named, refusal.status)


async def _no_such_path(request: Request, _: Exception) -> Response:
    message = f"The path you were looking for ({request.url.path}) is not available."
    return JSONResponse({"name": "NotFoundError", "message": message, "details": [{"message": message}]}, 404)
