"""The simulated Flagsmith's features as values, what it refuses, and what it ignores without a word.

A seed names what there is; ids of feature states, of shares and of links to segments are worked out from it, and
change with every version, as they do in a versioned environment.
"""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, Field, ValidationError

from bot.sdk import JsonObject, Value, digest
from integrations.flagsmith.client import Scalar

_STATES = 1_000
_SHARES = 1_000


class Refusal(Exception):
    """An answer other than 2xx, in Flagsmith's words."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


class State(Value):
    """What is served: shares in percent by the id of an option, and the value for the rest."""

    enabled: bool = False
    value: Scalar = None
    shares: dict[int, float] = Field(default_factory=dict)


class Served(Value):
    """A feature in one environment.

    Attributes:
        overrides: By segment, those that win first.
        version: Counts the changes of a versioned environment.
        earlier: What was served by default in earlier versions, the newest last.
        changed_at: When anything here changed last; what the simulated world can be made to depend on.
    """

    default: State = State()
    overrides: dict[int, State] = Field(default_factory=dict)
    version: int = 1
    earlier: tuple[State, ...] = ()
    changed_at: AwareDatetime | None = None


class Option(Value):
    """A variant."""

    id: int
    value: Scalar


class Feature(Value):
    """A feature; `environments` go by their key."""

    id: int
    archived: bool = False
    options: tuple[Option, ...] = ()
    environments: dict[str, Served]


class Environment(Value):
    """An environment.

    Attributes:
        approvals: How many approvals a change request needs; a direct change is refused then.
    """

    id: int
    name: str = "Production"
    project: int = 1
    versioned: bool = False
    approvals: int | None = None


class Segment(Value):
    """A segment, and which identities are in it."""

    name: str
    identities: tuple[str, ...] = ()


class Flags(Value):
    """The simulated Flagsmith's document in the world.

    Attributes:
        token: The organisation API key.
    """

    environments: dict[str, Environment] = Field(default_factory=dict)
    features: dict[str, Feature] = Field(default_factory=dict)
    segments: dict[int, Segment] = Field(default_factory=dict)
    token: str = "ser-simulated"  # noqa: S105 - the simulator's, printed in the README

    def environment(self, key: str) -> Environment:
        """Return an environment by its key; one that is not known is one that nobody may see."""
        if key not in self.environments:
            raise Refusal(403, "You do not have permission to perform this action.")
        return self.environments[key]

    def key_of(self, environment: int) -> str:
        """Return an environment's key by its id."""
        for key, each in self.environments.items():
            if each.id == environment:
                return key
        raise _not_found("Environment")

    def name_of(self, feature: int) -> str:
        """Return a feature's name by its id."""
        for name, each in self.features.items():
            if each.id == feature:
                return name
        raise _not_found("Feature")

    def served(self, name: str, key: str) -> Served:
        """Return what a feature serves in an environment."""
        return self.features[name].environments.get(key) or Served()

    def with_served(self, name: str, key: str, served: Served, at: datetime) -> "Flags":
        """Return the document with a feature changed in an environment; one that is versioned remembers."""
        old = self.served(name, key)
        if served == old:
            return self
        if self.environments[key].versioned:
            served = served.changed(version=old.version + 1, earlier=(*old.earlier, old.default))
        feature = self.features[name]
        environments = {**feature.environments, key: served.changed(changed_at=at)}
        return self.changed(features={**self.features, name: feature.changed(environments=environments)})


def state_id(feature: Feature, environment: Environment, served: Served, segment: int = 0) -> int:
    """Return the id of a feature state: of the default, or of a segment's override."""
    version = served.version if environment.versioned else 1
    return ((feature.id * _STATES + environment.id) * _STATES + version) * _STATES + segment


def found_state(flags: Flags, wanted: int) -> tuple[str, str, int]:
    """Return the feature, the environment's key and the segment of a feature state; 0 for the default."""
    for name, feature in flags.features.items():
        for key, environment in flags.environments.items():
            served = flags.served(name, key)
            for segment in (0, *served.overrides):
                if state_id(feature, environment, served, segment) == wanted:
                    return name, key, segment
    raise _not_found("FeatureState")


def version_uuid(feature: Feature, environment: Environment, version: int) -> str:
    """Return the uuid of a version."""
    return str(UUID(digest([feature.id, environment.id, version])[:32]))


def shown_shares(feature: Feature, state: State, owner: int) -> list[JsonObject]:
    """Return shares as the API lists them."""
    return [
        {"id": owner * _SHARES + option.id, "multivariate_feature_option": option.id, "percentage_allocation": share}
        for option in feature.options
        if (share := state.shares.get(option.id)) is not None
    ]


def typed(value: Scalar) -> JsonObject:
    """Return a value in the three fields that Flagsmith holds one in."""
    return {
        "type": "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "unicode",
        "string_value": value if isinstance(value, str) else None,
        "integer_value": value if isinstance(value, int) and not isinstance(value, bool) else None,
        "boolean_value": value if isinstance(value, bool) else None,
    }


def edited(feature: Feature, state: State, body: JsonObject) -> State:
    """Return a state with the fields of a body that Flagsmith looks at; shares that it does not list are gone."""
    sent: JsonObject = {}
    if "enabled" in body:
        sent["enabled"] = body["enabled"]
    if "feature_state_value" in body:
        sent["value"] = _untyped(body["feature_state_value"])
    if "multivariate_feature_state_values" in body:
        shares = body["multivariate_feature_state_values"]
        sent["shares"] = {each["multivariate_feature_option"]: each["percentage_allocation"] for each in shares}
    try:
        changed = state.changed(**sent)
    except ValidationError as error:
        raise Refusal(400, "Not a valid feature state.") from error
    known = {option.id for option in feature.options}
    if not changed.shares.keys() <= known or any(not 0 <= share <= 100 for share in changed.shares.values()):
        raise Refusal(400, "Invalid pk - object does not exist.")
    if sum(changed.shares.values()) > 100:
        raise Refusal(400, "Multivariate percentage values exceed 100%.")
    return changed


def _untyped(given: object) -> object:
    if not isinstance(given, dict):
        return given
    return given[{"int": "integer_value", "bool": "boolean_value"}.get(given["type"], "string_value")]


def _not_found(kind: str) -> Refusal:
    return Refusal(404, f"No {kind} matches the given query.")
