"""Short-lived permits that Slack hands to an app with an interaction: trigger ids and response URLs.

Both age by the injected clock, so that a test can let them expire without waiting.
"""

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime

from bot.workspace.limits import Limits
from bot.workspace.state import Clock
from bot.workspace.wire import Refused


@dataclass(slots=True)
class Trigger:
    """The right to open one view for one account."""

    user: str
    expires_at: datetime
    used: bool = False


class Triggers:
    """The trigger ids handed out: each good once, for three seconds."""

    def __init__(self, limits: Limits, now: Clock) -> None:
        self._lives = limits.trigger_lives
        self._now = now
        self._count = itertools.count(1)
        self._issued: dict[str, Trigger] = {}

    def issue(self, user: str) -> str:
        """Return a new trigger id for what an account has just done."""
        trigger_id = f"{next(self._count)}.{int(self._now().timestamp())}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = Trigger(user, self._now() + self._lives)
        return trigger_id

    def exchange(self, trigger_id: str) -> str:
        """Use a trigger up and return its account; raise `Refused`."""
        trigger = self._issued.get(trigger_id)
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self._now() > trigger.expires_at:
            raise Refused("expired_trigger_id")
        trigger.used = True
        return trigger.user


@dataclass(slots=True)
class ResponseUrl:
    """The right to answer an interaction: where, for whom, and on which message."""

    channel: str
    user: str
    message_ts: str | None
    expires_at: datetime
    uses_left: int
    thread_ts: str | None = None


class ResponseUrls:
    """The response URLs handed out: each good five times in thirty minutes.

    https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    """

    def __init__(self, limits: Limits, now: Clock) -> None:
        self._limits = limits
        self._now = now
        self._issued: dict[str, ResponseUrl] = {}

    def issue(self, channel: str, user: str, *, message_ts: str | None = None, thread_ts: str | None = None) -> str:
        """Return the secret last part of a new response URL."""
        key = secrets.token_urlsafe(18)
        expires_at = self._now() + self._limits.response_url_lives
        uses = self._limits.response_url_uses
        self._issued[key] = ResponseUrl(channel, user, message_ts, expires_at, uses, thread_ts)
        return key

    def use(self, key: str) -> ResponseUrl:
        """Count one use of a response URL and return it; raise `Refused`."""
        permit = self._issued.get(key)
        if permit is None:
            raise Refused("invalid_url", status=404)
        if self._now() > permit.expires_at:
            raise Refused("expired_url", status=404)
        if permit.uses_left == 0:
            raise Refused("used_url", status=404)
        permit.uses_left -= 1
        return permit
