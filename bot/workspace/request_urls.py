"""The HTTP door: signed requests to the app's request URLs, as Slack sends them to an app without Socket Mode.

https://docs.slack.dev/authentication/verifying-requests-from-slack - the signature covers the body's bytes as sent, so
an app must verify before it parses.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict

from bot.workspace.dispatch import Delivery, Kind, Loss, UndeliveredError
from bot.workspace.guard import is_loopback
from bot.workspace.limits import Limits
from bot.workspace.state import Clock
from bot.workspace.wire import Json

# https://docs.slack.dev/apis/events-api#error-handling
_REASONS = {Loss.TIMEOUT: "http_timeout", Loss.NOT_ACCEPTED: "http_error"}
_UNREACHED = "connection_failed"
_FORM = "application/x-www-form-urlencoded"


def _on_loopback(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_loopback(parts.hostname):
        raise ValueError(f"a request URL must be http and on loopback, not {url!r}")
    return url


_Url = Annotated[str, AfterValidator(_on_loopback)]


class RequestUrls(BaseModel):
    """Where the app takes requests, as in Slack's app settings; what is not given goes to `events`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: _Url
    commands: _Url | None = None
    interactivity: _Url | None = None
    options: _Url | None = None

    def of(self, delivery: Delivery) -> str:
        """Return the URL that a delivery goes to."""
        if delivery.kind is Kind.COMMAND:
            return self.commands or self.events
        if delivery.kind is Kind.INTERACTION:
            suggests = delivery.payload["type"] == "block_suggestion"
            return (self.options if suggests else None) or self.interactivity or self.events
        return self.events


class UnverifiedUrlError(Exception):
    """The app did not answer the challenge with which Slack verifies a request URL."""


@dataclass(frozen=True, slots=True)
class _Sent:
    url: str
    body: bytes
    headers: Mapping[str, str]


class HttpDoor:
    """Posts to request URLs, each verified by a challenge before anything else is sent there."""

    def __init__(self, urls: RequestUrls, signing_secret: str, limits: Limits, now: Clock) -> None:
        """Take where to post; nothing is contacted before `verify` or the first delivery."""
        self.urls = urls
        self._secret = signing_secret.encode()
        self._now = now
        self._patience = limits.ack_within.total_seconds()
        self._http = httpx.AsyncClient(timeout=self._patience, trust_env=False)
        self._last: _Sent | None = None
        self.verified = False

    async def verify(self) -> None:
        """Send Slack's challenge to the events URL.

        Raises:
            UnverifiedUrlError: It was not given back; says what came instead.
        """
        challenge = secrets.token_hex(20)
        body = {"type": "url_verification", "token": "local-verification-token", "challenge": challenge}
        try:
            answer = await self._post(self._signed(self.urls.events, json.dumps(body).encode(), "application/json"))
        except UndeliveredError as exc:
            raise UnverifiedUrlError(f"{self.urls.events} was not reached: {exc.loss.value}") from exc
        given = _payload(answer).get("challenge", answer.text.strip())
        if answer.status_code != 200 or given != challenge:
            raise UnverifiedUrlError(f"{self.urls.events} answered {answer.status_code} and not the challenge")
        self.verified = True

    async def deliver(self, delivery: Delivery) -> Json:
        """Post once and return what the app answered with (`{}` if nothing); raise `UndeliveredError`."""
        if not self.verified:
            try:
                await self.verify()
            except UnverifiedUrlError as exc:
                raise UndeliveredError(Loss.UNREACHABLE) from exc
        sent = self._request(delivery)
        self._last = sent
        answer = await self._post(sent)
        if answer.is_success:
            return _payload(answer)
        final = answer.headers.get("X-Slack-No-Retry") == "1"
        raise UndeliveredError(Loss.REFUSED_FOR_GOOD if final else Loss.NOT_ACCEPTED)

    async def wait_until_open(self) -> None:
        """Return at once: only a try tells whether a URL answers."""

    async def replay(self) -> int | None:
        """Send the last request again, byte for byte; return its HTTP status, or `None` if there was none.

        Raises:
            UndeliveredError: The app did not answer.
        """
        return None if self._last is None else (await self._post(self._last)).status_code

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    def _request(self, delivery: Delivery) -> _Sent:
        url, payload = self.urls.of(delivery), delivery.payload
        if delivery.kind is Kind.COMMAND:
            return self._signed(url, urlencode(payload).encode(), _FORM)
        if delivery.kind is Kind.INTERACTION:
            return self._signed(url, urlencode({"payload": json.dumps(payload)}).encode(), _FORM)
        retries = {}
        if delivery.lost is not None:
            reason = _REASONS.get(delivery.lost, _UNREACHED)
            retries = {"X-Slack-Retry-Num": str(delivery.retry_attempt), "X-Slack-Retry-Reason": reason}
        return self._signed(url, json.dumps(payload).encode(), "application/json", retries)

    def _signed(self, url: str, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> _Sent:
        timestamp = str(int(self._now().timestamp()))
        signature = hmac.new(self._secret, f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        return _Sent(url, body, headers | dict(more or {}))

    async def _post(self, sent: _Sent) -> httpx.Response:
        try:
            async with asyncio.timeout(self._patience):
                return await self._http.post(sent.url, content=sent.body, headers=sent.headers)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise UndeliveredError(Loss.TIMEOUT) from exc
        except httpx.HTTPError as exc:
            raise UndeliveredError(Loss.UNREACHABLE) from exc


def _payload(answer: httpx.Response) -> Json:
    """Return a body as the payload of an acknowledgement; plain text is what a command says."""
    text = answer.text.strip()
    if not text:
        return {}
    try:
        payload = json.loads(text)
    except ValueError:
        return {"text": text}
    return payload if isinstance(payload, dict) else {"text": text}
