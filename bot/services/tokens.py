"""Personal tokens: issued in Slack, where it is known who asks; used in the terminal, for when Slack is down.

A token gives nobody a role: it says who acts, and what they may is asked of the same groups as ever.
"""

import logging
import secrets
from collections.abc import Sequence
from datetime import timedelta

from bot.domain.actor import Actor
from bot.domain.role import Role
from bot.domain.token import MOST, Token, digest_of, name_in, spelled
from bot.domain.values import Now
from bot.errors import InvalidTransition, NotFound
from bot.services.people import People
from bot.services.ports import UnitOfWork

logger = logging.getLogger(__name__)

_NAME_BYTES = 5
_SECRET_BYTES = 32
_NONE = "There is no such token in force; `/incident token list` shows yours."


class Tokens:
    """Use cases of personal tokens."""

    def __init__(self, uow: UnitOfWork, people: People, lasts: timedelta, now: Now) -> None:
        """Take the store, the roles, how long a token is in force, and the clock."""
        self._uow = uow
        self._people = people
        self._lasts = lasts
        self._now = now

    async def issue(self, actor: Actor) -> tuple[Token, str]:
        """Return a new token and how it is spelled; the spelling is known to nobody afterwards.

        Raises:
            InvalidTransition: The person has as many as anybody may have.
        """
        name = secrets.token_hex(_NAME_BYTES)
        spelling = spelled(name, secrets.token_urlsafe(_SECRET_BYTES))
        at = self._now()
        token = Token(
            name=name, user_id=actor.id, digest=digest_of(spelling), issued_at=at, expires_at=at + self._lasts
        )
        async with self._uow.begin() as tx:
            if len(await tx.tokens.in_force_of(actor.id, at)) >= MOST:
                raise InvalidTransition(
                    f"You have {MOST} tokens in force, which is the most. `/incident token list` shows them; "
                    "`/incident token revoke <name>` ends one, `/incident token revoke` all."
                )
            await tx.tokens.add(token)
        logger.info("token.issued name=%s user=%s until=%s", name, actor.id, token.expires_at.isoformat())
        return token, spelling

    async def in_force(self, actor: Actor) -> Sequence[Token]:
        """Return a person's tokens, oldest first."""
        async with self._uow.begin() as tx:
            return await tx.tokens.in_force_of(actor.id, self._now())

    async def revoke(self, actor: Actor, name: str = "") -> Sequence[Token]:
        """End one token by its name, or all of a person's; who may lead can end anybody's by its name.

        Raises:
            NotFound: There is no such token in force that this person may end.
        """
        if name:
            await self._check_may_revoke(actor, name)
        at = self._now()
        async with self._uow.begin() as tx:
            found = [await tx.tokens.find(name)] if name else await tx.tokens.in_force_of(actor.id, at)
            ended = [token.revoked(actor.id, at) for token in found if token is not None and token.is_in_force(at)]
            if not ended:
                raise NotFound(_NONE if name else "You have no token in force.")
            for token in ended:
                await tx.tokens.save(token)
        for token in ended:
            logger.info("token.revoked name=%s user=%s by=%s", token.name, token.user_id, actor.id)
        return ended

    async def told_by(self, presented: str) -> Token | None:
        """Return the token in force that somebody presented; `None` for everything else."""
        name = name_in(presented)
        if name is None:
            return None
        async with self._uow.begin() as tx:
            token = await tx.tokens.find(name)
        if token is None or not token.is_told_by(presented) or not token.is_in_force(self._now()):
            return None
        return token

    async def _check_may_revoke(self, actor: Actor, name: str) -> None:
        async with self._uow.begin() as tx:
            token = await tx.tokens.find(name)
        own = token is not None and token.user_id == actor.id
        if not own and Role.LEAD not in await self._people.roles_of(actor.id, None):
            raise NotFound(_NONE)
