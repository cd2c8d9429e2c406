"""HTTP mode: Slack posts its requests to Stanch, for those who may not or do not want to hold a socket open.

A signature proves where a request comes from, not that it is new: within its five minutes a copy is as good as the
original. So each signature, and each event, is good once. https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import logging
from collections.abc import Callable
from datetime import timedelta

from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.domain.values import Now
from bot.services.ports import UnitOfWork
from bot.slack.requests import Requests

logger = logging.getLogger(__name__)

_VALID_FOR = timedelta(minutes=5)
_TIMESTAMP_DIGITS = 12


class HttpMode:
    """Takes the requests that Slack posts."""

    def __init__(self, app: AsyncApp, signing_secret: str, uow: UnitOfWork, now: Now) -> None:
        """Take the application, the Slack app's signing secret, the store and the clock."""
        self._handler = AsyncSlackRequestHandler(app)
        self._secret = signing_secret.encode()
        self._requests = Requests(uow, now)
        self._now = now

    async def receive(self, request: Request, verified: Callable[[Request], None]) -> Response:
        """Verify one request, take it once, and answer it within the three seconds that Slack waits.

        Args:
            request: What came, from whomever.
            verified: Is told once it is known to be Slack's.

        Raises:
            HTTPException: 401 without a valid signature, 409 for a copy.
            StoreUnavailable: It cannot be known whether it is a copy; Slack sends an event again.
        """
        self._verify(request.headers, await request.body())
        verified(request)
        event_id = await _event_id(request)
        if event_id is not None:
            # Slack sends an event again, newly signed, when it saw no answer: that one must be told to stop.
            is_new = await self._requests.is_new("event-request", event_id)
            return await self._handler.handle(request) if is_new else Response()
        if await self._requests.is_new("signature", request.headers["X-Slack-Signature"]):
            return await self._handler.handle(request)
        logger.warning("slack.replayed from=%s", request.client.host if request.client else "unknown")
        raise HTTPException(409, "This request was received already; a copy has no effect.")

    def _verify(self, headers: Headers, body: bytes) -> None:
        timestamp = headers.get("X-Slack-Request-Timestamp", "")
        signature = headers.get("X-Slack-Signature", "")
        if self._is_recent(timestamp):
            signed = b"v0:%b:%b" % (timestamp.encode(), body)
            expected = f"v0={hmac.new(self._secret, signed, hashlib.sha256).hexdigest()}"
            if hmac.compare_digest(expected.encode(), signature.encode("latin-1")):
                return
        raise HTTPException(401, "This needs a request that Slack has signed in the last five minutes.")

    def _is_recent(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _TIMESTAMP_DIGITS):
            return False
        return abs(self._now().timestamp() - int(timestamp)) <= _VALID_FOR.total_seconds()


async def _event_id(request: Request) -> str | None:
    """Return what names an event however often it is sent; `None` for commands, clicks and Slack's challenge."""
    if "json" not in request.headers.get("Content-Type", ""):
        return None
    event_id = (await request.json()).get("event_id")
    return event_id if isinstance(event_id, str) else None
