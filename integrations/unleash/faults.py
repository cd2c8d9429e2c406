"""Makes the simulated admin API fail on demand, for tests and exercises.

Faults stand in the world's document and are used up from the first on; what clients read flags from never fails.
"""

from collections.abc import MutableMapping
from typing import Any, Literal

from pydantic import Field
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sdk import JsonObject, Simulator, Value

_ADMIN = "/api/admin"
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
        if scope["type"] != "http" or not scope["path"].startswith(_ADMIN):
            await self._app(scope, receive, send)
            return
        fault = await self._next(is_write=scope["method"] not in _READS)
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.answer == "applied_then_504":
            await self._app(scope, receive, _unheard)
        await _answer(fault)(scope, receive, send)

    async def _next(self, *, is_write: bool) -> Fault | None:
        connection, world = self._declared.connection, self._declared.world
        if not _due((await world.read(connection)).get("faults", []), is_write=is_write):
            return None
        taken: list[Fault] = []

        def take(document: JsonObject) -> JsonObject:
            taken.clear()
            faults = [Fault.model_validate(each) for each in document.get("faults", [])]
            place = next((place for place, each in enumerate(faults) if is_write or each.on == "all"), None)
            if place is None:
                return document
            taken.append(faults[place])
            left = [faults[place].changed(times=faults[place].times - 1)] if faults[place].times > 1 else []
            faults[place : place + 1] = left
            return {**document, "faults": [each.model_dump() for each in faults]}

        await world.change(connection, take)
        return taken[0] if taken else None


def _due(faults: list[JsonObject], *, is_write: bool) -> bool:
    return any(is_write or Fault.model_validate(each).on == "all" for each in faults)


def _answer(fault: Fault) -> Response:
    match fault.answer:
        case "401":
            return JSONResponse({"name": "UnauthorizedError", "message": "You must log in to use Unleash."}, 401)
        case "429":
            return JSONResponse({"message": "Too many requests, please try again later."}, 429, {"Retry-After": "2"})
        case "500":
            return JSONResponse({"name": "UnknownError", "message": "Something went wrong."}, 500)
        case "garbage":
            return PlainTextResponse("<html><body>Welcome to the proxy</body></html>")
        case "applied_then_504":
            return PlainTextResponse("upstream request timeout", 504)
        case "ignored":
            return Response()


async def _unheard(_: MutableMapping[str, Any]) -> None:
    return
