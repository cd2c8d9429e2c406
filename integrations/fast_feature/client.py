"""The two calls of fast-feature's admin API that the actions make.

A flag is replaced whole by PUT: what is left out falls back to its default, so everything that was read is sent. The
PATCH that "disables" a flag is not used alone, because a disabled flag goes on serving its default variant.
Source: the routes of fast-feature 0.0.2, https://github.com/byunjuneseok/fast-feature.
"""

from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from bot.sdk import ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, Value, request

NAME = "fast_feature"
TITLE = "fast-feature"


class Settings(ConnectionSettings):
    """Where fast-feature is.

    Attributes:
        admin_path: Where its admin API is mounted.
        token: For a server whose admin API stands behind a guard; fast-feature itself asks for none.
    """

    admin_path: str = Field(default="/admin", pattern=r"^(/[A-Za-z0-9_~.-]+)*$")
    token: SecretStr | None = None


class FlagRef(Value):
    """One flag; a server has one environment."""

    flag: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)

    def __str__(self) -> str:
        return self.flag


class Flag(BaseModel):
    """A flag as the admin API shows it, without its instants."""

    model_config = ConfigDict(frozen=True)

    state: Literal["ENABLED", "DISABLED"]
    default_variant: str
    variants: dict[str, JsonValue]
    targeting: JsonObject | None
    metadata: JsonObject


class AdminApi:
    """fast-feature's admin API, as far as it is needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._path = settings.admin_path
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}

    async def flag(self, ref: FlagRef) -> JsonObject:
        """Return a flag.

        Raises:
            Rejected: There is no such flag.
        """
        body = await self._call("read flag", "GET", ref)
        try:
            return Flag.model_validate(body).model_dump()
        except ValidationError as error:
            raise Unavailable(NAME, "read flag", "the answer is not that of fast-feature") from error

    async def replace(self, ref: FlagRef, before: JsonObject, after: JsonObject) -> None:
        """Write a flag, having read once more that it is as before; nothing when it is as wanted already.

        Raises:
            Rejected: It reads neither so nor so: somebody else changed it, and nothing was written.
        """
        current = await self.flag(ref)
        if current == after:
            return
        if current != before:
            detail = f"somebody else changed {ref}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        await self._call("replace flag", "PUT", ref, after)

    async def _call(self, operation: str, method: str, ref: FlagRef, json: object = None) -> Any:
        path = f"{self._path}/api/flags/{ref.flag}"
        return await request(self._client, NAME, operation, method, path, json=json, headers=self._headers)
