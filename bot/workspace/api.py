"""The Web API over HTTP: `/api/{method}`, and the response URLs that Slack hands out with interactions.

Order matters, as in Slack: token, then method, then scope, then arguments. Faults come before everything else.
"""

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from bot.workspace.answers import answer_response_url
from bot.workspace.faults import Answer
from bot.workspace.methods import METHODS
from bot.workspace.methods.call import Call, Method, TokenKind
from bot.workspace.wire import Arguments, Json, Refused, read_arguments, read_json
from bot.workspace.workspace import Workspace


def origin_of(scope: Mapping[str, object]) -> str:
    """Return the address at which the workspace itself listens, as `http://host:port`."""
    server = scope.get("server")
    if not isinstance(server, (tuple, list)):
        raise TypeError("the workspace must be served over TCP")
    host, port = server
    shown = f"[{host}]" if ":" in str(host) else host
    return f"http://{shown}:{port}"


def workspace_of(connection: Request | WebSocket) -> Workspace:
    """Return the workspace that this server serves."""
    workspace = connection.app.state.workspace
    if not isinstance(workspace, Workspace):
        raise TypeError("the application holds no workspace")
    return workspace


def refusal(refused: Refused) -> JSONResponse:
    """Return a refusal as an HTTP response."""
    return JSONResponse(refused.answer(), refused.status, refused.headers)


async def _call(request: Request) -> Response:
    workspace = workspace_of(request)
    name = request.path_params["method"]
    await asyncio.sleep(workspace.faults.slowness(name))
    fault = workspace.faults.answer(name)
    try:
        arguments, token = await read_arguments(request)
    except Refused as refused:
        return refusal(refused)
    call = Call(workspace, arguments, origin_of(request.scope), token)
    try:
        if fault is not None and not fault.applied:
            raise _failure(fault)
        answer = _run(call, name, token)
        if fault is not None:
            raise _failure(fault)
    except Refused as refused:
        workspace.record(name, arguments.values, refused.status, refused.answer())
        return refusal(refused)
    workspace.record(name, arguments.values, 200, answer)
    return JSONResponse(answer)


def _run(call: Call, name: str, token: str) -> Json:
    method = _authorised(call.workspace, name, token)
    if method.scope is not None:
        call.need(method.scope)
    return {"ok": True} | method.handle(call)


def _authorised(workspace: Workspace, name: str, token: str) -> Method:
    method = METHODS.get(name)
    if method is not None and method.token is TokenKind.NONE:
        return method
    if not token:
        raise Refused("not_authed")
    kind = _kind_of(workspace, token)
    if method is None:
        raise Refused("unknown_method", req_method=name)
    if kind is not method.token:
        raise Refused("not_allowed_token_type")
    return method


def _kind_of(workspace: Workspace, token: str) -> TokenKind:
    app = workspace.seed.app
    if token == app.bot_token:
        return TokenKind.BOT
    if token == app.app_token:
        return TokenKind.APP
    if workspace.sign_in.grant(token) is not None:
        return TokenKind.USER
    raise Refused("invalid_auth")


def _failure(fault: Answer) -> Refused:
    if fault.status == 429:
        return Refused("ratelimited", status=429, headers={"Retry-After": str(fault.retry_after)})
    return Refused("internal_error", status=fault.status)


async def _response_url(request: Request) -> Response:
    workspace = workspace_of(request)
    try:
        body = await read_json(request)
        answer_response_url(workspace, request.path_params["key"], Arguments(body))
    except Refused as refused:
        return refusal(refused)
    return PlainTextResponse("ok")


async def _link(socket: WebSocket) -> None:
    await workspace_of(socket).sockets.serve(socket)


ROUTES = [
    Route("/api/{method}", _call, methods=["GET", "POST"]),
    Route("/response/{key}", _response_url, methods=["POST"]),
    WebSocketRoute("/link/", _link),
]
