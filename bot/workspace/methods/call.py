"""What a Web API method is given, and how it says what it needs.

A method is a plain function from a `Call` to the fields of its answer; it refuses by raising `Refused`.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bot.workspace.model import Channel
from bot.workspace.state import State
from bot.workspace.wire import Arguments, Json, Refused
from bot.workspace.workspace import Workspace

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised call of a method; `origin` is the workspace's own address, as `http://host:port`."""

    workspace: Workspace
    arguments: Arguments
    origin: str
    token: str = ""

    @property
    def state(self) -> State:
        """The workspace's memory."""
        return self.workspace.state

    def need(self, scope: str) -> None:
        """Raise `Refused` unless the app has a scope."""
        provided = self.workspace.seed.app.scopes
        if scope not in provided:
            raise Refused("missing_scope", needed=scope, provided=",".join(provided))

    def channel(self, *, action: str | None = None, member: bool = False, active: bool = False) -> Channel:
        """Return the conversation that the argument `channel` names.

        `action` is the part of the scope after the kind, such as `read`; `member` asks that the bot is in it and
        `active` that it is not archived. A private conversation that the bot is not in does not exist for it.
        """
        channel = self.state.channel(self.arguments.required("channel"))
        inside = self.state.bot.id in channel.members
        if channel.kind != "channel" and not inside:
            raise Refused("channel_not_found")
        if action is not None:
            self.need(f"{channel.scope}:{action}")
        if member and not inside:
            raise Refused("not_in_channel")
        if active and channel.archived:
            raise Refused("is_archived")
        return channel

    def page(self, items: Sequence[Item], *, default: int = 100, most: int = 1000) -> tuple[Sequence[Item], Json]:
        """Return the part of a list that `limit` and `cursor` ask for, and its `response_metadata`."""
        size = self.arguments.number("limit", default, most=most)
        start = _position(self.arguments.text("cursor"))
        end = start + size
        cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return items[start:end], {"response_metadata": {"next_cursor": cursor}}


Handler = Callable[[Call], Json]


class TokenKind(StrEnum):
    """Whose token a method takes; none for one that the app's own id and secret open."""

    BOT = "bot"
    APP = "app"
    USER = "user"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its function, the scope of the bot that it always needs, and whose token it takes."""

    handle: Handler
    scope: str | None = None
    token: TokenKind = TokenKind.BOT


def known_users(call: Call, ids: Iterable[str]) -> list[str]:
    """Return user ids that all exist; raise `Refused`."""
    return [call.state.member(one).id for one in ids]


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word != "next":
            raise Refused("invalid_cursor")
        return int(number)
    except (binascii.Error, ValueError) as exc:
        raise Refused("invalid_cursor") from exc
