"""Requests that came once already: Slack sends a request again when it saw no answer, and an attacker may replay one.

A request is taken before it is carried out, so that the second of two simultaneous copies does nothing.
"""

from bot.domain.values import Now
from bot.services.ports import UnitOfWork


class Requests:
    """Remembers which requests were seen."""

    def __init__(self, uow: UnitOfWork, now: Now) -> None:
        """Take the store and the clock."""
        self._uow = uow
        self._now = now

    async def is_new(self, kind: str, identity: str) -> bool:
        """Record a request by an identity that its copies share; return whether it is the first of them."""
        async with self._uow.begin() as tx:
            return await tx.receipts.first_time(f"slack:{kind}:{identity}", self._now())
