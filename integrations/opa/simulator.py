"""OPA's data and policy APIs over a world; its document holds `data`, `policies` and, where there are some, `bundles`.

Like the real one it answers `{}` for nothing, refuses what a bundle owns, and knows no `test` in JSON Patch. It
evaluates no Rego: a data document is what was written, and any text with a package is a policy.
"""

import copy
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator

NOTHING = object()
TOKEN = "opa-simulated"  # noqa: S105 - lets a client into a simulator, nowhere else
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)


class Refusal(Exception):
    """An answer of OPA that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated API as an ASGI app."""
    return OpaServer(declared).app()


class OpaServer:
    """The routes; what Rego decides is left to whoever has an evaluator."""

    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the ASGI app."""
        return Starlette(routes=self.routes(), exception_handlers={Refusal: _refused})

    def routes(self) -> list[Route]:
        """Return the routes that the actions use."""
        return [
            Route("/v1/data/{path:path}", self._data, methods=["GET"]),
            Route("/v1/data/{path:path}", self._patch, methods=["PATCH"]),
            Route("/v1/policies/{policy:path}", self._policy, methods=["GET"]),
            Route("/v1/policies/{policy:path}", self._put_policy, methods=["PUT"]),
        ]

    async def document(self) -> JsonObject:
        """Return what the world holds."""
        found = await self._declared.world.read(self._declared.connection)
        return {**found, "data": found.get("data", {}), "policies": found.get("policies", {})}

    def result(self, document: JsonObject, path: str) -> Any:
        """Return the document at a path, `NOTHING` where none is."""
        return at(document["data"], split(path))

    def require_compilable(self, policies: dict[str, str]) -> None:
        """Refuse modules that cannot be policies."""
        for identity, text in policies.items():
            if not _PACKAGE.search(text):
                raise Refusal(400, "invalid_parameter", f"error(s) occurred while compiling module(s): {identity}")

    async def _data(self, request: Request) -> Response:
        require_token(request)
        body = {"provenance": {"version": "simulated"}} if "provenance" in request.query_params else {}
        found = self.result(await self.document(), request.path_params["path"])
        return JSONResponse(body if found is NOTHING else {**body, "result": found})

    async def _patch(self, request: Request) -> Response:
        require_token(request)
        operations, root = await request.json(), split(request.path_params["path"])

        def edit(document: JsonObject) -> JsonObject:
            data = copy.deepcopy(document["data"])
            for operation in operations:
                place = [*root, *_pointed(str(operation.get("path", "")))]
                _require_unowned(document, place)
                _carry_out(data, place, operation)
            return {**document, "data": data}

        await self._change(edit)
        return Response(status_code=204)

    async def _policy(self, request: Request) -> Response:
        require_token(request)
        identity = request.path_params["policy"]
        policies = (await self.document())["policies"]
        if identity not in policies:
            raise Refusal(404, "resource_not_found", f"storage_not_found_error: policy id {identity!r}")
        return JSONResponse({"result": {"id": identity, "raw": policies[identity]}})

    async def _put_policy(self, request: Request) -> Response:
        require_token(request)
        identity, text = request.path_params["policy"], (await request.body()).decode()

        def edit(document: JsonObject) -> JsonObject:
            if document["policies"].get(identity) == text:
                return document
            policies = {**document["policies"], identity: text}
            self.require_compilable(policies)
            for package in _PACKAGE.findall(text):
                _require_unowned(document, package.split("."))
            return {**document, "policies": policies}

        await self._change(edit)
        return JSONResponse({})

    async def _change(self, edit: Callable[[JsonObject], JsonObject]) -> None:
        now = self._declared.now().isoformat()

        def change(found: JsonObject) -> JsonObject:
            whole = {**found, "data": found.get("data", {}), "policies": found.get("policies", {})}
            changed = edit(whole)
            return found if changed == whole else {**changed, "changed_at": now}

        await self._declared.world.change(self._declared.connection, change)


def require_token(request: Request) -> None:
    """Refuse whoever does not show the token."""
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise Refusal(401, "unauthorized", "request rejected by administrative policy")


def split(path: str) -> list[str]:
    """Return the parts of a path."""
    return [part for part in path.split("/") if part]


def at(data: Any, place: list[str]) -> Any:
    """Return what lies at a place, `NOTHING` where nothing does."""
    for part in place:
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            return NOTHING
    return data


def _pointed(pointer: str) -> list[str]:
    """Return the parts of a JSON Pointer as OPA reads it: slashes around it do not count, percent signs do."""
    return [unquote(part).replace("~1", "/").replace("~0", "~") for part in split(pointer)]


def _carry_out(data: JsonObject, place: list[str], operation: JsonObject) -> None:
    kind = operation.get("op")
    if kind not in {"add", "remove", "replace"}:
        raise Refusal(400, "invalid_parameter", f"bad patch operation: {json.dumps(kind)}")
    *above, key = place
    holder = at(data, above)
    if isinstance(holder, list) and kind == "add" and key == "-":
        holder.append(operation["value"])
        return
    if holder is NOTHING or (at(holder, [key]) is NOTHING and not (kind == "add" and isinstance(holder, dict))):
        raise Refusal(
            404, "resource_not_found", f"storage_not_found_error: /{'/'.join(place)}: document does not exist"
        )
    where: Any = int(key) if isinstance(holder, list) else key
    if kind == "remove":
        del holder[where]
    elif kind == "add" and isinstance(holder, list):
        holder.insert(where, operation["value"])
    else:
        holder[where] = operation["value"]


def _require_unowned(document: JsonObject, place: list[str]) -> None:
    for name, roots in document.get("bundles", {}).items():
        for root in map(split, roots):
            shorter = min(len(root), len(place))
            if root[:shorter] == place[:shorter]:
                raise Refusal(400, "invalid_parameter", f'path {"/".join(place)} is owned by bundle "{name}"')


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return JSONResponse({"code": refusal.code, "message": str(refusal)}, refusal.status)
