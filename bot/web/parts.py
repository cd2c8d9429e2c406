"""What the web needs of the rest of Stanch, handed over by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from bot.domain.values import Now
from bot.sdk import AlertParser, AsgiApp
from bot.services.board import Board
from bot.services.containments import Containments
from bot.services.follow_ups import FollowUps
from bot.services.incidents import Incidents
from bot.services.intake import Intake
from bot.services.planning import Planning
from bot.services.reviews import Reviews
from bot.services.tokens import Tokens

SlackReceiver = Callable[[Request, Callable[[Request], None]], Awaitable[Response]]
"""Answers a request, and tells the second argument as soon as the request is known to be Slack's."""


@dataclass(frozen=True)
class WebParts:
    """Services, secrets and the clock.

    Attributes:
        parsers: By alert source.
        alert_tokens: By alert source; several, so that one can be replaced without losing an alert. Without any, the
            source is closed.
        api_tokens: Any of them opens the JSON API; without any it is closed.
        ready: Says by name what this process depends on: `ok`, or what is wrong in words that strangers may read.
        slack: Takes what Slack posts; `None` where Stanch is run in Socket Mode.
        simulators: By connection; reached below `/simulated/<connection>/`.
    """

    intake: Intake
    board: Board
    incidents: Incidents
    reviews: Reviews
    tokens: Tokens
    planning: Planning
    containments: Containments
    follow_ups: FollowUps
    parsers: Mapping[str, AlertParser]
    alert_tokens: Mapping[str, tuple[SecretStr, ...]]
    api_tokens: tuple[SecretStr, ...]
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    now: Now
    slack: SlackReceiver | None = None
    simulators: Mapping[str, AsgiApp] = field(default_factory=dict)
