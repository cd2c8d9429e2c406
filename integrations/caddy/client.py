"""Caddy's admin API as far as it is needed, and what its actions share.

Every write carries `If-Match` with the ETag of what was read, so that Caddy itself refuses a stale one with 412. The
ETag names the path that it speaks for, so a write below that path may carry it.
Source: https://caddyserver.com/docs/api#concurrent-config-changes, checked against Caddy 2.11.7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from bot.sdk import (
    ConnectionSettings,
    Guard,
    JsonObject,
    Rejected,
    SecretStr,
    Unavailable,
    send,
)

NAME = "caddy"
TITLE = "Caddy"
# What stands in an address below must not lead elsewhere.
SEGMENT = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$"


class Settings(ConnectionSettings):
    """Where the admin API is, and a bearer token if a proxy in front of it asks for one; Caddy itself does not."""

    token: SecretStr | None = None


@dataclass(frozen=True)
class Seen:
    """A part of the configuration.

    Attributes:
        etag: Caddy's mark of this state; a write that carries it is refused once the state is another one.
    """

    config: JsonObject
    etag: str


class AdminApi:
    """Caddy's admin API."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}

    async def read(self, path: str) -> Seen:
        """Return an object of the configuration.

        Raises:
            Rejected: There is none at that path.
        """
        response = await send(self._client, NAME, "read configuration", "GET", path, headers=self._headers)
        etag = response.headers.get("Etag", "")
        try:
            config = response.json()
        except (ValueError, RecursionError) as error:
            raise Unavailable(NAME, "read configuration", "the answer is not JSON") from error
        if config is None and etag:
            raise Rejected(NAME, "read configuration", status=404, detail=f"there is nothing at {path}")
        if not isinstance(config, dict) or not etag:
            raise Unavailable(NAME, "read configuration", "the answer is not that of Caddy 2.7 or newer")
        return Seen(config, etag)

    async def write(self, method: str, path: str, etag: str, config: object = None) -> None:
        """Change one place of the configuration, unless what was read has changed since.

        Raises:
            Rejected: It has (412), or the place is gone.
            Unavailable: Also for a configuration that Caddy cannot load: it answers 500 and keeps the one it had.
        """
        headers = {**self._headers, "If-Match": etag}
        await send(self._client, NAME, "change configuration", method, path, json=config, headers=headers)


class CaddyAction:
    """Reads one part of the configuration, and writes it only as it was read."""

    reversible = True
    guard = Guard.CONDITIONAL
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = AdminApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages."""
        return self._state(ref, (await self._look(ref)).config)

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - Caddy takes none
        """Write `after` in one call, nothing if it is so already.

        Raises:
            Rejected: It reads neither as `before` nor as `after`, or somebody wrote between this read and the write.
        """
        seen = await self._look(ref)
        current = self._state(ref, seen.config)
        if current == after:
            return
        if current != before:
            detail = f"somebody else changed {self._named(ref)}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        await self._write(ref, seen, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()

    async def _look(self, ref: JsonObject) -> Seen:
        raise NotImplementedError

    def _state(self, ref: JsonObject, config: JsonObject) -> JsonObject:
        raise NotImplementedError

    def _named(self, ref: JsonObject) -> str:
        raise NotImplementedError

    async def _write(self, ref: JsonObject, seen: Seen, after: JsonObject) -> None:
        raise NotImplementedError


def parts(config: JsonObject, *path: str) -> Any:
    """Return what lies at a path, `None` when there is nothing or something else on the way."""
    found: Any = config
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found
