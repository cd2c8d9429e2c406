"""OPA's data and policy APIs as far as they are needed, and what the actions share.

OPA has no optimistic lock: its PATCH knows `add`, `remove` and `replace` and refuses JSON Patch's `test`, and a policy
is put without a condition. So the guard is to read again right before writing. Every read asks for the provenance,
because OPA answers `{}` for a path where nothing is, and that alone could come from anybody.
Source: https://www.openpolicyagent.org/docs/rest-api and `v1/server/server.go` of OPA.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from pydantic import Field

from bot.sdk import (
    ConnectionSettings,
    Guard,
    JsonObject,
    Level,
    Rejected,
    SecretStr,
    Unavailable,
    Value,
    request,
)

NAME = "opa"
TITLE = "Open Policy Agent"

# Parts of an address below /v1/data and /v1/policies; none of them may lead elsewhere.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_. -]*"
Path = Annotated[str, Field(pattern=rf"^{_PART}(/{_PART})*$", max_length=300)]


class Settings(ConnectionSettings):
    """Where OPA's REST API is, and the bearer token that it asks for with `--authentication=token`."""

    token: SecretStr | None = None


class OpaApi:
    """OPA's REST API."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}

    async def value(self, path: str) -> Any:
        """Return the data document at a path.

        Raises:
            Rejected: There is nothing.
        """
        body = await request(
            self._client,
            NAME,
            "read data",
            "GET",
            f"/v1/data/{quote(path)}",
            params={"provenance": "true"},
            headers=self._headers,
        )
        if not isinstance(body, dict) or not isinstance(body.get("provenance"), dict):
            raise Unavailable(NAME, "read data", "the answer is not that of Open Policy Agent")
        if "result" not in body:
            raise Rejected(NAME, "read data", status=404, detail=f"there is nothing at data/{path}")
        return body["result"]

    async def patch(self, path: str, *operations: JsonObject) -> None:
        """Carry out JSON Patch operations in one transaction; their paths start at `path`.

        Raises:
            Rejected: The path is gone, or a bundle owns it.
        """
        await request(
            self._client,
            NAME,
            "change data",
            "PATCH",
            f"/v1/data/{quote(path)}",
            json=list(operations),
            headers={**self._headers, "Content-Type": "application/json-patch+json"},
        )

    async def policy(self, identity: str) -> str:
        """Return the text of a policy module; refused when there is none."""
        body = await request(
            self._client, NAME, "read policy", "GET", f"/v1/policies/{quote(identity)}", headers=self._headers
        )
        result = body.get("result") if isinstance(body, dict) else None
        if not isinstance(result, dict) or not isinstance(result.get("raw"), str):
            raise Unavailable(NAME, "read policy", "the answer is not that of Open Policy Agent")
        return str(result["raw"])

    async def put_policy(self, identity: str, text: str) -> None:
        """Replace a policy module; OPA keeps the old one when the new one does not compile.

        Raises:
            Rejected: It does not compile, or a bundle owns its package.
        """
        await request(
            self._client,
            NAME,
            "replace policy",
            "PUT",
            f"/v1/policies/{quote(identity)}",
            content=text.encode(),
            headers={**self._headers, "Content-Type": "text/plain"},
        )


class OpaAction(ABC):
    """Reads one document or module, and writes it only while it reads as planned."""

    name: str
    title: str
    ref_model: type[Value]
    params_model: type[Value]
    lowest_level: Level
    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = OpaApi(settings, client)

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - OPA takes none
        """Write `after` in one call, nothing if it is so already.

        Raises:
            Rejected: It reads neither as `before` nor as `after`.
        """
        current = await self.read(ref)
        if current == after:
            return
        if current != before:
            raise Rejected(NAME, "compare", status=409, detail="somebody else changed it; nothing was written")
        await self._write(ref, current, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()

    @abstractmethod
    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages."""

    @abstractmethod
    async def _write(self, ref: JsonObject, current: JsonObject, after: JsonObject) -> None:
        """Bring the target from `current` to `after`."""
