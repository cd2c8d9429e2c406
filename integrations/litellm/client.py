"""The calls of LiteLLM's admin API that the actions make.

Keys are known by their hash or their alias, never by the key itself: targets and plans are shown to people.
Source: https://docs.litellm.ai/docs/proxy/management_cli and the OpenAPI page of the proxy, checked against 1.106.2.
"""

from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.sdk import ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, request

NAME = "litellm"
TITLE = "LiteLLM"


class Settings(ConnectionSettings):
    """Where the proxy is, and a key with the role of a proxy admin."""

    admin_key: SecretStr


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Limits(_Answer):
    """What a key or a team may use; `None` is no limit.

    Attributes:
        max_budget: US dollars.
    """

    models: list[str]
    blocked: bool | None = None
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    max_budget: float | None = None


class Key(Limits):
    """A virtual key; `key_name` is its masked form, such as `sk-...9THA`."""

    key_name: str | None = None
    key_alias: str | None = None
    team_id: str | None = None


class Team(Limits):
    """A team; its limits count all its keys together."""

    team_alias: str | None = None


class _KeyInfo(_Answer):
    key: str
    info: Key


class _ListedKey(_Answer):
    token: str = Field(pattern=r"^[0-9a-f]{64}$")
    key_alias: str | None = None


class _Keys(_Answer):
    keys: list[_ListedKey]


class _TeamInfo(_Answer):
    team_info: Team


class _DeploymentParams(_Answer):
    rpm: int | None = None
    tpm: int | None = None


class _DeploymentInfo(_Answer):
    id: str
    db_model: bool = False
    blocked: bool | None = None


class Deployment(_Answer):
    """One deployment of a model; several may share the name that callers use."""

    model_name: str
    litellm_params: _DeploymentParams
    model_info: _DeploymentInfo


class _Deployments(_Answer):
    data: list[Deployment]


class _RouterValues(_Answer):
    model_group_alias: dict[str, str | JsonObject] | None = None
    fallbacks: list[Any] | None = None
    optional_pre_call_checks: list[str] | None = None


class Router(_Answer):
    """How the proxy routes, and whether the database or the configuration file owns each setting."""

    current_values: _RouterValues
    source: dict[str, str] = Field(default_factory=dict)


class GuardrailParams(_Answer):
    """What decides on a request; a guardrail has many more parameters, which are left alone."""

    guardrail: str
    mode: str | list[str] | JsonObject | None = None
    default_on: bool | None = None
    blocked_words: list[JsonObject] | None = None
    patterns: list[JsonObject] | None = None
    categories: list[JsonObject] | None = None


class Guardrail(_Answer):
    """One guardrail."""

    guardrail_id: str
    guardrail_name: str
    litellm_params: GuardrailParams
    guardrail_definition_location: str = "db"


class _Guardrails(_Answer):
    guardrails: list[Guardrail]


class _Category(_Answer):
    name: str


class _ContentFilterOptions(_Answer):
    content_categories: list[_Category]


class _GuardrailOptions(_Answer):
    content_filter_settings: _ContentFilterOptions


class PolicyVersion(_Answer):
    """One kept revision of a policy."""

    policy_id: str
    version_number: int
    version_status: str
    production_at: str | None = None
    description: str | None = None
    inherit: str | None = None
    guardrails_add: list[str] | None = None
    guardrails_remove: list[str] | None = None
    condition: JsonObject | None = None
    pipeline: JsonObject | None = None


class _PolicyVersions(_Answer):
    policy_name: str
    versions: list[PolicyVersion]


class GeneralSetting(_Answer):
    """One general setting; `None` when nobody has set it."""

    field_name: str
    field_value: Any = None
    editable: bool = True


_GENERAL_SETTINGS = TypeAdapter(list[GeneralSetting])


class AdminApi:
    """LiteLLM's admin API, as far as it is needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.admin_key.get_secret_value()}"}

    async def key(self, key_hash: str) -> Key:
        """Return the settings of a key; refused when there is none."""
        body = await self.call("read key", "GET", "/key/info", params={"key": key_hash})
        found = _parsed(_KeyInfo, body, "read key")
        if found.key != key_hash:
            # LiteLLM answers with the caller's own key where it does not see which one is asked for.
            raise _foreign("read key")
        return found.info

    async def key_hash(self, alias: str) -> str:
        """Return the hash of the key with an alias.

        Raises:
            Rejected: There is none, or several share it.
        """
        params = {"key_alias": alias, "return_full_object": "true", "size": "100"}
        body = await self.call("find key", "GET", "/key/list", params=params)
        # Some versions of LiteLLM also list keys whose alias only contains what was asked for.
        found = [each.token for each in _parsed(_Keys, body, "find key").keys if each.key_alias == alias]
        if len(found) == 1:
            return found[0]
        detail = f"{len(found)} keys have the alias {alias}" if found else f"no key has the alias {alias}"
        raise Rejected(NAME, "find key", status=409 if found else 404, detail=detail)

    async def team(self, team_id: str) -> Team:
        """Return a team; refused when there is none."""
        body = await self.call("read team", "GET", "/team/info", params={"team_id": team_id})
        return _parsed(_TeamInfo, body, "read team").team_info

    async def deployments(self) -> list[Deployment]:
        """Return all deployments, those of the configuration file included."""
        body = await self.call("read models", "GET", "/model/info")
        return _parsed(_Deployments, body, "read models").data

    async def router(self) -> Router:
        """Return how the proxy routes."""
        return _parsed(Router, await self.call("read routes", "GET", "/router/settings"), "read routes")

    async def guardrail(self, name: str) -> Guardrail:
        """Return a guardrail by its name.

        Raises:
            Rejected: There is none, or several share the name.
        """
        body = await self.call("read guardrail", "GET", "/v2/guardrails/list")
        found = [
            each for each in _parsed(_Guardrails, body, "read guardrail").guardrails if each.guardrail_name == name
        ]
        if len(found) == 1:
            return found[0]
        detail = f"{len(found)} guardrails are named {name}" if found else f"there is no guardrail {name}"
        raise Rejected(NAME, "read guardrail", status=409 if found else 404, detail=detail)

    async def topics(self) -> list[str]:
        """Return the topics that the content filter knows; it accepts others and then blocks nothing."""
        body = await self.call("read topics", "GET", "/guardrails/ui/add_guardrail_settings")
        options = _parsed(_GuardrailOptions, body, "read topics").content_filter_settings
        return sorted(category.name for category in options.content_categories)

    async def policy_versions(self, name: str) -> list[PolicyVersion]:
        """Return the kept versions of a policy, the newest first.

        Raises:
            Rejected: There is none; LiteLLM itself answers an empty list.
        """
        body = await self.call("read policy", "GET", f"/policies/name/{quote(name, safe='')}/versions")
        versions = _parsed(_PolicyVersions, body, "read policy").versions
        if not versions:
            raise Rejected(NAME, "read policy", status=404, detail=f"no version of policy {name} is in the database")
        return versions

    async def general_setting(self, name: str) -> GeneralSetting:
        """Return a general setting; refused when this LiteLLM has none of that name."""
        body = await self.call("read setting", "GET", "/config/list", params={"config_type": "general_settings"})
        try:
            settings = _GENERAL_SETTINGS.validate_python(body)
        except ValidationError as error:
            raise _foreign("read setting") from error
        if not settings:
            raise _foreign("read setting")
        for setting in settings:
            if setting.field_name == name:
                return setting
        raise Rejected(NAME, "read setting", status=404, detail=f"there is no general setting {name}")

    async def call(
        self, operation: str, method: str, path: str, json: object = None, params: dict[str, str] | None = None
    ) -> Any:
        """Make one call and return its JSON body."""
        return await request(
            self._client, NAME, operation, method, path, json=json, params=params, headers=self._headers
        )


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def _parsed(model: type[_Parsed], body: object, operation: str) -> _Parsed:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _foreign(operation) from error


def _foreign(operation: str) -> Unavailable:
    return Unavailable(NAME, operation, "the answer is not that of a LiteLLM proxy with a database")
