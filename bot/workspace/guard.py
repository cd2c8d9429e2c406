"""Keeps web pages of other sites out: a browser must not be talked into acting in the workspace.

Binding to loopback alone does not do it: any page that a developer opens may send requests to a loopback port. So the
`Host` must be loopback (against rebinding) and an `Origin`, where there is one, must be the workspace itself.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose


class LoopbackGuard:
    """ASGI middleware that refuses foreign hosts and origins with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from loopback."""
        if scope["type"] in ("http", "websocket") and not _is_welcome(Headers(scope=scope)):
            if scope["type"] == "websocket":
                await WebSocketClose(code=1008)(scope, receive, send)
            else:
                await PlainTextResponse("The local workspace answers on loopback only.", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_welcome(headers: Headers) -> bool:
    host = headers.get("host", "")
    if not is_loopback(urlsplit(f"//{host}").hostname):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host


def is_loopback(name: str | None) -> bool:
    """Tell whether a host's name or address is this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return False
