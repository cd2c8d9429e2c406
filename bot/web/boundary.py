"""The outermost layer: every answer gets security headers and is counted, and no error leaves without one.

It is plain ASGI, not Starlette's `BaseHTTPMiddleware`: that one costs a task a request, and alerts come in storms.
"""

import logging
from secrets import token_hex

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.logs import about
from bot.web.errors import answer
from bot.web.metrics import Metrics
from bot.web.traces import RequestSpan, route_of

logger = logging.getLogger(__name__)

# What Stanch serves is data and never a page: nothing in it may run, be framed, be guessed at, or stay in a cache.
# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Boundary:
    """Wraps the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Take the app and where to count."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what the app raises becomes an answer while none has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with about(request=token_hex(4)):
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender, span = _Sender(send), RequestSpan(scope)
        try:
            await self._app(scope, receive, sender.send)
        except ClientDisconnect:
            logger.info("the sender hung up before its request was complete")
        except Exception as error:
            if sender.status is not None:
                raise
            await answer(error)(scope, receive, sender.send)
        finally:
            span.end(sender.status)
            self._metrics.count_request(route_of(scope), sender.status)


class _Sender:
    """Sends on, with the headers; remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            sent = list(message.get("headers", ()))
            names = {name.lower() for name, _ in sent}
            message = {**message, "headers": sent + [header for header in _HEADERS if header[0] not in names]}
        await self._send(message)
