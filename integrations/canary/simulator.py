"""A feature to be asked, played from a world: it answers harmfully while something in the world says so."""

from typing import Any

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.sdk import JsonObject, Simulator, Value

_TOKEN = "token-of-the-simulator"  # noqa: S105 - nothing secret: no address outside of this process takes it


class _While(Value):
    """Holds while the value at a JSON pointer of a connection's document is this."""

    connection: str
    pointer: str
    equals: Any


class _Answer(Value):
    """How one path answers.

    Attributes:
        harmful_while: `None` for always.
        clean_status: Of the clean answer.
    """

    harmful: str
    clean: str = ""
    clean_status: int = Field(default=200, ge=200, le=599)
    harmful_while: _While | None = None


def simulator(declared: Simulator) -> Starlette:
    """Return the simulated feature as an ASGI app; `answers` of its document has an answer for each path."""

    async def answer(request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {_TOKEN}":
            return PlainTextResponse("who are you?", status_code=401)
        document = await declared.world.read(declared.connection)
        found = document.get("answers", {}).get(request.url.path)
        if found is None:
            return PlainTextResponse("nothing is here", status_code=404)
        played = _Answer.model_validate(found)
        if await _holds(played.harmful_while):
            return PlainTextResponse(played.harmful)
        return PlainTextResponse(played.clean, status_code=played.clean_status)

    async def _holds(condition: _While | None) -> bool:
        if condition is None:
            return True
        return bool(_at(await declared.world.read(condition.connection), condition.pointer) == condition.equals)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def _at(document: JsonObject, pointer: str) -> Any:
    value: Any = document
    for name in pointer.split("/")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value
