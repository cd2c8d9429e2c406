"""The workspace as a whole: its state, its permits, its faults, and the events it tells the app.

What the methods, the people's door and the page share; nothing in here speaks HTTP.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from bot.workspace.changes import Changes
from bot.workspace.dispatch import Dispatcher
from bot.workspace.faults import Faults
from bot.workspace.limits import Limits
from bot.workspace.model import Channel
from bot.workspace.permits import ResponseUrls, Triggers
from bot.workspace.rates import PostRate
from bot.workspace.seed import Seed
from bot.workspace.sockets import SocketDoor
from bot.workspace.state import Clock, State
from bot.workspace.wire import Json


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One Web API request as it was answered; the token is left out. `number` counts from 1."""

    number: int
    at: datetime
    method: str
    arguments: Json
    status: int
    response: Json


class Workspace:
    """One running workspace with one installed app."""

    def __init__(self, seed: Seed, limits: Limits, now: Clock) -> None:
        self.seed = seed
        self.limits = limits
        self.now = now
        self.state = State(seed, now)
        self.triggers = Triggers(limits, now)
        self.response_urls = ResponseUrls(limits, now)
        self.post_rate = PostRate(limits, now)
        self.faults = Faults()
        self.changes = Changes()
        self.sockets = SocketDoor(seed.app.id, limits, now)
        self.dispatcher = Dispatcher(self.sockets, self.faults, limits.retry_pauses)
        self.requests: deque[RecordedRequest] = deque(maxlen=limits.requests_kept)
        self._recorded = 0

    async def stop(self) -> None:
        """End the feeds and give up deliveries that are under way."""
        self.changes.stop()
        await self.dispatcher.stop()

    def record(self, method: str, arguments: Json, status: int, response: Json) -> None:
        """Remember one Web API request and its answer."""
        self._recorded += 1
        self.requests.append(RecordedRequest(self._recorded, self.now(), method, arguments, status, response))

    def emit(self, subscription: str, event: Json, channel: Channel | None = None) -> None:
        """Tell the app of an event if it subscribes to it and, for a channel's event, is in the channel."""
        app = self.seed.app
        if subscription not in app.events or (channel is not None and app.bot_user_id not in channel.members):
            return
        event_id = self.state.next_id("Ev")
        self.dispatcher.tell(
            {
                "token": "local-verification-token",
                "team_id": self.seed.team_id,
                "context_team_id": self.seed.team_id,
                "context_enterprise_id": None,
                "api_app_id": app.id,
                "event": event | {"event_ts": event.get("event_ts") or self.state.next_ts()},
                "type": "event_callback",
                "event_id": event_id,
                "event_time": self.state.seconds(),
                "authorizations": [
                    {
                        "enterprise_id": None,
                        "team_id": self.seed.team_id,
                        "user_id": app.bot_user_id,
                        "is_bot": True,
                        "is_enterprise_install": False,
                    }
                ],
                "is_ext_shared_channel": False,
                "event_context": f"4-{event_id}",
            }
        )
