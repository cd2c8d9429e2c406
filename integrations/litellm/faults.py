"""Makes the simulated admin API fail on demand, for tests and exercises.

Faults stand in the world's document and are used up from the first on; chat completions never fail by them.
"""

from collections.abc import MutableMapping
from typing import Any, Literal

from pydantic import Field
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sdk import JsonObject, Simulator, Value

_TRAFFIC = "/v1/"
_READS = frozenset({"GET", "HEAD"})


class Fault(Value):
    """How the next calls go wrong.

    Attributes:
        answer: `401`, `429`, `500` and `garbage` do nothing; `applied_then_504` does the work and hides it; `ignored`
            says yes and does nothing.
        times: How many calls it lasts.
        on: Which calls it concerns; the others pass and do not use it up.
    """

    answer: Literal["401", "429", "500", "garbage", "applied_then_504", "ignored"]
    times: int = Field(default=1, ge=1)
    on: Literal["all", "writes"] = "writes"


class FaultyApi:
    """The simulator's routes behind the faults of its document."""

    def __init__(self, app: ASGIApp, declared: Simulator) -> None:
        self._app = app
        self._declared = declared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, wrongly if a fault is due."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith(_TRAFFIC):
            fault = await self._taken(is_write=scope["method"] not in _READS)
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.answer == "applied_then_504":
            await self._app(scope, receive, _unheard)
        await _answer(fault)(scope, receive, send)

    async def _taken(self, *, is_write: bool) -> Fault | None:
        connection, world = self._declared.connection, self._declared.world
        if _due(await world.read(connection), is_write=is_write) is None:
            return None
        taken: list[Fault | None] = []

        def take(document: JsonObject) -> JsonObject:
            place = _due(document, is_write=is_write)
            if place is None:
                taken.append(None)
                return document
            faults = list(document["faults"])
            fault = Fault.model_validate(faults[place])
            taken.append(fault)
            faults[place : place + 1] = [fault.changed(times=fault.times - 1).model_dump()] if fault.times > 1 else []
            return {**document, "faults": faults}

        await world.change(connection, take)
        return taken[-1]


def _due(document: JsonObject, *, is_write: bool) -> int | None:
    faults = [Fault.model_validate(each) for each in document.get("faults", [])]
    return next((place for place, each in enumerate(faults) if is_write or each.on == "all"), None)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "code": str(status)}}, status, headers)


def _answer(fault: Fault) -> Response:
    match fault.answer:
        case "401":
            return _error(401, "Authentication Error, Invalid proxy server token passed.")
        case "429":
            return _error(429, "Too many requests", {"Retry-After": "2"})
        case "500":
            return _error(500, "Internal server error")
        case "garbage":
            return PlainTextResponse("<html><body>Welcome to the gateway</body></html>")
        case "applied_then_504":
            return PlainTextResponse("upstream request timeout", 504)
        case "ignored":
            return JSONResponse({"message": "success"})


async def _unheard(_: MutableMapping[str, Any]) -> None:
    return
