"""Pages through the official client, which is synchronous and brings its own HTTP library.

The client runs in a thread and its requests are carried out by the connection's own HTTP client on the event loop, so
that time-outs, the allowed host and the simulator are those of every other integration.
"""

import asyncio
import json
from collections.abc import Mapping

import httpx
import httpx2
import pagerduty
from pydantic import Field

from bot.sdk import ConnectionSettings, Page, Rejected, SecretStr, Unavailable, request

_NAME = "pagerduty"
# Only its path counts: the address is that of the connection. The client accepts no other than an https one.
_NOWHERE = "https://events.pagerduty.com"


class Settings(ConnectionSettings):
    """Settings of a PagerDuty connection.

    Attributes:
        routing_key: Integration key of the service that is to be paged.
    """

    url: str = Field(default=_NOWHERE, pattern=r"^https?://[^\s]+$")
    routing_key: SecretStr


class EventsPager:
    """Pages by triggering events; PagerDuty opens one incident for each key."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        """Take the connection's settings and its HTTP client."""
        self._routing_key = settings.routing_key.get_secret_value()
        self._client = client

    async def page(self, page: Page) -> None:
        """Trigger an event, once for each key.

        Raises:
            Rejected: PagerDuty refused the event, or does not know the routing key.
            Unavailable: Whether it arrived is unknown; the same key may be sent again.
        """
        transport = _OnTheLoop(self._client, asyncio.get_running_loop())
        try:
            await asyncio.to_thread(self._trigger, transport, page)
        except Rejected as error:
            detail = str(error).rpartition(f"{error.status}: ")[2].replace(self._routing_key, "***")
            raise Rejected(_NAME, "page", status=error.status, detail=detail) from None
        except pagerduty.Error as error:  # what the client makes of an answer that it does not understand
            raise Unavailable(_NAME, "page", "the answer is not that of the Events API") from error

    def _trigger(self, transport: httpx2.BaseTransport, page: Page) -> None:
        with pagerduty.EventsApiV2Client(self._routing_key, base_url=_NOWHERE, transport=transport) as client:
            client.trigger(
                page.summary,
                page.source,
                dedup_key=page.key,
                severity=page.severity,
                custom_details=page.details,
                links=[{"href": page.link, "text": "Go on in Slack"}] if page.link else None,
            )


class _OnTheLoop(httpx2.BaseTransport):
    """Has the client's requests carried out by the connection's own client."""

    def __init__(self, client: httpx.AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer to one request; failures are those of `bot.sdk.request`, which the client lets pass."""
        posted: Mapping[str, object] = json.loads(request.read())
        calling = asyncio.run_coroutine_threadsafe(self._post(request.url.path, posted), self._loop)
        return httpx2.Response(202, json=calling.result())

    async def _post(self, path: str, posted: Mapping[str, object]) -> object:
        return await request(self._client, _NAME, "page", "POST", path, json=posted)
