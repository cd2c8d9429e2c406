"""Any declared API over a world: JSON documents by path, with ETags, that writes are merged into.

It knows nothing of a connection's operations. What a write does beside merging its body into the document at its own
path, a scenario says under `writes`.
"""

from typing import Any

from pydantic import AwareDatetime, Field, JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sdk import AsgiApp, JsonObject, Simulator, Value, digest


class Effect(Value):
    """What a write at some path does.

    Attributes:
        document: Path of the document that it changes.
        at: Members, outermost first, into which the body is merged.
        merge: Merged into the document at the top, instead of the body.
    """

    document: str
    at: tuple[str, ...] = ()
    merge: JsonObject | None = None


class Documents(Value):
    """The simulator's document in the world.

    Attributes:
        documents: What GET answers, by path.
        writes: What requests do, by `METHOD /path`; without an entry a body is merged into the document at the path.
        changed_at: When a document changed last, by path.
    """

    documents: dict[str, JsonValue] = Field(default_factory=dict)
    writes: dict[str, Effect] = Field(default_factory=dict)
    changed_at: dict[str, AwareDatetime] = Field(default_factory=dict)


class _Refusal(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def simulator(declared: Simulator) -> AsgiApp:
    """Return the simulated API as an ASGI app; its document is `Documents`."""
    return _Simulated(declared).app()


class _Simulated:
    def __init__(self, declared: Simulator) -> None:
        self._declared = declared

    def app(self) -> Starlette:
        """Return one route for everything."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        routes = [Route("/{path:path}", self._answer, methods=methods)]
        return Starlette(routes=routes, exception_handlers={_Refusal: _refused})

    async def _answer(self, request: Request) -> Response:
        path = _path(request)
        if request.method == "GET":
            stored = Documents.model_validate(await self._declared.world.read(self._declared.connection))
            return _shown(_existing(stored, path))
        body = await request.json() if await request.body() else None
        stored = await self._write(request.method, path, body, request.headers.get("If-Match"))
        document = stored.documents.get(_effect(stored, request.method, path).document)
        return Response(status_code=204) if document is None else _shown(document)

    async def _write(self, method: str, path: str, body: Any, if_match: str | None) -> Documents:
        now = self._declared.now()

        def change(world: JsonObject) -> JsonObject:
            stored = Documents.model_validate(world)
            effect = _effect(stored, method, path)
            if if_match is not None and if_match != _etag(_existing(stored, effect.document)):
                raise _Refusal(412, "the document has changed")
            documents = dict(stored.documents)
            if method == "DELETE" and effect.merge is None:
                _existing(stored, effect.document)
                del documents[effect.document]
            else:
                current = documents.get(effect.document, {}) if method == "PUT" else _existing(stored, effect.document)
                documents[effect.document] = _after(effect, current, body)
            if documents == stored.documents:
                return world
            changed_at = {**stored.changed_at, effect.document: now}
            return stored.changed(documents=documents, changed_at=changed_at).model_dump(mode="json")

        return Documents.model_validate(await self._declared.world.change(self._declared.connection, change))


def _path(request: Request) -> str:
    """Return the path as it was sent: an encoded slash is no separator."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.decode("ascii", "replace").partition("?")[0]


def _effect(stored: Documents, method: str, path: str) -> Effect:
    return stored.writes.get(f"{method} {path}") or Effect(document=path)


def _existing(stored: Documents, path: str) -> JsonValue:
    if path not in stored.documents:
        raise _Refusal(404, f"there is nothing at {path}")
    return stored.documents[path]


def _after(effect: Effect, current: Any, body: Any) -> Any:
    if effect.merge is not None:
        return _merged(current, effect.merge)
    for member in reversed(effect.at):
        body = {member: body}
    return _merged(current, body)


def _merged(current: Any, patch: Any) -> Any:
    """Return a JSON merge patch's outcome, but that null is a value (https://www.rfc-editor.org/rfc/rfc7396)."""
    if not isinstance(patch, dict) or not isinstance(current, dict):
        return patch
    return {**current, **{name: _merged(current.get(name), value) for name, value in patch.items()}}


def _etag(document: JsonValue) -> str:
    return f'"{digest(document)[:20]}"'


def _shown(document: JsonValue) -> Response:
    return JSONResponse(document, headers={"ETag": _etag(document)})


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, _Refusal):
        raise refusal
    return JSONResponse({"error": str(refusal)}, refusal.status)
