"""The calls of Unleash's admin API that the actions make.

The feature's own page is read, not the page of its environment: only the former lists a strategy's segments and
answers 404 for an archived flag. A strategy is changed by JSON patch, because a PUT resets what it leaves out:
constraints and variants go, a rollout is at 100 % again.
Source: https://docs.getunleash.io/api-overview, checked against Unleash 8.2.0.
"""

from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sdk import ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, Value, request

_NAME = "unleash"
TITLE = "Unleash"
_HISTORY_LENGTH = 50

PathSegment = Field(pattern=r"^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*$", max_length=100)


class Settings(ConnectionSettings):
    """Where Unleash is, and the token of its admin API."""

    token: SecretStr


class FlagRef(Value):
    """One feature flag in one environment of one project."""

    project: str = PathSegment
    feature: str = PathSegment
    environment: str = PathSegment

    def __str__(self) -> str:
        return f"{self.feature} in {self.environment}"


class Variant(BaseModel):
    """A variation of a strategy; fields that Unleash may add are kept and sent back."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    weight: int
    weightType: str  # noqa: N815 - the vendor's word
    stickiness: str = "default"
    payload: JsonObject | None = None


class Strategy(BaseModel):
    """One activation strategy; a user gets the feature if any strategy says so."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    title: str | None = None
    disabled: bool = False
    sortOrder: int = 0  # noqa: N815 - the vendor's word
    parameters: dict[str, Any] = Field(default_factory=dict)
    constraints: list[JsonObject] = Field(default_factory=list)
    segments: list[int] = Field(default_factory=list)
    variants: list[Variant] = Field(default_factory=list)


class Environment(BaseModel):
    """A flag in one environment, its strategies in the order of the page."""

    model_config = ConfigDict(frozen=True)

    name: str
    enabled: bool
    strategies: list[Strategy]

    @property
    def ordered(self) -> dict[str, Strategy]:
        """The strategies by their place, "1" first."""
        ordered = sorted(self.strategies, key=lambda strategy: (strategy.sortOrder, strategy.id))
        return {str(place): strategy for place, strategy in enumerate(ordered, start=1)}


class _Feature(BaseModel):
    environments: list[Environment]


class _PastStrategy(BaseModel):
    variants: list[Variant] = Field(default_factory=list)


class StrategyUpdate(BaseModel):
    """A past change of a strategy."""

    before: _PastStrategy | None = Field(default=None, alias="preData")
    after: _PastStrategy | None = Field(default=None, alias="data")


class _History(BaseModel):
    events: list[StrategyUpdate]


class AdminApi:
    """Unleash's admin API, as far as it is needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": settings.token.get_secret_value()}

    async def environment(self, flag: FlagRef) -> Environment:
        """Return a flag in its environment.

        Raises:
            Rejected: There is no such flag, or it has no such environment.
        """
        body = await self._call("read flag", "GET", _feature_path(flag))
        for environment in _parsed(_Feature, body, "read flag").environments:
            if environment.name == flag.environment:
                return environment
        raise Rejected(
            _NAME, "read flag", status=404, detail=f"flag {flag.feature} has no environment {flag.environment}"
        )

    async def turn(self, flag: FlagRef, *, on: bool) -> None:
        """Switch a flag on or off in its environment; Unleash records nothing when it is so already."""
        state = "on" if on else "off"
        await self._call(f"switch {state}", "POST", f"{_environment_path(flag)}/{state}")

    async def patch_strategy(self, flag: FlagRef, strategy_id: str, operations: list[JsonObject]) -> None:
        """Apply a JSON patch to a strategy; where a `test` operation fails, Unleash answers 500 and changes nothing."""
        await self._call("change strategy", "PATCH", _strategy_path(flag, strategy_id), operations)

    async def add_strategy(self, flag: FlagRef, strategy: JsonObject) -> None:
        """Append a strategy."""
        await self._call("add strategy", "POST", f"{_environment_path(flag)}/strategies", strategy)

    async def delete_strategy(self, flag: FlagRef, strategy_id: str) -> None:
        """Delete a strategy; Unleash switches the flag off when it was the last."""
        await self._call("delete strategy", "DELETE", _strategy_path(flag, strategy_id))

    async def strategy_updates(self, flag: FlagRef) -> list[StrategyUpdate]:
        """Return the last changes of a flag's strategies in its environment, the newest first."""
        params = {
            "feature": f"IS:{flag.feature}",
            "environment": f"IS:{flag.environment}",
            "type": "IS:feature-strategy-update",
            "limit": str(_HISTORY_LENGTH),
        }
        path = "/api/admin/search/events"
        body = await request(self._client, _NAME, "read history", "GET", path, params=params, headers=self._headers)
        return _parsed(_History, body, "read history").events

    async def _call(self, operation: str, method: str, path: str, json: object = None) -> Any:
        return await request(self._client, _NAME, operation, method, path, json=json, headers=self._headers)


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def _parsed(model: type[_Parsed], body: object, operation: str) -> _Parsed:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Unavailable(_NAME, operation, "the answer is not that of Unleash 8") from error


def _feature_path(flag: FlagRef) -> str:
    return f"/api/admin/projects/{flag.project}/features/{flag.feature}"


def _environment_path(flag: FlagRef) -> str:
    return f"{_feature_path(flag)}/environments/{flag.environment}"


def _strategy_path(flag: FlagRef, strategy_id: str) -> str:
    return f"{_environment_path(flag)}/strategies/{quote(strategy_id, safe='')}"
