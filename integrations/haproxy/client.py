"""HAProxy's Runtime API as far as it is needed, and what its actions share.

HAProxy answers with text and no status: an empty line says yes, anything else says why not. It knows no condition, so
every write is preceded by a read; and it forgets every run-time change when it is reloaded.
Source: https://docs.haproxy.org/2.6/management.html#9.3, checked against HAProxy 2.6.12.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import Field

from bot.sdk import AuthFailed, ConnectionSettings, Guard, JsonObject, Rejected, Unavailable, send

NAME = "haproxy"
TITLE = "HAProxy"
# What HAProxy takes for the name of a proxy or server, and nothing that would end a word or a command.
WORD = r"^[A-Za-z0-9_.:-]+$"
FILE = r"^[A-Za-z0-9_./-]+$"

_DENIED = "Permission denied"
_MISSING = (
    "Can't find backend.",
    "No such backend.",
    "No such server.",
    "Unknown ACL identifier.",
    "Unknown map identifier.",
    "entry not found.",
    "Key not found.",
)
_READ, _CHANGE = "read run-time state", "change run-time state"
_SHOWN = 300


class Settings(ConnectionSettings):
    """Where the stats socket listens.

    Attributes:
        url: `tcp://host:port`, or `unix:///path` of a socket on this machine.
    """

    url: str = Field(pattern=r"^(tcp://[^\s/@]+:[0-9]+|unix:///[^\s?#]+)$")


class RuntimeApi:
    """HAProxy's Runtime API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def show(self, command: str) -> list[str]:
        """Return the lines that a command shows, without the empty ones at their end.

        Raises:
            Rejected: There is no such backend or file.
            AuthFailed: The socket's level does not allow it.
            Unavailable: Also for an answer that was cut off.
        """
        response = await send(self._client, NAME, _READ, "GET", "", params={"command": command})
        text = response.text
        _raise_for_refusal(_READ, text)
        if text != "\n" and not text.endswith("\n\n"):
            raise Unavailable(NAME, _READ, "the answer was cut off or is not HAProxy's")
        return text.rstrip("\n").split("\n") if text.strip() else []

    async def change(self, commands: Sequence[str]) -> None:
        """Carry commands out, over one connection and in their order.

        Raises:
            Rejected: HAProxy refused the only one.
            Unavailable: It refused one of several, so that the others may have had an effect.
        """
        response = await send(self._client, NAME, _CHANGE, "POST", "", json={"commands": list(commands)})
        said = " ".join(response.text.split())
        if said and len(commands) > 1:
            raise Unavailable(NAME, _CHANGE, f"one of {len(commands)} commands was refused: {said[:_SHOWN]}")
        _raise_for_refusal(_CHANGE, response.text)
        if said:
            raise Rejected(NAME, _CHANGE, status=400, detail=said[:_SHOWN])


@dataclass(frozen=True)
class Seen:
    """What one read told.

    Attributes:
        state: What the action manages.
        beside: What it needs to know for writing, and does not manage.
    """

    state: JsonObject
    beside: Mapping[str, Any] = field(default_factory=dict)


class HaproxyAction:
    """Reads run-time state, and writes it only if it reads as it was planned from."""

    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:  # noqa: ARG002 - the socket asks for nothing
        self._api = RuntimeApi(client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages.

        Raises:
            Rejected: There is no such target.
        """
        return (await self._look(ref)).state

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - HAProxy takes none
        """Write `after` over one connection, nothing if it is so already.

        Raises:
            Rejected: It reads neither as `before` nor as `after`, or HAProxy refused.
        """
        seen = await self._look(ref)
        if seen.state == after:
            return
        if seen.state != before:
            detail = f"somebody else changed {self._named(ref)}, or HAProxy was reloaded; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        await self._api.change(self._commands(ref, seen, after))

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free."""
        return ()

    async def _look(self, ref: JsonObject) -> Seen:
        raise NotImplementedError

    def _named(self, ref: JsonObject) -> str:
        raise NotImplementedError

    def _commands(self, ref: JsonObject, seen: Seen, after: JsonObject) -> Sequence[str]:
        """Return what brings the target from what was seen to `after`."""
        raise NotImplementedError


def _raise_for_refusal(operation: str, text: str) -> None:
    if text.startswith(_DENIED):
        raise AuthFailed(NAME, operation, "the stats socket needs `level admin`")
    if text.startswith(_MISSING):
        raise Rejected(NAME, operation, status=404, detail=text.strip()[:_SHOWN])
    if text.startswith("Unknown command"):
        raise Rejected(NAME, operation, status=400, detail="this HAProxy does not know the command")
