"""The calls of GrowthBook's REST API that the actions make: read a feature, toggle an environment, replace its rules.

This is version 1 of the API, which GrowthBook calls deprecated and stable: there, a change names one environment and
leaves the others alone, where version 2 replaces the rules of all environments at once. Every change is published at
once as a new revision of the feature.
Source: https://docs.growthbook.io/api and GrowthBook's own OpenAPI document, version 5.0.1.
"""

from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sdk import ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, Value, request

NAME = "growthbook"
TITLE = "GrowthBook"

PathSegment = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.:|-]*$", max_length=100)
ValueType = Literal["boolean", "string", "number", "json"]


class Settings(ConnectionSettings):
    """Where GrowthBook's API is, and a secret key or a personal access token."""

    token: SecretStr


class FlagRef(Value):
    """One feature in one environment."""

    feature: str = PathSegment
    environment: str = PathSegment

    def __str__(self) -> str:
        return f"{self.feature} in {self.environment}"


class Rule(BaseModel):
    """Whom it concerns, and what they get; the first that matches decides. Fields that are not named are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    type: str
    description: str = ""
    enabled: bool = True


class Environment(BaseModel):
    """A feature in one environment."""

    model_config = ConfigDict(frozen=True)

    enabled: bool
    rules: list[Rule]


class _Revision(BaseModel):
    version: int
    status: str = "published"
    defaultValue: str | None = None  # noqa: N815 - the vendor's word


class Feature(BaseModel):
    """A feature.

    Attributes:
        default: What is served where no rule matches, in all environments.
        revisions: Earlier and later states, if they were asked for.
    """

    model_config = ConfigDict(frozen=True)

    archived: bool
    value_type: ValueType = Field(alias="valueType")
    default: str = Field(alias="defaultValue")
    prerequisites: list[str] = Field(default_factory=list)
    environments: dict[str, Environment]
    revisions: list[_Revision] = Field(default_factory=list)


class _Found(BaseModel):
    feature: Feature


class Api:
    """GrowthBook's REST API, as far as it is needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}

    async def feature(self, ref: FlagRef, *, history: bool = False) -> Feature:
        """Return a feature, with its published revisions if the history is asked for.

        Raises:
            Rejected: There is no such feature, it has no such environment, or it is archived.
        """
        params = {"withRevisions": "published"} if history else None
        body = await self._call("read feature", "GET", ref, params=params)
        try:
            feature = _Found.model_validate(body).feature
        except ValidationError as error:
            raise Unavailable(NAME, "read feature", "the answer is not that of GrowthBook") from error
        if feature.archived:
            detail = (
                f"{ref.feature} is archived, so applications use the default in their code; restore it to change it"
            )
            raise Rejected(NAME, "read feature", status=409, detail=detail)
        if ref.environment not in feature.environments:
            detail = f"feature {ref.feature} has no environment {ref.environment}"
            raise Rejected(NAME, "read feature", status=404, detail=detail)
        return feature

    async def toggle(self, ref: FlagRef, *, enabled: bool, reason: str) -> None:
        """Switch a feature on or off in its environment; its rules stay."""
        body = {"environments": {ref.environment: enabled}, "reason": reason}
        await self._write("toggle feature", ref, "/toggle", body)

    async def replace(self, ref: FlagRef, *, enabled: bool, rules: list[JsonObject]) -> None:
        """Replace the switch and the rules of a feature in its environment; other environments stay as they are."""
        body = {"environments": {ref.environment: {"enabled": enabled, "rules": rules}}}
        await self._write("change rules", ref, "", body)

    async def _write(self, operation: str, ref: FlagRef, suffix: str, body: JsonObject) -> None:
        """Make one change.

        Raises:
            Rejected: GrowthBook refused, or holds it back until it is approved (422).
        """
        try:
            await self._call(operation, "POST", ref, suffix, json=body)
        except Rejected as refused:
            if refused.status != httpx.codes.UNPROCESSABLE_ENTITY:
                raise
            detail = "a gate of GrowthBook holds it back; if that is an approval, let the key bypass draft approvals"
            raise Rejected(NAME, operation, status=refused.status, detail=f"{detail}: {refused}") from refused

    async def _call(
        self,
        operation: str,
        method: str,
        ref: FlagRef,
        suffix: str = "",
        *,
        params: dict[str, str] | None = None,
        json: object = None,
    ) -> Any:
        path = f"/api/v1/features/{ref.feature}{suffix}"
        return await request(
            self._client, NAME, operation, method, path, json=json, params=params, headers=self._headers
        )
