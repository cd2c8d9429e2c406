"""The workspace's own controls, which Slack has not: faults on demand, and the record of Web API requests."""

from datetime import datetime

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.workspace.api import refusal, workspace_of
from bot.workspace.faults import FAULT, DropSockets
from bot.workspace.wire import Refused, read_json
from bot.workspace.workspace import RecordedRequest


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
    if isinstance(fault, DropSockets):
        await workspace.sockets.drop(announced=fault.announced)
    else:
        workspace.faults.add(fault)
    return JSONResponse({"ok": True, "faults": workspace.faults.listed()})


async def _clear_faults(request: Request) -> Response:
    workspace_of(request).faults.clear()
    return JSONResponse({"ok": True, "faults": []})


async def _requests(request: Request) -> Response:
    workspace = workspace_of(request)
    method = request.query_params.get("method")
    try:
        after = int(request.query_params.get("after", "0"))
        since = request.query_params.get("since")
        start = datetime.fromisoformat(since) if since else None
    except ValueError as exc:
        return JSONResponse({"ok": False, "error": "invalid_request", "detail": str(exc)}, 400)
    if start is not None and start.tzinfo is None:
        return JSONResponse({"ok": False, "error": "invalid_request", "detail": "since needs a UTC offset"}, 400)
    found = [
        _recorded(one)
        for one in workspace.requests
        if one.number > after and method in (None, one.method) and (start is None or one.at >= start)
    ]
    return JSONResponse({"ok": True, "requests": found})


async def _health(request: Request) -> Response:
    workspace = workspace_of(request)
    return JSONResponse({"ok": True, "team_id": workspace.seed.team_id, "sockets": workspace.sockets.connections})


def _recorded(one: RecordedRequest) -> dict[str, object]:
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "method": one.method,
        "arguments": one.arguments,
        "status": one.status,
        "response": one.response,
    }


ROUTES = [
    Route("/_workspace/faults", _list_faults, methods=["GET"]),
    Route("/_workspace/faults", _add_fault, methods=["POST"]),
    Route("/_workspace/faults", _clear_faults, methods=["DELETE"]),
    Route("/_workspace/health", _health, methods=["GET"]),
    Route("/_workspace/requests", _requests, methods=["GET"]),
]
