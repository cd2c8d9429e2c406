"""Envoy's admin API as far as it is needed, and what its actions share.

Envoy knows no condition, so every write is preceded by a read.
Source: https://www.envoyproxy.io/docs/envoy/latest/operations/admin, checked against Envoy 1.39.3.
"""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

import httpx

from bot.sdk import ConnectionSettings, Guard, JsonObject, Rejected, SecretStr, Unavailable, request, send

NAME = "envoy"
TITLE = "Envoy"
READ = "read runtime"
KEY = r"^[A-Za-z0-9_.-]+$"


class Settings(ConnectionSettings):
    """Where the admin API is, and a bearer token if a proxy in front of it asks for one; Envoy itself does not."""

    token: SecretStr | None = None


class AdminApi:
    """Envoy's admin API."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}

    async def get(self, path: str, **params: str) -> JsonObject:
        """Return what Envoy shows at a path."""
        found = await request(self._client, NAME, READ, "GET", path, params=params, headers=self._headers)
        if not isinstance(found, dict):
            raise foreign()
        return found

    async def config(self, mask: str) -> Sequence[JsonObject]:
        """Return the parts of the configuration, as it is loaded, that a mask names."""
        return list(objects((await self.get("/config_dump", mask=mask)).get("configs")))

    async def modify(self, values: Mapping[str, str | None]) -> None:
        """Set values in the runtime's admin layer, all at once; `None` removes one."""
        # Envoy takes a plus sign for a plus sign, so a space must not be sent as one.
        query = urlencode({key: value or "" for key, value in values.items()}, quote_via=quote)
        await send(self._client, NAME, "modify runtime", "POST", f"/runtime_modify?{query}", headers=self._headers)


class EnvoyAction:
    """Reads part of the runtime, and writes it only if it reads as it was planned from."""

    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = AdminApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages.

        Raises:
            Rejected: Nothing in the configuration reads it, or nothing can be set at run time.
        """
        try:
            return await self._look(ref)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise foreign() from error

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - Envoy takes none
        """Write `after` in one call, nothing if it is so already.

        Raises:
            Rejected: It reads neither as `before` nor as `after`.
        """
        current = await self.read(ref)
        if current == after:
            return
        if current != before:
            detail = f"somebody else changed {self._named(ref)}, or Envoy was restarted; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        wanted, present = self._overrides(ref, after), self._overrides(ref, current)
        await self._api.modify({name: value for name, value in wanted.items() if value != present[name]})

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free."""
        return ()

    async def _look(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages; errors of shape are those of an answer that is not Envoy's."""
        raise NotImplementedError

    def _named(self, ref: JsonObject) -> str:
        raise NotImplementedError

    def _overrides(self, ref: JsonObject, state: JsonObject) -> Mapping[str, str | None]:
        """Return, by runtime key, what the admin layer holds in a state."""
        raise NotImplementedError


def objects(found: object) -> Iterator[JsonObject]:
    """Return a list of objects as such.

    Raises:
        Unavailable: It is something else.
    """
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise foreign()
    yield from found


def foreign() -> Unavailable:
    """Return the error for an answer that is none of Envoy's."""
    return Unavailable(NAME, READ, "the answer is not Envoy's")
