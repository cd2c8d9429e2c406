"""The workspace as a whole: its state, its permits, its faults, and the events it tells the app.

What the methods, the people's door and the page share; nothing in here speaks HTTP.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from bot.workspace.changes import Changes
from bot.workspace.dispatch import Delivery, Dispatcher, Loss
from bot.workspace.faults import Faults
from bot.workspace.files import Files
from bot.workspace.limits import Limits
from bot.workspace.model import Channel
from bot.workspace.permits import ResponseUrls, Triggers
from bot.workspace.rates import PostRate
from bot.workspace.request_urls import HttpDoor, RequestUrls, UnverifiedUrlError
from bot.workspace.seed import Seed
from bot.workspace.sign_in import SignIn
from bot.workspace.sockets import SocketDoor
from bot.workspace.state import Clock, State
from bot.workspace.wire import Json

_CREDENTIALS = frozenset({"access_token", "client_secret", "code", "id_token", "refresh_token"})


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One Web API request as it was answered, without credentials; `number` counts requests and deliveries from 1."""

    number: int
    at: datetime
    method: str
    arguments: Json
    status: int
    response: Json


@dataclass(frozen=True, slots=True)
class RecordedDelivery:
    """One try to deliver something to the app; `lost` is `None` where it was acknowledged."""

    number: int
    at: datetime
    delivery: Delivery
    lost: Loss | None


class Workspace:
    """One running workspace with one installed app."""

    def __init__(self, seed: Seed, limits: Limits, now: Clock) -> None:
        self.seed = seed
        self.limits = limits
        self.now = now
        self.files = Files(seed.team_id, limits)
        self.state = State(seed, now, self.files)
        self.triggers = Triggers(limits, now)
        self.response_urls = ResponseUrls(limits, now)
        self.sign_in = SignIn(self.state, limits)
        self.post_rate = PostRate(limits, now)
        self.faults = Faults()
        self.changes = Changes()
        self.sockets = SocketDoor(seed.app.id, limits, now)
        self.http: HttpDoor | None = None
        self.dispatcher = Dispatcher(self.sockets, self.faults, limits.retry_pauses, self._record_delivery)
        self.requests: deque[RecordedRequest] = deque(maxlen=limits.requests_kept)
        self.deliveries: deque[RecordedDelivery] = deque(maxlen=limits.requests_kept)
        self._recorded = 0

    def use_request_urls(self, urls: RequestUrls) -> None:
        """Send everything from now on to request URLs in place of sockets; they are verified before the first use."""
        self._go_through(self._door_to(urls))

    async def verify_request_urls(self, urls: RequestUrls) -> None:
        """Switch to request URLs if the app gives the challenge back.

        Raises:
            UnverifiedUrlError: It did not; everything stays as it was.
        """
        door = self._door_to(urls)
        try:
            await door.verify()
        except UnverifiedUrlError:
            await door.aclose()
            raise
        former = self.http
        self._go_through(door)
        if former is not None:
            await former.aclose()

    def _door_to(self, urls: RequestUrls) -> HttpDoor:
        return HttpDoor(urls, self.seed.app.signing_secret, self.limits, self.now)

    def _go_through(self, door: HttpDoor) -> None:
        self.http = door
        self.dispatcher.go_through(door)

    async def stop(self) -> None:
        """End the feeds and give up deliveries that are under way."""
        self.changes.stop()
        await self.dispatcher.stop()
        if self.http is not None:
            await self.http.aclose()

    def record(self, method: str, arguments: Json, status: int, response: Json) -> None:
        """Remember one Web API request and its answer."""
        self._recorded += 1
        shown = (_without_credentials(arguments), status, _without_credentials(response))
        self.requests.append(RecordedRequest(self._recorded, self.now(), method, *shown))

    def _record_delivery(self, delivery: Delivery, lost: Loss | None) -> None:
        self._recorded += 1
        self.deliveries.append(RecordedDelivery(self._recorded, self.now(), delivery, lost))

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


def _without_credentials(named: Json) -> Json:
    return {name: value for name, value in named.items() if name not in _CREDENTIALS}
