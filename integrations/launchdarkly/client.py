"""The two calls of LaunchDarkly's REST API that the actions make: read a flag, patch it.

A write is a JSON patch that first tests the environment's version, so LaunchDarkly itself refuses it when anything of
the flag there was changed after the last read. A semantic patch has no such test, which is why none is sent.
Source: https://launchdarkly.com/docs/api and its OpenAPI document, API version 20240415.
"""

from typing import Any, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from bot.sdk import ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, Value, request

NAME = "launchdarkly"
TITLE = "LaunchDarkly"
_API_VERSION = "20240415"

PathSegment = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)


class Settings(ConnectionSettings):
    """Where LaunchDarkly is, and an access token of its REST API."""

    token: SecretStr


class FlagRef(Value):
    """One feature flag in one environment of one project."""

    project: str = PathSegment
    flag: str = PathSegment
    environment: str = PathSegment

    def __str__(self) -> str:
        return f"{self.flag} in {self.environment}"


class Variation(BaseModel):
    """What a flag can serve; the place in the flag's list is how everything else names it."""

    model_config = ConfigDict(frozen=True)

    value: JsonValue
    name: str = ""


class _Answer(BaseModel):
    """A part of an answer; fields that are not named are kept and sent back with it."""

    model_config = ConfigDict(frozen=True, extra="allow")


class WeightedVariation(_Answer):
    """A share of a rollout, in thousandths of a percent."""

    variation: int
    weight: int


class Rollout(_Answer):
    """Shares in the order in which contexts fall into them; one that cannot be bucketed falls into the first."""

    variations: list[WeightedVariation] = Field(min_length=1)
    bucketBy: str = "key"  # noqa: N815 - the vendor's word
    contextKind: str = "user"  # noqa: N815 - the vendor's word
    seed: int | None = None
    experimentAllocation: JsonObject | None = None  # noqa: N815 - the vendor's word


class Served(_Answer):
    """What a rule or the default rule serves: one variation, or shares of several."""

    variation: int | None = None
    rollout: Rollout | None = None

    @model_validator(mode="after")
    def _serves_one_way(self) -> Self:
        if (self.variation is None) == (self.rollout is None):
            raise ValueError("serves neither a variation nor a rollout, or both")
        return self


class Clause(_Answer):
    """A condition of a rule."""

    attribute: str
    op: str
    values: list[JsonValue]
    negate: bool = False
    contextKind: str = "user"  # noqa: N815 - the vendor's word


class Rule(Served):
    """Whom it concerns, and what they get; the first that matches decides."""

    clauses: list[Clause]
    description: str = ""
    disabled: bool = False


class Target(BaseModel):
    """Contexts that get a variation whatever the rules say."""

    model_config = ConfigDict(frozen=True)

    variation: int
    values: list[str]
    contextKind: str = "user"  # noqa: N815 - the vendor's word


class Prerequisite(BaseModel):
    """Another flag that must serve a certain variation; else the off variation is served."""

    model_config = ConfigDict(frozen=True)

    key: str
    variation: int


class Config(BaseModel):
    """A flag in one environment.

    Attributes:
        version: Grows with every change.
        off_variation: What is served while it is off; `None` for the default in the application's code.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    on: bool
    version: int
    off_variation: int | None = Field(default=None, alias="offVariation")
    fallthrough: Served
    rules: list[Rule] = Field(default_factory=list)
    targets: list[Target] = Field(default_factory=list)
    context_targets: list[Target] = Field(default_factory=list, alias="contextTargets")
    prerequisites: list[Prerequisite] = Field(default_factory=list)


class _Flag(BaseModel):
    archived: bool
    variations: list[Variation] = Field(min_length=1)
    environments: dict[str, Config] = Field(default_factory=dict)


class Flag(BaseModel):
    """A flag's variations, which all environments share, and its configuration in one of them."""

    model_config = ConfigDict(frozen=True)

    variations: list[Variation]
    config: Config


class Api:
    """LaunchDarkly's REST API, as far as it is needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": settings.token.get_secret_value(), "LD-API-Version": _API_VERSION}

    async def flag(self, ref: FlagRef) -> Flag:
        """Return a flag in its environment.

        Raises:
            Rejected: There is no such flag, it has no such environment, or it is archived.
        """
        body = await self._call("read flag", "GET", ref, params={"env": ref.environment})
        try:
            flag = _Flag.model_validate(body)
        except ValidationError as error:
            raise Unavailable(NAME, "read flag", "the answer is not that of LaunchDarkly") from error
        if flag.archived:
            detail = f"{ref.flag} is archived, so applications use the default in their code; restore it to change it"
            raise Rejected(NAME, "read flag", status=409, detail=detail)
        if ref.environment not in flag.environments:
            detail = f"flag {ref.flag} has no environment {ref.environment}"
            raise Rejected(NAME, "read flag", status=404, detail=detail)
        return Flag(variations=flag.variations, config=flag.environments[ref.environment])

    async def patch(self, ref: FlagRef, version: int, operations: list[JsonObject], comment: str) -> None:
        """Change a flag in its environment, unless it was changed since it had that version.

        Changes that are scheduled and approvals that are pending do not stop it: they may fail later instead, because
        a containment cannot wait for them.

        Raises:
            Rejected: It has another version, or LaunchDarkly demands approvals there (405).
        """
        where = f"/environments/{ref.environment}"
        patch = [
            {"op": "test", "path": f"{where}/version", "value": version},
            *({**operation, "path": f"{where}{operation['path']}"} for operation in operations),
        ]
        body = {"comment": comment, "patch": patch}
        try:
            await self._call("change flag", "PATCH", ref, params={"ignoreConflicts": "true"}, json=body)
        except Rejected as refused:
            if refused.status != httpx.codes.METHOD_NOT_ALLOWED:
                raise
            detail = f"changes in {ref.environment} need an approval there; give the token bypassRequiredApproval"
            raise Rejected(NAME, "change flag", status=refused.status, detail=detail) from refused

    async def _call(
        self, operation: str, method: str, ref: FlagRef, *, params: dict[str, str], json: object = None
    ) -> Any:
        path = f"/api/v2/flags/{ref.project}/{ref.flag}"
        return await request(
            self._client, NAME, operation, method, path, json=json, params=params, headers=self._headers
        )
