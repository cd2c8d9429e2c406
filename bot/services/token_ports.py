"""What personal tokens need from the outside; see `ports.py` for the rules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.token import Token


class Tokens(Protocol):
    """Stored personal tokens."""

    async def add(self, token: Token) -> None:
        """Store a new one."""
        ...

    async def save(self, token: Token) -> None:
        """Store one as it is now."""
        ...

    async def find(self, name: str) -> Token | None:
        """Return one by its name, if it is there."""
        ...

    async def in_force_of(self, user_id: str, at: datetime) -> Sequence[Token]:
        """Return the tokens of a person that are in force, oldest first."""
        ...
