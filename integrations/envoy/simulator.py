"""Envoy's admin API over a world: its document holds the runtime's layers, the listeners and the route configurations.

Like the real one it takes any text for any key. It serves no traffic.
"""

import copy
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator

_TYPE = "type.googleapis.com/envoy.admin.v3."


class _NoAdminLayer(Exception):
    """The configuration has no layer that the admin API could write."""


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated admin API as an ASGI app."""
    return _Envoy(declared).app()


class _Envoy:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return the routes."""
        return Starlette(
            routes=[
                Route("/runtime", self._runtime, methods=["GET"]),
                Route("/config_dump", self._config_dump, methods=["GET"]),
                Route("/runtime_modify", self._runtime_modify, methods=["POST"]),
            ]
        )

    async def _runtime(self, _: Request) -> Response:
        layers = _layers(await self._document())
        keys = sorted({key for layer in layers for key in layer.get("values", {})})
        values = {key: [layer.get("values", {}).get(key, "") for layer in layers] for key in keys}
        entries = {
            key: {"layer_values": each, "final_value": next(value for value in reversed(each) if value)}
            for key, each in values.items()
        }
        return JSONResponse({"layers": [layer["name"] for layer in layers], "entries": entries})

    async def _config_dump(self, request: Request) -> Response:
        field, document = request.query_params["mask"].split(",")[0], await self._document()
        if field == "bootstrap.layered_runtime":
            kinds = [{"name": each["name"], _kind(each): {}} for each in _layers(document)]
            dump: JsonObject = {"@type": f"{_TYPE}BootstrapConfigDump", "bootstrap": {}}
            if kinds:
                dump["bootstrap"] = {"layered_runtime": {"layers": kinds}}
        elif field == "static_route_configs":
            routes = [{"route_config": each} for each in _route_configs(document.get("listeners", []))]
            dump = {"@type": f"{_TYPE}RoutesConfigDump", field: routes}
        else:
            listeners = [{"listener": each} for each in document.get("listeners", [])]
            dump = {"@type": f"{_TYPE}ListenersConfigDump", field: listeners}
        return JSONResponse({"configs": [dump]})

    async def _runtime_modify(self, request: Request) -> Response:
        given, now = _given(request.url.query), self._declared.now().isoformat()

        def change(document: JsonObject) -> JsonObject:
            changed = copy.deepcopy(document)
            admin = next((layer for layer in _layers(changed) if layer.get("admin")), None)
            if admin is None:
                raise _NoAdminLayer
            values = {**admin.get("values", {}), **given}
            admin["values"] = {key: value for key, value in values.items() if value}
            return {**changed, "changed_at": now}

        try:
            await self._declared.world.change(self._declared.connection, change)
        except _NoAdminLayer:
            return PlainTextResponse("No admin layer specified", 503)
        return PlainTextResponse("OK\n")

    async def _document(self) -> JsonObject:
        return await self._declared.world.read(self._declared.connection)


def _given(query: str) -> dict[str, str]:
    """Return the values of a query as Envoy reads them: a plus sign stays one."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {unquote(key): unquote(value) for key, _, value in pairs}


def _layers(document: JsonObject) -> list[Any]:
    layers: list[Any] = document.get("layers", [])
    return layers


def _kind(layer: JsonObject) -> str:
    return "admin_layer" if layer.get("admin") else "static_layer"


def _route_configs(value: object) -> Iterator[object]:
    """Return the route configurations that stand in listeners."""
    if isinstance(value, dict) and "route_config" in value:
        yield value["route_config"]
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _route_configs(each)
