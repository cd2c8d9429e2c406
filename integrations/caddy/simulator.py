"""Caddy's admin API over a world: its document holds `config`, as Caddy would be given it.

Like the real one it answers `null` for a key that is missing, refuses a stale `If-Match` with 412 and a configuration
that cannot be loaded with 500, and then keeps the one it had. It serves no traffic.
"""

import copy
import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator, digest

_CONFIG = "config"


class _Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated admin API as an ASGI app."""
    return _Caddy(declared).app()


class _Caddy:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        routes = [
            Route("/config/{path:path}", self._at_path, methods=methods),
            Route("/id/{id}", self._at_id, methods=methods),
            Route("/id/{id}/{path:path}", self._at_id, methods=methods),
        ]
        return Starlette(routes=routes, exception_handlers={_Refusal: _refused})

    async def _at_path(self, request: Request) -> Response:
        return await self._answer(request, "", request.path_params["path"])

    async def _at_id(self, request: Request) -> Response:
        return await self._answer(request, request.path_params["id"], request.path_params.get("path", ""))

    async def _answer(self, request: Request, identity: str, path: str) -> Response:
        world, connection = self._declared.world, self._declared.connection
        if request.method == "GET":
            config = (await world.read(connection)).get(_CONFIG, {})
            place = _place(config, identity, path)
            found = _at(config, place)
            return JSONResponse(found, headers={"Etag": _etag(place, found)})
        body, match = await request.body(), request.headers.get("If-Match", "")
        now = self._declared.now().isoformat()

        def change(document: JsonObject) -> JsonObject:
            config = copy.deepcopy(document.get(_CONFIG, {}))
            place = _place(config, identity, path)
            _require_match(config, match)
            _edit(config, place, request.method, json.loads(body) if body else None)
            _load(config)
            return {**document, _CONFIG: config, "changed_at": now}

        await world.change(connection, change)
        return Response()


def _place(config: JsonObject, identity: str, path: str) -> list[str]:
    """Return the path from the configuration's root, found by `@id` where one is given."""
    below = [part for part in path.split("/") if part]
    if not identity:
        return below
    for place, value in _objects(config, []):
        if value.get("@id") == identity:
            return [*place, *below]
    raise _Refusal(404, f"unknown object ID '{identity}'")


def _objects(value: object, place: list[str]) -> Iterator[tuple[list[str], JsonObject]]:
    if isinstance(value, dict):
        yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _objects(each, [*place, str(key)])


def _at(config: JsonObject, place: list[str]) -> Any:
    if not place:
        return config
    holder, key = _holder(config, place)
    return holder.get(key) if isinstance(holder, dict) else holder[_index(holder, key)]


def _holder(config: JsonObject, place: list[str]) -> tuple[Any, str]:
    holder: Any = config
    for part in place[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else holder[_index(holder, part)]
        if not isinstance(holder, dict | list):
            raise _Refusal(400, f"invalid traversal path at: config/{'/'.join(place)}")
    return holder, place[-1]


def _index(holder: list[Any], part: str, *, end: int = 0) -> int:
    if not part.isdecimal() or int(part) >= len(holder) + end:
        raise _Refusal(400, f"array index out of bounds: {part}")
    return int(part)


def _etag(place: list[str], found: object) -> str:
    return f'"/{"/".join([_CONFIG, *place])} {digest(found)[:16]}"'


def _require_match(config: JsonObject, match: str) -> None:
    if not match:
        return
    path = match.strip('"').split(" ")[0]
    place = [part for part in path.split("/") if part][1:]
    if _etag(place, _at(config, place)) != match:
        raise _Refusal(412, "If-Match header did not match current config hash")


def _edit(config: JsonObject, place: list[str], method: str, value: object) -> None:
    holder, key = _holder(config, place)
    if isinstance(holder, list):
        index = _index(holder, key, end=int(method == "PUT"))
        if method == "PUT":
            holder.insert(index, value)
        elif method == "PATCH":
            holder[index] = value
        else:
            del holder[index]
        return
    if method == "PUT" and key in holder:
        raise _Refusal(409, f"[/{'/'.join([_CONFIG, *place])}] key already exists: {key}")
    if method in {"PATCH", "DELETE"} and key not in holder:
        raise _Refusal(404, f"key does not exist: {key}")
    if method == "DELETE":
        del holder[key]
    else:
        holder[key] = value


def _load(config: JsonObject) -> None:
    """Refuse what Caddy cannot load: two objects of one id, a broken range, weights that add up to nothing."""
    seen: set[str] = set()
    for place, value in _objects(config, []):
        identity = value.get("@id")
        if identity in seen:
            raise _Refusal(400, f"indexing config: duplicate ID '{identity}' found at /config/{'/'.join(place)}")
        seen |= {identity} if identity else set()
        try:
            _load_object(value)
        except (ValueError, TypeError, AttributeError) as error:
            raise _Refusal(500, f"loading new config: loading http app module: {error}") from error


def _load_object(value: JsonObject) -> None:
    for each in (value.get("client_ip") or {}).get("ranges", []):
        ip_network(each)
    if value.get("policy") == "weighted_round_robin":
        weights = value.get("weights") or []
        if not all(isinstance(weight, int) and weight >= 0 for weight in weights) or (weights and not any(weights)):
            raise ValueError("loading load balancing selection policy: requires weights that are not all 0")


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, _Refusal):
        raise refusal
    return JSONResponse({"error": str(refusal)}, refusal.status)
