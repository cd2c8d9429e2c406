"""GrowthBook over a world: the calls of its REST API that the actions make, and remote evaluation for applications.

The rules are in `flags.py` and `evaluation.py`; here are routes and shapes. An application's client key names its
environment: `sdk-production`.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.growthbook.evaluation import evaluated
from integrations.growthbook.flags import (
    Environment,
    Feature,
    Flags,
    Refusal,
    Revision,
    loaded,
    published,
    sent_environments,
    toggled,
)

_FEATURE = "/api/v1/features/{feature}"
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

EnvironmentsOf = Callable[[Feature], dict[str, Environment]]


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated GrowthBook as an ASGI app; its document is `flags.Flags`."""
    return _GrowthBook(declared).app()


class _GrowthBook:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        routes = [
            Route(_FEATURE, self._show, methods=["GET"]),
            Route(_FEATURE, self._update, methods=["POST"]),
            Route(_FEATURE + "/toggle", self._toggle, methods=["POST"]),
            Route("/api/eval/{client_key}", self._evaluate, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused})

    async def _show(self, request: Request) -> Response:
        flags = await self._flags()
        _require_token(request, flags, writes=False)
        key = request.path_params["feature"]
        feature = flags.feature(key)
        shown = _view(key, feature)
        if request.query_params.get("withRevisions", "none") != "none":
            now = Revision(version=feature.version, default=feature.default, comment=feature.comment)
            shown["revisions"] = [_shown_revision(key, each) for each in (*feature.revisions, now)]
        return JSONResponse({"feature": shown})

    async def _update(self, request: Request) -> Response:
        key, body = request.path_params["feature"], await request.json()
        unknown = sorted(body.keys() - {"environments"})
        if unknown:
            raise Refusal(400, f"The simulator changes environments, not {', '.join(unknown)}")
        return await self._publish(request, "", lambda feature: sent_environments(feature, key, body["environments"]))

    async def _toggle(self, request: Request) -> Response:
        body = await request.json()
        reason = str(body.get("reason", ""))
        return await self._publish(request, reason, lambda feature: toggled(feature, body.get("environments")))

    async def _publish(self, request: Request, comment: str, environments: EnvironmentsOf) -> Response:
        _require_token(request, await self._flags(), writes=True)
        key, now = request.path_params["feature"], self._declared.now()

        def change(document: JsonObject) -> JsonObject:
            flags = loaded(document)
            edited = published(flags, key, environments(flags.feature(key)), comment, now)
            return document if edited == flags else edited.model_dump(mode="json")

        document = await self._declared.world.change(self._declared.connection, change)
        return JSONResponse({"feature": _view(key, loaded(document).feature(key))})

    async def _evaluate(self, request: Request) -> Response:
        flags, body = await self._flags(), await request.json()
        name = request.path_params["client_key"].removeprefix("sdk-")
        features = {
            key: {"defaultValue": evaluated(feature, environment, body.get("attributes", {}), flags.groups)}
            for key, feature in flags.features.items()
            if not feature.archived and (environment := feature.environments.get(name)) and environment.enabled
        }
        return JSONResponse({"features": features, "experiments": []})

    async def _flags(self) -> Flags:
        return loaded(await self._declared.world.read(self._declared.connection))


def _require_token(request: Request, flags: Flags, *, writes: bool) -> None:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token == flags.token or (token == flags.reader_token and not writes):
        return
    if token == flags.reader_token:
        raise Refusal(403, "You do not have permission to complete that action.")
    raise Refusal(401, "No API key found with that value" if token else "Missing API key")


def _view(key: str, feature: Feature) -> JsonObject:
    environments = {
        name: {"enabled": each.enabled, "defaultValue": feature.default, "rules": list(each.rules)}
        for name, each in feature.environments.items()
    }
    changed_at = (feature.changed_at or _EPOCH).isoformat()
    return {
        "id": key,
        "dateCreated": _EPOCH.isoformat(),
        "dateUpdated": changed_at,
        "archived": feature.archived,
        "description": "",
        "owner": "",
        "project": "",
        "valueType": feature.value_type,
        "defaultValue": feature.default,
        "tags": [],
        "prerequisites": list(feature.prerequisites),
        "environments": environments,
        "revision": {
            "version": feature.version,
            "comment": feature.comment,
            "date": changed_at,
            "createdBy": "api",
            "publishedBy": "api",
        },
    }


def _shown_revision(key: str, revision: Revision) -> JsonObject:
    return {
        "id": f"frev_{revision.version}_{key}",
        "featureId": key,
        "baseVersion": max(revision.version - 1, 0),
        "version": revision.version,
        "comment": revision.comment,
        "date": _EPOCH.isoformat(),
        "status": "published",
        "defaultValue": revision.default,
        "rules": {},
    }


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    gates = {"gates": list(refusal.gates)} if refusal.gates else {}
    return JSONResponse({"message": str(refusal), **gates}, refusal.status)
