"""Socket Mode: Slack's requests come over a connection that Stanch opens, so nothing must be reachable from outside.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.slack.calls import calling

# A connection that broke is noticed within one, one that hangs within four of these.
_PING_SECONDS = 3


class SocketMode:
    """One connection, which is renewed whenever it breaks."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        """Take the application and the app-level token (`xapp-`); nothing is contacted before `start`."""
        self._app = app
        self._app_token = app_token
        self._handler: AsyncSocketModeHandler | None = None

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
        self._handler = AsyncSocketModeHandler(self._app, self._app_token, ping_interval=_PING_SECONDS)
        with calling("apps.connections.open"):
            await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        """Close the connection; requests that are under way are finished by whoever runs them."""
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]
