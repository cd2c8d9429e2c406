"""How often an app may post: about one message a second in a channel, after a short burst.

https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from datetime import datetime

from bot.workspace.limits import Limits
from bot.workspace.state import Clock
from bot.workspace.wire import Refused


class PostRate:
    """One token bucket per channel."""

    def __init__(self, limits: Limits, now: Clock) -> None:
        self._rate = limits.post_rate
        self._burst = limits.post_burst
        self._now = now
        self._buckets: dict[str, tuple[float, datetime]] = {}

    def take(self, channel: str) -> None:
        """Count one message; raise `Refused` with HTTP 429 and `Retry-After` when there were too many."""
        if self._rate <= 0:
            return
        now = self._now()
        left, since = self._buckets.get(channel, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since).total_seconds() * self._rate)
        if left < 1:
            wait = math.ceil((1 - left) / self._rate)
            raise Refused("ratelimited", status=429, headers={"Retry-After": str(max(1, wait))})
        self._buckets[channel] = (left - 1, now)
