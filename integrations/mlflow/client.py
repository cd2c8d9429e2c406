"""The calls of MLflow's REST APIs that the actions make: the model registry (2.0), and the AI gateway (3.0).

Sources: https://mlflow.org/docs/latest/rest-api.html and the server's own service.proto; checked against MLflow 3.17.2.
"""

import math
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeVar

import httpx
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bot.sdk import ConnectionSettings, JsonObject, SecretStr, Unavailable, request

NAME = "mlflow"
TITLE = "MLflow"
_REGISTRY = "/api/2.0/mlflow"
_GATEWAY = "/api/3.0/mlflow/gateway"
MARK = "stanch"
BAD = "bad"

Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]*$", max_length=200)]


def _rounded(weight: float) -> float:
    """Return a weight without what MLflow's single precision adds to it."""
    return round(weight, 6)


class Settings(ConnectionSettings):
    """Where MLflow is, and its credential.

    Attributes:
        username: With one, the token is its password (basic authentication); without, the token is a bearer token.
    """

    token: SecretStr
    username: str = Field(default="", max_length=100, pattern=r"^[^:\x00-\x1f]*$")


class Aliases(BaseModel):
    """A registered model's aliases: name to version."""

    model_config = ConfigDict(frozen=True)

    aliases: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: object) -> object:
        model = given.get("registered_model") if isinstance(given, dict) else None
        if not isinstance(model, dict) or "name" not in model:
            raise ValueError("no registered model")
        return {"aliases": {each["alias"]: each["version"] for each in model.get("aliases", [])}}


class Version(BaseModel):
    """One version of a registered model."""

    model_config = ConfigDict(frozen=True)

    version: str
    status: str = ""
    tags: list[dict[str, str]] = Field(default_factory=list)

    @property
    def is_bad(self) -> bool:
        """Whether it was marked."""
        return any(tag.get("key") == MARK and tag.get("value") == BAD for tag in self.tags)


class _Versions(BaseModel):
    model_versions: list[Version] = Field(default_factory=list)


class _Definition(BaseModel):
    model_config = ConfigDict(frozen=True)

    model_definition_id: str
    name: str


class Link(BaseModel):
    """A model of an endpoint."""

    model_config = ConfigDict(frozen=True)

    definition: _Definition = Field(alias="model_definition")
    kind: Literal["PRIMARY", "FALLBACK"] = Field(alias="linkage_type")
    weight: Annotated[float, AfterValidator(_rounded)] = Field(default=1.0, allow_inf_nan=False)
    order: int | None = Field(default=None, alias="fallback_order")


class Endpoint(BaseModel):
    """An endpoint of the gateway."""

    model_config = ConfigDict(frozen=True)

    endpoint_id: str
    routing_strategy: str = ""
    links: list[Link] = Field(alias="model_mappings", default_factory=list)
    fallback_config: JsonObject | None = None


class _EndpointAnswer(BaseModel):
    endpoint: Endpoint


class _Definitions(BaseModel):
    model_definitions: list[_Definition] = Field(default_factory=list)


class Budget(BaseModel):
    """A budget policy of the gateway."""

    model_config = ConfigDict(frozen=True)

    budget_amount: float = Field(default=0.0, allow_inf_nan=False)
    budget_unit: str = ""
    budget_action: str = ""
    target_scope: str = ""
    target_value: str = ""
    duration: JsonObject = Field(default_factory=dict)


class _BudgetAnswer(BaseModel):
    budget_policy: Budget


class Api:
    """MLflow's REST APIs, as far as they are needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        token = settings.token.get_secret_value()
        basic = b64encode(f"{settings.username}:{token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}" if settings.username else f"Bearer {token}"}

    async def aliases(self, model: str) -> Mapping[str, str]:
        """Return a registered model's aliases."""
        body = await self._read("read model", f"{_REGISTRY}/registered-models/get", name=model)
        return _parsed(Aliases, body, "read model").aliases

    async def versions(self, model: str, *, only_bad: bool = False) -> list[Version]:
        """Return a model's versions, the newest first; the last 200 of them."""
        marked = f" and tags.`{MARK}` = '{BAD}'" if only_bad else ""
        search = {"filter": f"name = '{model}'{marked}", "max_results": "200"}
        body = await self._read("search versions", f"{_REGISTRY}/model-versions/search", **search)
        found = _parsed(_Versions, body, "search versions").model_versions
        return [version for version in found if version.is_bad] if only_bad else found

    async def move_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        body = {"name": model, "alias": alias, "version": version}
        await self._write("move alias", "POST", f"{_REGISTRY}/registered-models/alias", body)

    async def mark(self, model: str, version: str, *, bad: bool) -> None:
        """Set or delete the tag that says that a version did harm."""
        tag = {"name": model, "version": version, "key": MARK}
        if bad:
            await self._write("tag version", "POST", f"{_REGISTRY}/model-versions/set-tag", {**tag, "value": BAD})
        else:
            await self._write("delete tag", "DELETE", f"{_REGISTRY}/model-versions/delete-tag", tag)

    async def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint of the gateway."""
        body = await self._read("read endpoint", f"{_GATEWAY}/endpoints/get", name=name)
        return _parsed(_EndpointAnswer, body, "read endpoint").endpoint

    async def definitions(self) -> Mapping[str, str]:
        """Return the ids of the gateway's model definitions, by name."""
        body = await self._read("list model definitions", f"{_GATEWAY}/model-definitions/list")
        found = _parsed(_Definitions, body, "list model definitions").model_definitions
        return {each.name: each.model_definition_id for each in found}

    async def update_endpoint(self, endpoint_id: str, links: list[JsonObject], fallback: JsonObject | None) -> None:
        """Replace an endpoint's models; what MLflow is not sent about falling back, it resets."""
        body: JsonObject = {"endpoint_id": endpoint_id, "model_configs": links}
        if fallback is not None:
            body["fallback_config"] = fallback
        await self._write("update endpoint", "POST", f"{_GATEWAY}/endpoints/update", body)

    async def budget(self, policy: str) -> Budget:
        """Return a budget policy."""
        body = await self._read("read budget", f"{_GATEWAY}/budgets/get", budget_policy_id=policy)
        return _parsed(_BudgetAnswer, body, "read budget").budget_policy

    async def update_budget(self, policy: str, amount: float, action: str) -> None:
        """Set a budget's amount, and what happens when it is spent."""
        body = {"budget_policy_id": policy, "budget_amount": amount, "budget_action": action}
        await self._write("update budget", "POST", f"{_GATEWAY}/budgets/update", body)

    async def _read(self, operation: str, path: str, **params: str) -> Any:
        return await request(self._client, NAME, operation, "GET", path, params=params, headers=self._headers)

    async def _write(self, operation: str, method: str, path: str, body: JsonObject) -> None:
        await request(self._client, NAME, operation, method, path, json=body, headers=self._headers)


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def _parsed(model: type[_Parsed], body: object, operation: str) -> _Parsed:
    try:
        return model.model_validate(body)
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(NAME, operation, "the answer is not that of MLflow 3") from error


def _number(value: object) -> object:
    """Read a number as a form gives it; refuse what pydantic would take and nobody means: `true`, `nan`."""
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return int(number) if number.is_integer() else number


Number = BeforeValidator(_number)
