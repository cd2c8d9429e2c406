"""The calls of Flagsmith's Admin API that the actions make.

A flag is read from several places: its feature state of the environment, those of segments, and the values of its
variants from the project. Where the environment has version 2 of feature versioning, states are changed by publishing
a version, and the older endpoints answer 400.
Sources: https://docs.flagsmith.com/integrating-with-flagsmith/flagsmith-api-overview/admin-api,
https://docs.flagsmith.com/managing-flags/feature-versioning, and Flagsmith's own OpenAPI document.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.sdk import AuthFailed, ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, Value, request

NAME = "flagsmith"
TITLE = "Flagsmith"
_MOST_PAGES = 50
_API = "/api/v1"

Scalar = str | int | bool | None


class Settings(ConnectionSettings):
    """Where Flagsmith is, and an organisation API key or a user's token.

    Attributes:
        scheme: `Api-Key` for an organisation API key, `Token` for a user's.
    """

    token: SecretStr
    scheme: str = Field(default="Api-Key", pattern=r"^(Api-Key|Token)$")


class FlagRef(Value):
    """One feature in one environment, which goes by its client-side key."""

    environment: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)
    feature: str = Field(pattern=r"^[^\x00-\x1f]+$", max_length=200)

    def __str__(self) -> str:
        return self.feature


class Environment(BaseModel):
    """An environment.

    Attributes:
        approvals: How many approvals a change request needs there; `None` where none is demanded.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    project: int
    versioned: bool = Field(default=False, alias="use_v2_feature_versioning")
    approvals: int | None = Field(default=None, alias="minimum_change_request_approvals")


def _scalar(given: object) -> object:
    """Return a value that Flagsmith wraps with its type as it is."""
    if not isinstance(given, dict):
        return given
    field = {"int": "integer_value", "bool": "boolean_value"}.get(str(given.get("type")), "string_value")
    return given[field]


class _Option(BaseModel):
    id: int
    type: str = "unicode"
    string_value: str | None = None
    integer_value: int | None = None
    boolean_value: bool | None = None

    @property
    def value(self) -> Scalar:
        return _scalar(self.model_dump())  # type: ignore[return-value] # one of the three fields


class _Feature(BaseModel):
    id: int
    name: str
    is_archived: bool = False
    multivariate_options: list[_Option] = Field(default_factory=list)


class _Share(BaseModel):
    id: int
    multivariate_feature_option: int
    percentage_allocation: float


class _FeatureSegment(BaseModel):
    id: int
    segment: int
    priority: int | None = None


class FeatureState(BaseModel):
    """What a feature serves: to everybody, or to a segment that overrides that.

    Attributes:
        id: Its own; a new one with every version.
        feature_segment: Of an override: the link to its segment; only its id where the link is read apart.
        version: The version that it belongs to, in a versioned environment.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    feature: int
    enabled: bool
    value: Annotated[Scalar, BeforeValidator(_scalar)] = Field(alias="feature_state_value")
    shares: list[_Share] = Field(default_factory=list, alias="multivariate_feature_state_values")
    feature_segment: _FeatureSegment | int | None = None
    identity: Any = None
    version: str | None = Field(default=None, alias="environment_feature_version")


class Segment(BaseModel):
    """A segment of the project."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str


class Override(BaseModel):
    """A segment's own feature state.

    Attributes:
        segment: The segment's id.
        link: Id of what links it to its segment.
    """

    model_config = ConfigDict(frozen=True)

    segment: int
    link: int
    state: FeatureState


class Flag(BaseModel):
    """A feature as an environment serves it.

    Attributes:
        options: The values of its variants by id, in order; empty for a feature without any.
        overrides: Those that win first; whoever is in two segments gets the first.
    """

    model_config = ConfigDict(frozen=True)

    environment: Environment
    feature: int
    archived: bool
    options: dict[int, Scalar]
    default: FeatureState
    overrides: list[Override]


class Api:
    """Flagsmith's Admin API, as far as it is needed."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"{settings.scheme} {settings.token.get_secret_value()}"}

    async def flag(self, ref: FlagRef) -> Flag:
        """Return a feature as its environment serves it.

        Raises:
            Rejected: The environment has no such feature.
        """
        environment = await self.environment(ref)
        default = await self._default(ref)
        body = await self._get("read feature", f"/projects/{environment.project}/features/{default.feature}/")
        feature = _parsed(_Feature, body, "read feature")
        if feature.name.lower() != ref.feature.lower():
            # A Flagsmith that does not know the filter answers with whatever feature comes first.
            raise _foreign("read feature")
        return Flag(
            environment=environment,
            feature=feature.id,
            archived=feature.is_archived,
            options={each.id: each.value for each in feature.multivariate_options},
            default=default,
            overrides=await self._overrides(environment, default),
        )

    async def environment(self, ref: FlagRef) -> Environment:
        """Return an environment."""
        body = await self._get("read environment", f"/environments/{ref.environment}/")
        return _parsed(Environment, body, "read environment")

    async def segments(self, project: int) -> list[Segment]:
        """Return the segments of a project."""
        return await self._all(Segment, "read segments", f"/projects/{project}/segments/", {})

    async def versions(self, environment: int, feature: int) -> list[str]:
        """Return the versions of a feature that were published, the newest first."""
        path = f"/environments/{environment}/features/{feature}/versions/"
        found = await self._all(_Version, "read versions", path, {})
        published = [version for version in found if version.published]
        return [version.uuid for version in sorted(published, key=lambda each: each.live_from or "", reverse=True)]

    async def version(self, environment: int, feature: int, version: str) -> list[FeatureState]:
        """Return the feature states of a version."""
        path = f"/environments/{environment}/features/{feature}/versions/{version}/featurestates/"
        body = await self._get("read version", path)
        if not isinstance(body, list):
            raise _foreign("read version")
        return [_parsed(FeatureState, each, "read version") for each in body]

    async def write(self, operation: str, method: str, path: str, body: JsonObject | None, *, guarded: bool) -> None:
        """Make one change.

        Args:
            operation: What it is, in Flagsmith's words.
            method: How.
            path: Below `/api/v1`.
            body: What is sent.
            guarded: Whether the environment demands change requests, which is then the likely reason of a refusal.

        Raises:
            Rejected: Flagsmith refused; nothing was changed.
        """
        try:
            await request(self._client, NAME, operation, method, f"{_API}{path}", json=body, headers=self._headers)
        except (AuthFailed, Rejected) as refused:
            if not guarded:
                raise
            reason = "the environment demands change requests, and a direct change was refused"
            if isinstance(refused, AuthFailed):
                raise AuthFailed(NAME, operation, reason) from refused
            raise Rejected(NAME, operation, status=refused.status, detail=reason) from refused

    async def _default(self, ref: FlagRef) -> FeatureState:
        path = f"/environments/{ref.environment}/featurestates/"
        found = await self._all(FeatureState, "read flag", path, {"feature_name": ref.feature})
        for state in found:
            if state.feature_segment is None and state.identity is None:
                return state
        raise Rejected(NAME, "read flag", status=404, detail=f"the environment has no feature {ref.feature}")

    async def _overrides(self, environment: Environment, default: FeatureState) -> list[Override]:
        where = {"environment": str(environment.id), "feature": str(default.feature)}
        if environment.versioned:
            if default.version is None:
                raise _foreign("read flag")
            states = await self.version(environment.id, default.feature, default.version)
        else:
            states = await self._all(FeatureState, "read overrides", "/features/featurestates/", where)
        states = [state for state in states if state.feature_segment is not None]
        links = [link for state in states if isinstance(link := state.feature_segment, _FeatureSegment)]
        if states and not environment.versioned:
            links = await self._all(_FeatureSegment, "read overrides", "/features/feature-segments/", where)
        return _linked(states, {link.id: link for link in links})

    async def _all(
        self, model: "type[_Parsed]", operation: str, path: str, params: Mapping[str, str]
    ) -> "list[_Parsed]":
        """Return a list that comes in pages."""
        found: list[_Parsed] = []
        for page in range(1, _MOST_PAGES + 1):
            body = await self._get(operation, path, params if page == 1 else {**params, "page": str(page)})
            answer = _parsed(_Page, body, operation)
            found += [_parsed(model, each, operation) for each in answer.results]
            if answer.next is None:
                return found
        raise Unavailable(NAME, operation, f"there are more than {_MOST_PAGES} pages")

    async def _get(self, operation: str, path: str, params: Mapping[str, str] | None = None) -> Any:
        return await request(
            self._client, NAME, operation, "GET", f"{_API}{path}", params=params or None, headers=self._headers
        )


class _Page(BaseModel):
    next: str | None = None
    results: list[JsonObject]


class _Version(BaseModel):
    uuid: str
    published: bool
    live_from: str | None = None


_Parsed = TypeVar("_Parsed", bound=BaseModel)


def _parsed(model: type[_Parsed], body: object, operation: str) -> _Parsed:
    try:
        return model.model_validate(body)
    except (ValidationError, KeyError) as error:
        raise _foreign(operation) from error


def _linked(states: list[FeatureState], links: dict[int, _FeatureSegment]) -> list[Override]:
    """Return states with their segments, by precedence: the lowest number wins."""
    found: list[tuple[int, Override]] = []
    for state in states:
        given = state.feature_segment
        link = given if isinstance(given, _FeatureSegment) else links.get(given or 0)
        if link is None:
            raise Unavailable(NAME, "read overrides", "an override belongs to no segment")
        found.append((link.priority or 0, Override(segment=link.segment, link=link.id, state=state)))
    return [override for _, override in sorted(found, key=lambda each: each[0])]


def _foreign(operation: str) -> Unavailable:
    return Unavailable(NAME, operation, "the answer is not that of Flagsmith")
