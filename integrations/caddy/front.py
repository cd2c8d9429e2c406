"""Routes of Stanch's own in front of all others of a server: one that blocks clients, one that cuts a path off.

They go by `@id`, and Caddy keeps ids unique. A route does its work only while nothing but our own routes stands before
it, so that is part of what is read.
"""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bot.sdk import JsonObject, Level, NoParams, Proposal, Rejected, Unavailable, Value, digest, fitting
from integrations.caddy.client import NAME, SEGMENT, TITLE, CaddyAction, Seen

_PREFIX = "stanch-"
_BEHIND = "behind another route"
_SMALLEST_PREFIX = {4: 24, 6: 48}


def _network(text: str) -> str:
    """Return an address or a small network in its one spelling; half the world is not a client."""
    network = ip_network(text)
    if network.prefixlen < _SMALLEST_PREFIX[network.version]:
        raise ValueError(f"is wider than a /{_SMALLEST_PREFIX[network.version]}, which is more than one client")
    return str(network)


class ServerRef(Value):
    """One HTTP server of the configuration: `srv0` where a Caddyfile did not name it."""

    server: str = Field(pattern=SEGMENT, max_length=100)


class PathRef(ServerRef):
    """What a server answers on a path, on every host if none is named; `*` stands for anything."""

    path: str = Field(pattern=r"^/[A-Za-z0-9_./~*-]*$", max_length=200)
    host: str = Field(default="", pattern=r"^[A-Za-z0-9.*-]*$", max_length=253)


class ClientParams(Value):
    """An IP address or a network no wider than a /24 or, of IPv6, a /48."""

    client: Annotated[str, Field(max_length=60), AfterValidator(_network)]


class _FrontAction(CaddyAction):
    async def _look(self, ref: JsonObject) -> Seen:
        server = fitting(self._ref_model(), ref, whom=TITLE).server
        return await self._api.read(f"/config/apps/http/servers/{server}")

    async def _put(self, seen: Seen, server: str, route: JsonObject) -> None:
        """Replace our route, or insert it before all others."""
        place, routes = _found(seen.config, route["@id"]), f"/config/apps/http/servers/{server}/routes"
        if place is not None:
            await self._api.write("PATCH", f"{routes}/{place}", seen.etag, route)
        elif seen.config.get("routes"):
            await self._api.write("PUT", f"{routes}/0", seen.etag, route)
        else:
            await self._api.write("POST", routes, seen.etag, [route])

    async def _remove(self, seen: Seen, server: str, identity: str) -> None:
        place = _found(seen.config, identity)
        if place is not None:
            await self._api.write("DELETE", f"/config/apps/http/servers/{server}/routes/{place}", seen.etag)

    def _ref_model(self) -> type[ServerRef]:
        raise NotImplementedError


class BlockClient(_FrontAction):
    """Answers one client with 403, whatever it asks for."""

    name = "block_client"
    title = "Block a client"
    ref_model: type[Value] = ServerRef
    params_model: type[Value] = ClientParams
    lowest_level = Level.L1

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the block; `None` when the client is blocked by it already."""
        named, client = self._named(ref), fitting(ClientParams, params, whom=TITLE).client
        if state["clients"].get(client) == "blocked":
            return None
        if _BEHIND in state["clients"].values():
            raise Rejected(NAME, "plan", status=409, detail=f"another route was put before the blocks of {named}")
        return Proposal(
            before=state,
            after={"clients": {**state["clients"], client: "blocked"}},
            summary=f"Block {client} on {named}",
            blast_radius=(
                f"{named}, every host and path",
                f"client {client}: {ip_network(client).num_addresses} address(es) get 403",
                f"{len(state['clients'])} client(s) are blocked there already and stay so",
            ),
        )

    def _ref_model(self) -> type[ServerRef]:
        return ServerRef

    def _state(self, ref: JsonObject, config: JsonObject) -> JsonObject:
        place = _found(config, _block_id(ref))
        if place is None:
            return {"clients": {}}
        try:
            ranges = config["routes"][place]["match"][0]["client_ip"]["ranges"]
        except (KeyError, IndexError, TypeError) as error:
            detail = f"the route {_block_id(ref)} is not as Stanch writes it"
            raise Rejected(NAME, "read configuration", status=409, detail=detail) from error
        standing = "blocked" if _in_front(config, place) else _BEHIND
        return {"clients": {str(each): standing for each in ranges}}

    def _named(self, ref: JsonObject) -> str:
        return f"server {ref['server']}"

    async def _write(self, ref: JsonObject, seen: Seen, after: JsonObject) -> None:
        server = str(ref["server"])
        if not after["clients"]:
            await self._remove(seen, server, _block_id(ref))
            return
        route = {
            "@id": _block_id(ref),
            "match": [{"client_ip": {"ranges": sorted(after["clients"])}}],
            "handle": [{"handler": "static_response", "status_code": 403}],
            "terminal": True,
        }
        await self._put(seen, server, route)


class CutOff(_FrontAction):
    """Answers everybody on one path with 503, so that what is behind it is asked no more."""

    name = "cut_off"
    title = "Cut a path off"
    ref_model: type[Value] = PathRef
    params_model: type[Value] = NoParams
    lowest_level = Level.L6

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the cut; `None` when the path is cut off."""
        fitting(NoParams, params, whom=TITLE)
        if state["path"] == "cut off":
            return None
        named = self._named(ref)
        return Proposal(
            before=state,
            after={"path": "cut off"},
            summary=f"Cut off {named}",
            blast_radius=(f"{named}: every client gets 503 with Retry-After", "nothing behind it is asked any more"),
        )

    def _ref_model(self) -> type[ServerRef]:
        return PathRef

    def _state(self, ref: JsonObject, config: JsonObject) -> JsonObject:
        place = _found(config, _cut_id(ref))
        if place is None:
            return {"path": "served"}
        return {"path": "cut off" if _in_front(config, place) else _BEHIND}

    def _named(self, ref: JsonObject) -> str:
        where = fitting(PathRef, ref, whom=TITLE)
        return f"{where.host or 'every host'}{where.path} on server {where.server}"

    async def _write(self, ref: JsonObject, seen: Seen, after: JsonObject) -> None:
        where = fitting(PathRef, ref, whom=TITLE)
        if after["path"] == "served":
            await self._remove(seen, where.server, _cut_id(ref))
            return
        answer = {"handler": "static_response", "status_code": 503, "headers": {"Retry-After": ["60"]}}
        match = {"path": [where.path], **({"host": [where.host]} if where.host else {})}
        route = {"@id": _cut_id(ref), "match": [match], "handle": [answer], "terminal": True}
        await self._put(seen, where.server, route)


def _block_id(ref: JsonObject) -> str:
    return f"{_PREFIX}blocked-{ref['server']}"


def _cut_id(ref: JsonObject) -> str:
    where = fitting(PathRef, ref, whom=TITLE)
    return f"{_PREFIX}cut-off-{digest([where.server, where.host, where.path])[:12]}"


def _routes(config: JsonObject) -> list[Any]:
    routes = config.get("routes") or []
    if not isinstance(routes, list) or not all(isinstance(route, dict) for route in routes):
        raise Unavailable(NAME, "read configuration", "the routes are not those of Caddy 2")
    return routes


def _found(config: JsonObject, identity: str) -> int | None:
    return next((place for place, route in enumerate(_routes(config)) if route.get("@id") == identity), None)


def _in_front(config: JsonObject, place: int) -> bool:
    return all(str(route.get("@id", "")).startswith(_PREFIX) for route in _routes(config)[:place])
