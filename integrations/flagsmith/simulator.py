"""Flagsmith over a world: the Admin API as far as the actions use it, and the flags as applications read them.

The rules are in `flags.py`, `edits.py` and `evaluation.py`; here are routes and shapes.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.flagsmith import edits
from integrations.flagsmith.edits import Edit
from integrations.flagsmith.evaluation import evaluated
from integrations.flagsmith.flags import (
    Feature,
    Flags,
    Refusal,
    Served,
    State,
    found_state,
    shown_shares,
    state_id,
    typed,
    version_uuid,
)

_PAGE_SIZE = 10
_ENVIRONMENT = "/api/v1/environments/{key}"
_VERSIONS = "/api/v1/environments/{environment:int}/features/{feature:int}/versions"

Show = Callable[[Request, Flags], object]
Endpoint = Callable[[Request], Awaitable[Response]]


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated Flagsmith as an ASGI app; its document is `flags.Flags`."""
    return _Flagsmith(declared).app()


class _Flagsmith:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        reads: dict[str, Show] = {
            "/api/v1/projects/{project:int}/features/{feature:int}/": _feature,
            "/api/v1/projects/{project:int}/segments/": _segments,
            "/api/v1/features/featurestates/": _states,
            "/api/v1/features/feature-segments/": _links,
            _VERSIONS + "/": _versions,
            _VERSIONS + "/{version}/featurestates/": _version,
            _ENVIRONMENT + "/": _environment,
            _ENVIRONMENT + "/featurestates/": _defaults,
        }
        routes = [Route(path, self._shows(show), methods=["GET"]) for path, show in reads.items()]
        routes += [
            Route(_ENVIRONMENT + "/featurestates/{state:int}/", self._default, methods=["PUT", "PATCH"]),
            Route("/api/v1/features/featurestates/{state:int}/", self._state, methods=["PATCH"]),
            Route("/api/v1/features/feature-segments/{link:int}/", self._unlink, methods=["DELETE"]),
            Route(_ENVIRONMENT + "/features/{feature:int}/create-segment-override/", self._override, methods=["POST"]),
            Route(_VERSIONS + "/", self._publish, methods=["POST"]),
            Route("/api/v1/flags/", self._flags_of_environment),
            Route("/api/v1/identities/", self._flags_of_identity),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused})

    def _shows(self, show: Show) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return JSONResponse(show(request, await self._admitted(request)))

        return endpoint

    async def _default(self, request: Request) -> Response:
        where, body = request.path_params, await request.json()
        partial = request.method == "PATCH"
        flags = await self._edit(request, edits.editing_default(where["key"], where["state"], body, partial=partial))
        name, key, _ = found_state(flags, where["state"])
        if partial:
            feature = flags.features[name]
            return JSONResponse({"feature": feature.id, "enabled": feature.environments[key].default.enabled})
        return JSONResponse(_shown_default(flags, name, key))

    async def _state(self, request: Request) -> Response:
        state = request.path_params["state"]
        flags = await self._edit(request, edits.editing_state(state, await request.json()))
        return JSONResponse(_nested(flags, *found_state(flags, state), linked=False))

    async def _override(self, request: Request) -> Response:
        where, body = request.path_params, await request.json()
        flags = await self._edit(request, edits.overriding(where["key"], where["feature"], body))
        name, segment = flags.name_of(where["feature"]), body["feature_segment"]["segment"]
        return JSONResponse(_nested(flags, name, where["key"], segment, linked=True), 201)

    async def _unlink(self, request: Request) -> Response:
        await self._edit(request, edits.unlinking(request.path_params["link"]))
        return Response(status_code=204)

    async def _publish(self, request: Request) -> Response:
        where, body = request.path_params, await request.json()
        flags = await self._edit(request, edits.publishing(where["environment"], where["feature"], body))
        name, key = flags.name_of(where["feature"]), flags.key_of(where["environment"])
        return JSONResponse(_shown_version(flags, name, key, flags.served(name, key).version), 201)

    async def _edit(self, request: Request, edit: Edit) -> Flags:
        await self._admitted(request)
        now = self._declared.now()

        def change(document: JsonObject) -> JsonObject:
            flags = Flags.model_validate(document)
            edited = edit(flags, now)
            return document if edited == flags else edited.model_dump(mode="json")

        return Flags.model_validate(await self._declared.world.change(self._declared.connection, change))

    async def _admitted(self, request: Request) -> Flags:
        flags = await self._flags()
        given = request.headers.get("Authorization", "")
        if given not in {f"Api-Key {flags.token}", f"Token {flags.token}"}:
            raise Refusal(401, "Invalid token." if given else "Authentication credentials were not provided.")
        return flags

    async def _flags_of_environment(self, request: Request) -> Response:
        flags = await self._flags()
        shown = _for_application(flags, request, None)
        wanted = request.query_params.get("feature")
        if wanted is None:
            return JSONResponse(shown)
        for each in shown:
            if each["feature"]["name"] == wanted:
                return JSONResponse(each)
        raise Refusal(404, "Given feature not found")

    async def _flags_of_identity(self, request: Request) -> Response:
        identity = request.query_params.get("identifier", "")
        shown = _for_application(await self._flags(), request, identity)
        return JSONResponse({"identifier": identity, "traits": [], "flags": shown})

    async def _flags(self) -> Flags:
        return Flags.model_validate(await self._declared.world.read(self._declared.connection))


def _for_application(flags: Flags, request: Request, identity: str | None) -> list[JsonObject]:
    key = request.headers.get("X-Environment-Key", "")
    flags.environment(key)
    shown = []
    for name, feature in sorted(flags.features.items()):
        enabled, value = evaluated(flags, name, key, identity)
        kind = "MULTIVARIATE" if feature.options else "STANDARD"
        about = {"id": feature.id, "name": name, "type": kind}
        shown.append({"feature": about, "enabled": enabled, "feature_state_value": value})
    return shown


def _environment(request: Request, flags: Flags) -> JsonObject:
    key = request.path_params["key"]
    environment = flags.environment(key)
    return {
        "id": environment.id,
        "name": environment.name,
        "api_key": key,
        "project": environment.project,
        "use_v2_feature_versioning": environment.versioned,
        "minimum_change_request_approvals": environment.approvals,
    }


def _defaults(request: Request, flags: Flags) -> JsonObject:
    key = request.path_params["key"]
    flags.environment(key)
    wanted = request.query_params.get("feature_name")
    names = [name for name in flags.features if wanted is None or name.lower() == wanted.lower()]
    return _paged(request, [{**_shown_default(flags, name, key), "identity": None} for name in names])


def _feature(request: Request, flags: Flags) -> JsonObject:
    name = flags.name_of(request.path_params["feature"])
    feature = flags.features[name]
    options = [{"id": option.id, **typed(option.value)} for option in feature.options]
    return {"id": feature.id, "name": name, "is_archived": feature.archived, "multivariate_options": options}


def _segments(request: Request, flags: Flags) -> JsonObject:
    return _paged(request, [{"id": number, "name": segment.name} for number, segment in flags.segments.items()])


def _asked(request: Request, flags: Flags) -> tuple[str, str]:
    asked = request.query_params
    return flags.name_of(int(asked["feature"])), flags.key_of(int(asked["environment"]))


def _states(request: Request, flags: Flags) -> JsonObject:
    name, key = _asked(request, flags)
    segments = (0, *flags.served(name, key).overrides)
    return _paged(request, [_nested(flags, name, key, segment, linked=False) for segment in segments])


def _links(request: Request, flags: Flags) -> JsonObject:
    name, key = _asked(request, flags)
    served = flags.served(name, key)
    return _paged(request, [_link(flags, name, key, segment) for segment in reversed(served.overrides)])


def _versions(request: Request, flags: Flags) -> JsonObject:
    where = request.path_params
    name, key = flags.name_of(where["feature"]), flags.key_of(where["environment"])
    numbers = range(1, flags.served(name, key).version + 1)
    return _paged(request, [_shown_version(flags, name, key, number) for number in numbers])


def _version(request: Request, flags: Flags) -> list[JsonObject]:
    where = request.path_params
    name, key = flags.name_of(where["feature"]), flags.key_of(where["environment"])
    served, feature = flags.served(name, key), flags.features[name]
    for number, earlier in enumerate(served.earlier, start=served.version - len(served.earlier)):
        if version_uuid(feature, flags.environments[key], number) == where["version"]:
            return [_shown_state(feature, earlier, 0)]
    segments = (0, *served.overrides)
    return [_nested(flags, name, key, segment, linked=True) for segment in segments]


def _shown_version(flags: Flags, name: str, key: str, number: int) -> JsonObject:
    live = number == flags.served(name, key).version
    uuid = version_uuid(flags.features[name], flags.environments[key], number)
    return {"uuid": uuid, "published": True, "is_live": live, "live_from": f"2026-11-24T09:{number % 60:02}:00Z"}


def _shown_default(flags: Flags, name: str, key: str) -> JsonObject:
    feature, environment, served = flags.features[name], flags.environments[key], flags.served(name, key)
    version = version_uuid(feature, environment, served.version) if environment.versioned else None
    identity = state_id(feature, environment, served)
    return {
        **_shown_state(feature, served.default, identity),
        "feature_state_value": served.default.value,
        "environment": environment.id,
        "identity": None,
        "feature_segment": None,
        "environment_feature_version": version,
    }


def _nested(flags: Flags, name: str, key: str, segment: int, *, linked: bool) -> JsonObject:
    """Return a state with its value in fields, and its segment's link in full where the API shows it so."""
    feature, environment, served = flags.features[name], flags.environments[key], flags.served(name, key)
    state = served.overrides[segment] if segment else served.default
    link = _link(flags, name, key, segment) if segment else None
    return {
        **_shown_state(feature, state, state_id(feature, environment, served, segment)),
        "environment": environment.id,
        "identity": None,
        "feature_segment": link if linked or link is None else link["id"],
    }


def _link(flags: Flags, name: str, key: str, segment: int) -> JsonObject:
    served: Served = flags.served(name, key)
    identity = state_id(flags.features[name], flags.environments[key], served, segment)
    place = list(served.overrides).index(segment)
    return {"id": identity, "segment": segment, "priority": place, "segment_name": flags.segments[segment].name}


def _shown_state(feature: Feature, state: State, identity: int) -> JsonObject:
    return {
        "id": identity,
        "feature": feature.id,
        "enabled": state.enabled,
        "feature_state_value": typed(state.value),
        "multivariate_feature_state_values": shown_shares(feature, state, identity),
    }


def _paged(request: Request, found: list[Any]) -> JsonObject:
    asked: Mapping[str, str] = request.query_params
    page = int(asked.get("page", "1"))
    start = (page - 1) * _PAGE_SIZE
    following = str(request.url.include_query_params(page=page + 1)) if len(found) > start + _PAGE_SIZE else None
    return {"count": len(found), "next": following, "previous": None, "results": found[start : start + _PAGE_SIZE]}


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return JSONResponse({"detail": str(refusal)}, refusal.status)
