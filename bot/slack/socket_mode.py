"""Socket Mode: Slack's requests come over a connection that Stanch opens, so nothing must be reachable from outside.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from time import time

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.slack.calls import calling
from bot.slack.envelopes import Unreadable, admitted, refusal

# A connection that broke is noticed within one, one that hangs within four of these.
_PING_SECONDS = 3


class _Handler(AsyncSocketModeHandler):
    """Bolt's handler, behind the door."""

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        """Answer one request; one that is not admitted is acknowledged only where that carries words to a person."""
        arrived = time()
        try:
            body = admitted(req.payload)
        except Unreadable:
            response = refusal(req.payload)
        else:
            response = await self.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        await send_async_response(client, req, response, arrived)


class SocketMode:
    """One connection, which is renewed whenever it breaks."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        """Take the application and the app-level token (`xapp-`); nothing is contacted before `start`."""
        self._app = app
        self._app_token = app_token
        self._handler: _Handler | None = None

    @property
    def connected(self) -> bool:
        """Whether requests can arrive now."""
        session = self._handler.client.current_session if self._handler else None
        return session is not None and not session.closed

    async def start(self) -> None:
        """Connect.

        Raises:
            AuthFailed: Slack does not accept the app-level token.
            Unavailable: Slack does not answer.
        """
        self._handler = _Handler(self._app, self._app_token, ping_interval=_PING_SECONDS)
        with calling("apps.connections.open"):
            await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        """Close the connection; requests that are under way are finished by whoever runs them."""
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]
