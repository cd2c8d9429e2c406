"""The part of the Kubernetes API that the actions use, over a world with a deployment controller of our own.

Its document holds `deployments`, `replicasets` and `autoscalers`, each by `namespace/name`, as Kubernetes returns them.
Like the real one it refuses a stale resource version with 409, and gives a revision that comes back a new number.
"""

import copy
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator
from integrations.kubernetes.rollouts import HASH, REVISION

TOKEN = "kubernetes-simulated"  # noqa: S105 - lets a client into a simulator, nowhere else
_NAMESPACE = "/namespaces/{namespace}"


class _Refusal(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(message)


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated API server as an ASGI app."""
    return _ApiServer(declared).app()


class _ApiServer:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        deployment = f"/apis/apps/v1{_NAMESPACE}/deployments/{{name}}"
        routes = [
            Route(deployment, self._deployment, methods=["GET"]),
            Route(deployment, self._patch, methods=["PATCH"]),
            Route(f"{deployment}/scale", self._patch, methods=["PATCH"]),
            Route(f"/apis/apps/v1{_NAMESPACE}/replicasets", self._listing("replicasets")),
            Route(f"/apis/autoscaling/v2{_NAMESPACE}/horizontalpodautoscalers", self._listing("autoscalers")),
        ]
        return Starlette(routes=routes, exception_handlers={_Refusal: _refused})

    async def _deployment(self, request: Request) -> Response:
        _require_token(request)
        return JSONResponse(_found(await self._document(), _key(request)))

    def _listing(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            _require_token(request)
            namespace = f"{request.path_params['namespace']}/"
            objects = (await self._document()).get(kind, {})
            items = [each for key, each in objects.items() if key.startswith(namespace) and _selected(request, each)]
            return JSONResponse({"kind": "List", "metadata": {}, "items": items})

        return answer

    async def _patch(self, request: Request) -> Response:
        _require_token(request)
        if request.headers.get("Content-Type") != "application/merge-patch+json":
            raise _Refusal(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        body, key, now = json.loads(await request.body()), _key(request), self._declared.now().isoformat()

        def change(document: JsonObject) -> JsonObject:
            old = _found(document, key)
            asked = body["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"])
            if asked != old["metadata"]["resourceVersion"]:
                message = f'Operation cannot be fulfilled on deployments.apps "{key}": the object has been modified'
                raise _Refusal(409, "Conflict", message)
            new = _merged(old, {"spec": body["spec"]})
            if new == old:
                return document
            new["metadata"]["resourceVersion"] = str(int(asked) + 1)
            return _controlled({**document, "changed_at": now}, key, new)

        return JSONResponse(_found(await self._declared.world.change(self._declared.connection, change), key))

    async def _document(self) -> JsonObject:
        return await self._declared.world.read(self._declared.connection)


def _key(request: Request) -> str:
    return f"{request.path_params['namespace']}/{request.path_params['name']}"


def _require_token(request: Request) -> None:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise _Refusal(401, "Unauthorized", "Unauthorized")


def _found(document: JsonObject, key: str) -> JsonObject:
    found = document.get("deployments", {}).get(key)
    if found is None:
        raise _Refusal(404, "NotFound", f'deployments.apps "{key.partition("/")[2]}" not found')
    deployment: JsonObject = copy.deepcopy(found)
    return deployment


def _selected(request: Request, found: JsonObject) -> bool:
    wanted = [each.split("=") for each in request.query_params.get("labelSelector", "").split(",") if each]
    labels = found["metadata"].get("labels", {})
    return all(labels.get(name) == value for name, value in wanted)


def _merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _controlled(document: JsonObject, key: str, deployment: JsonObject) -> JsonObject:
    """Return the document after the deployment's controller: the revision in force has the highest number."""
    uid, template = deployment["metadata"]["uid"], deployment["spec"]["template"]
    sets: JsonObject = copy.deepcopy(document.get("replicasets", {}))
    owned = [each for each in sets.values() if each["metadata"]["ownerReferences"][0]["uid"] == uid]
    newest = max((_number(each) for each in owned), default=0)
    for each in owned:
        if _bare(each["spec"]["template"]) == template and _number(each) < newest:
            each["metadata"]["annotations"][REVISION] = str(newest + 1)
    return {**document, "deployments": {**document["deployments"], key: deployment}, "replicasets": sets}


def _number(found: JsonObject) -> int:
    return int(found["metadata"]["annotations"][REVISION])


def _bare(template: JsonObject) -> JsonObject:
    labels = {name: value for name, value in template["metadata"].get("labels", {}).items() if name != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, _Refusal):
        raise refusal
    status = {"kind": "Status", "status": "Failure", "message": str(refusal), "reason": refusal.reason}
    return JSONResponse({**status, "code": refusal.status}, refusal.status)
