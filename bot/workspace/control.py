"""The workspace's own controls: faults on demand, the record of Web API requests, and the app's request URLs.

Slack has a settings page for the last of these; like that page, this one saves no URL that fails the challenge.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.workspace.api import refusal, workspace_of
from bot.workspace.dispatch import UndeliveredError
from bot.workspace.faults import FAULT, DropSockets, Replay
from bot.workspace.request_urls import RequestUrls, UnverifiedUrlError
from bot.workspace.wire import Refused, read_json
from bot.workspace.workspace import RecordedDelivery, RecordedRequest, Workspace


async def _list_faults(request: Request) -> Response:
    return JSONResponse({"ok": True, "faults": workspace_of(request).faults.listed()})


async def _add_fault(request: Request) -> Response:
    workspace = workspace_of(request)
    try:
        fault = FAULT.validate_python(await read_json(request))
    except ValidationError as exc:
        return JSONResponse({"ok": False, "error": "invalid_fault", "detail": str(exc)}, 400)
    except Refused as exc:
        return refusal(exc)
    if isinstance(fault, Replay):
        return await _replay(workspace)
    if isinstance(fault, DropSockets):
        await workspace.sockets.drop(announced=fault.announced)
    else:
        workspace.faults.add(fault)
    return JSONResponse({"ok": True, "faults": workspace.faults.listed()})


async def _replay(workspace: Workspace) -> Response:
    try:
        status = None if workspace.http is None else await workspace.http.replay()
    except UndeliveredError as exc:
        return JSONResponse({"ok": False, "error": exc.loss.value}, 400)
    if status is None:
        return JSONResponse({"ok": False, "error": "nothing_to_replay"}, 400)
    return JSONResponse({"ok": True, "status": status})


async def _set_request_urls(request: Request) -> Response:
    workspace = workspace_of(request)
    try:
        urls = RequestUrls.model_validate(await read_json(request))
        await workspace.verify_request_urls(urls)
    except (ValidationError, UnverifiedUrlError) as exc:
        return JSONResponse({"ok": False, "error": "invalid_request_url", "detail": str(exc)}, 400)
    except Refused as exc:
        return refusal(exc)
    return JSONResponse({"ok": True, "request_urls": urls.model_dump()})


async def _clear_faults(request: Request) -> Response:
    workspace_of(request).faults.clear()
    return JSONResponse({"ok": True, "faults": []})


async def _requests(request: Request) -> Response:
    workspace = workspace_of(request)
    method = request.query_params.get("method")
    try:
        window = _Window.of(request)
    except ValueError as exc:
        return JSONResponse({"ok": False, "error": "invalid_request", "detail": str(exc)}, 400)
    found = [_recorded(one) for one in workspace.requests if method in (None, one.method) and window.holds(one)]
    return JSONResponse({"ok": True, "requests": found})


async def _deliveries(request: Request) -> Response:
    workspace = workspace_of(request)
    try:
        window = _Window.of(request)
    except ValueError as exc:
        return JSONResponse({"ok": False, "error": "invalid_request", "detail": str(exc)}, 400)
    found = [_tried(one) for one in workspace.deliveries if window.holds(one)]
    return JSONResponse({"ok": True, "deliveries": found})


@dataclass(frozen=True, slots=True)
class _Window:
    """Which part of a record is asked for: what has a higher number than `after` and is not before `since`."""

    after: int
    since: datetime | None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the window from a query; raise `ValueError`."""
        since = request.query_params.get("since")
        start = datetime.fromisoformat(since) if since else None
        if start is not None and start.tzinfo is None:
            raise ValueError("since needs a UTC offset")
        return cls(int(request.query_params.get("after", "0")), start)

    def holds(self, one: RecordedRequest | RecordedDelivery) -> bool:
        """Tell whether an entry is in the window."""
        return one.number > self.after and (self.since is None or one.at >= self.since)


async def _health(request: Request) -> Response:
    workspace = workspace_of(request)
    return JSONResponse(
        {
            "ok": True,
            "team_id": workspace.seed.team_id,
            "sockets": workspace.sockets.connections,
            "request_url": None if workspace.http is None else workspace.http.urls.events,
        }
    )


def _recorded(one: RecordedRequest) -> dict[str, object]:
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "method": one.method,
        "arguments": one.arguments,
        "status": one.status,
        "response": one.response,
    }


def _tried(one: RecordedDelivery) -> dict[str, object]:
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "kind": one.delivery.kind.value,
        "retry_attempt": one.delivery.retry_attempt,
        "payload": one.delivery.payload,
        "lost": one.lost,
    }


ROUTES = [
    Route("/_workspace/deliveries", _deliveries, methods=["GET"]),
    Route("/_workspace/faults", _list_faults, methods=["GET"]),
    Route("/_workspace/faults", _add_fault, methods=["POST"]),
    Route("/_workspace/faults", _clear_faults, methods=["DELETE"]),
    Route("/_workspace/health", _health, methods=["GET"]),
    Route("/_workspace/request-urls", _set_request_urls, methods=["PUT"]),
    Route("/_workspace/requests", _requests, methods=["GET"]),
]
