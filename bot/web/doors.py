"""Who may ask the JSON API: programs by a token that was set for it, and people by a personal token.

A program may read. Only a person may act, because every decision is somebody's.
"""

import math
from collections import OrderedDict
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request

from bot.domain.actor import Actor, Via, person
from bot.domain.token import name_in
from bot.web.credentials import Credentials, bearer, unauthorized
from bot.web.parts import WebParts
from bot.web.traces import trusted

_MOST_WRONG = 10
_WITHIN = timedelta(minutes=1)
_MOST_REMEMBERED = 1_000


class Doors:
    """The two doors of the JSON API."""

    def __init__(self, parts: WebParts) -> None:
        """Take the credentials of programs, the tokens of people and the clock."""
        self._programs = Credentials(parts.api_tokens)
        self._tokens = parts.tokens
        self._now = parts.now
        self._wrong = WrongTokens()

    async def may_read(self, request: Request) -> None:
        """Let a program or a person in.

        Raises:
            HTTPException: 401, or 429 after many wrong personal tokens.
        """
        if self._programs.accept(request):
            trusted(request)
        else:
            await self.person(request)

    async def person(self, request: Request) -> Actor:
        """Let a person in, and return who it is.

        Raises:
            HTTPException: 401, or 429 after many wrong personal tokens.
        """
        presented = bearer(request).decode("latin-1")
        name = name_in(presented)
        if name is None:
            raise unauthorized()
        sender = (request.client.host if request.client else "", name)
        self._wrong.check(sender, self._now())
        token = await self._tokens.told_by(presented)
        if token is None:
            self._wrong.note(sender, self._now())
            raise unauthorized()
        trusted(request)
        return person(token.user_id, via=Via.TERMINAL)


class WrongTokens:
    """Remembers who presented wrong tokens under which name, and makes them wait after many.

    The name is part of it because a proxy gives everybody one address: who tries out a token locks out nobody else.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._noted: OrderedDict[tuple[str, str], tuple[datetime, int]] = OrderedDict()

    def check(self, sender: tuple[str, str], at: datetime) -> None:
        """Refuse a sender who presented many wrong ones within a minute.

        Raises:
            HTTPException: 429.
        """
        since, count = self._noted.get(sender, (at, 0))
        left = since + _WITHIN - at
        if count >= _MOST_WRONG and left > timedelta(0):
            raise HTTPException(
                429,
                "Too many wrong tokens under this name: wait a minute, or get another with `/incident token` in Slack.",
                headers={"Retry-After": str(math.ceil(left.total_seconds()))},
            )

    def note(self, sender: tuple[str, str], at: datetime) -> None:
        """Count one wrong token; the oldest are forgotten when there are many."""
        since, count = self._noted.pop(sender, (at, 0))
        if at - since >= _WITHIN:
            since, count = at, 0
        self._noted[sender] = (since, count + 1)
        if len(self._noted) > _MOST_REMEMBERED:
            self._noted.popitem(last=False)
