"""HTTP mode: Slack posts its requests to Stanch, for those who may not or do not want to hold a socket open.

A signature proves where a request comes from, not that it is new: within its five minutes a copy is as good as the
original. So each signature, and each event, is good once. https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl

from pydantic_core import from_json
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.domain.values import JsonObject, Now
from bot.services.ports import UnitOfWork
from bot.slack.envelopes import Unreadable, admitted, refusal
from bot.slack.requests import Requests

logger = logging.getLogger(__name__)

_VALID_FOR = timedelta(minutes=5)
_TIMESTAMP_DIGITS = 12


class HttpMode:
    """Takes the requests that Slack posts."""

    def __init__(self, app: AsyncApp, signing_secret: str, uow: UnitOfWork, now: Now) -> None:
        """Take the application, the Slack app's signing secret, the store and the clock."""
        self._app = app
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
        sent = _sent(await request.body())
        try:
            body = admitted(sent)
        except Unreadable:
            return to_starlette_response(refusal(sent))
        if "event_id" in body:
            # Slack sends an event again, newly signed, when it saw no answer: that one must be told to stop.
            is_new = await self._requests.is_new("event-request", body["event_id"])
            return await self._handled(body) if is_new else Response()
        if await self._requests.is_new("signature", request.headers["X-Slack-Signature"]):
            return await self._handled(body)
        logger.warning("slack.replayed from=%s", request.client.host if request.client else "unknown")
        raise HTTPException(409, "This request was received already; a copy has no effect.")

    async def _handled(self, body: JsonObject) -> Response:
        return to_starlette_response(await self._app.async_dispatch(AsyncBoltRequest(body=json.dumps(body))))

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


def _sent(body: bytes) -> object:
    """Return what a body holds: JSON, a form whose field `payload` holds JSON, or a form; `None` for anything else."""
    try:
        if body.startswith(b"{"):
            return from_json(body)
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return from_json(form["payload"]) if "payload" in form else form
    except ValueError:
        return None
