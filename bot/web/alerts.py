"""`POST /alerts/{source}`: who may send, how much, and when the sender is told that it arrived.

The answer 200 is a promise: it leaves only after the commit. Everything that may pass by itself is 503, because senders
such as Alertmanager repeat a 5xx soon and give up on a 4xx until their next round.
"""

import logging
from typing import Any

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from bot.sdk import ForeignPayload
from bot.web.credentials import Credentials
from bot.web.errors import Problem
from bot.web.metrics import Metrics
from bot.web.parts import WebParts
from bot.web.traces import trusted

logger = logging.getLogger(__name__)

MAX_BODY = 1_048_576
_PATH = "/alerts/{source}"
_CREDENTIAL = "One of the tokens that were set for this source"


class Stored(BaseModel):
    """The delivery is durable."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"alerts": 2}]})

    alerts: int = Field(ge=0, description="How many alerts it held; none is no error")


class AlertDoors:
    """One door an alert source."""

    def __init__(self, parts: WebParts, metrics: Metrics) -> None:
        """Take the intake and its parsers, and close the door of every source without a token."""
        self._parts = parts
        self._metrics = metrics
        self._credentials = {source: Credentials(parts.alert_tokens.get(source, ())) for source in parts.parsers}
        for source, credentials in self._credentials.items():
            if credentials.open_nothing:
                logger.warning("alerts from %s are refused: set STANCH_ALERT_TOKEN_%s", source, source.upper())

    def route(self) -> Route:
        """Return the route that serves; the body stays raw and unread, and no model of ours is tried on it."""
        return NamedRoute(_PATH, self._receive, methods=["POST"])

    def description(self) -> APIRouter:
        """Return the same as OpenAPI is to tell it; `route` stands before it, as FastAPI costs a storm too much."""
        router = APIRouter(tags=["alerts"])
        router.add_api_route(
            _PATH,
            self._receive,
            methods=["POST"],
            summary="Take a vendor's webhook in",
            description="Answers 200 only when every alert is stored. The body is the vendor's own, in its own format.",
            dependencies=[Security(HTTPBearer(scheme_name="alert", description=_CREDENTIAL, auto_error=False))],
            response_model=Stored,
            responses={code: {"model": Problem} for code in (400, 401, 404, 413, 415, 503)},
            openapi_extra=_beyond_the_signature(sorted(self._parts.parsers)),
        )
        return router

    async def _receive(self, request: Request) -> Response:
        source = str(request.path_params["source"])
        credentials = self._credentials.get(source)
        if credentials is None or credentials.open_nothing:
            raise HTTPException(404, "There is no such alert source here.")
        with self._metrics.delivery(source):
            credentials.check(request)
            trusted(request)
            return await self._store(source, await _body(request), request)

    async def _store(self, source: str, body: bytes, request: Request) -> Response:
        try:
            alerts = self._parts.parsers[source](body, request.headers, self._parts.now())
        except ForeignPayload as error:
            logger.warning("refused a delivery to the alert source %s: %r", source, str(error))
            raise
        with self._metrics.intake_seconds.time():
            await self._parts.intake.receive(alerts)
        self._metrics.count_alerts(source, alerts)
        return JSONResponse({"alerts": len(alerts)})


class NamedRoute(Route):
    """Says in the scope which route it is, as FastAPI's own routes do, so that requests are counted by it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as every route does."""
        match, child_scope = super().matches(scope)
        return match, {**child_scope, "route": self}


def _beyond_the_signature(sources: list[str]) -> dict[str, Any]:
    """Return what OpenAPI shall say of the request, which the handler's signature does not."""
    source = {"name": "source", "in": "path", "required": True, "schema": {"type": "string", "enum": sources}}
    body = {"required": True, "content": {"application/json": {"schema": {}}}}
    return {"parameters": [source], "requestBody": body}


async def _body(request: Request) -> bytes:
    """Return the body, having read no more than may be kept.

    Raises:
        HTTPException: 413 or 415.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise HTTPException(415, "Send the body as it is: compressed bodies are not unpacked here.")
    declared = request.headers.get("Content-Length", "0")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise _too_large()
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> HTTPException:
    return HTTPException(413, f"A body may have {MAX_BODY:,} bytes at most; let the sender split or limit its groups.")
