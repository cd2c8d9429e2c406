"""The simulated Unleash's flags as values, with the rules of the real one: what it refuses, corrects and does unasked.

All of it was seen on Unleash 8.2.0: it spreads weight evenly over `variable` variants, adds a strategy for everybody
to a flag that is switched on without an active one, and switches a flag off that loses its last active strategy.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field, JsonValue, ValidationError

from bot.sdk import JsonObject, Value
from integrations.unleash.faults import Fault

_FULL_WEIGHT = 1000


class Refusal(Exception):
    """An answer other than 2xx, in Unleash's words."""

    def __init__(self, status: int, name: str, message: str) -> None:
        self.status = status
        self.name = name
        super().__init__(message)


class Variant(Value):
    """A variation, weighted in thousandths."""

    name: str
    weight: int = Field(ge=0, le=_FULL_WEIGHT)
    weightType: Literal["fix", "variable"]  # noqa: N815 - the vendor's word
    stickiness: str = "default"
    payload: dict[str, str] | None = None


class Strategy(Value):
    """An activation strategy; in a seed the id may be left out."""

    id: str = ""
    name: Literal["flexibleRollout", "default"] = "flexibleRollout"
    title: str | None = None
    disabled: bool = False
    sortOrder: int = 0  # noqa: N815 - the vendor's word
    parameters: dict[str, str] = Field(default_factory=dict)
    constraints: tuple[dict[str, JsonValue], ...] = ()
    segments: tuple[int, ...] = ()
    variants: tuple[Variant, ...] = ()

    def public(self) -> JsonObject:
        """Return it as the admin API shows it."""
        shown = self.model_dump(mode="json")
        shown["variants"] = [variant.model_dump(mode="json", exclude_none=True) for variant in self.variants]
        return shown


class FlagEnvironment(Value):
    """A flag in one environment.

    Attributes:
        changed_at: When anything here changed last; what the simulated world can be made to depend on.
    """

    enabled: bool = False
    strategies: tuple[Strategy, ...] = ()
    changed_at: AwareDatetime | None = None

    def strategy(self, strategy_id: str) -> Strategy:
        """Return a strategy by id."""
        for strategy in self.strategies:
            if strategy.id == strategy_id:
                return strategy
        raise Refusal(404, "NotFoundError", f"Could not find strategy with id={strategy_id}")

    @property
    def has_active_strategy(self) -> bool:
        """Whether any strategy is not disabled."""
        return any(not strategy.disabled for strategy in self.strategies)


class Feature(Value):
    """A feature flag."""

    type: str = "release"
    project: str = "default"
    environments: dict[str, FlagEnvironment]


class Flags(Value):
    """The simulated Unleash's document in the world.

    Attributes:
        events: The audit log, oldest first.
        faults: How the next calls go wrong.
        admin_token: The token that the admin API takes.
    """

    features: dict[str, Feature] = Field(default_factory=dict)
    events: tuple[JsonObject, ...] = ()
    faults: tuple[Fault, ...] = ()
    admin_token: str = "*:*.simulated"  # noqa: S105 - the simulator's, printed in the README

    def environment(self, project: str, feature: str, environment: str) -> FlagEnvironment:
        """Return a flag's environment."""
        found = self.feature(project, feature).environments.get(environment)
        if found is None:
            raise Refusal(404, "NotFoundError", f"Could not find environment {environment} for feature: {feature}")
        return found

    def feature(self, project: str, feature: str) -> Feature:
        """Return a flag."""
        found = self.features.get(feature)
        if found is None or found.project != project:
            raise Refusal(404, "NotFoundError", f'There\'s no feature named "{feature}" in project "{project}".')
        return found


def loaded(document: JsonObject) -> Flags:
    """Return a document's flags, with an id on every strategy and weights as Unleash would have corrected them."""
    flags = Flags.model_validate(document)
    return flags.changed(features={name: _settled(feature) for name, feature in flags.features.items()})


def _settled(feature: Feature) -> Feature:
    environments = {
        name: environment.changed(
            strategies=tuple(
                strategy.changed(id=strategy.id or f"strategy-{place}", variants=spread(strategy.variants))
                for place, strategy in enumerate(environment.strategies, start=1)
            )
        )
        for name, environment in feature.environments.items()
    }
    return feature.changed(environments=environments)


def spread(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Return variants by name, with what the fixed ones leave spread evenly over the variable ones."""
    variable = [variant for variant in variants if variant.weightType == "variable"]
    if variants and not variable:
        raise _bad_data('There must be at least one "variable" variant')
    left = _FULL_WEIGHT - sum(variant.weight for variant in variants if variant.weightType == "fix")
    if left < 0:
        raise _bad_data("The traffic distribution total must equal 100%")
    weights = {
        variant.name: left // len(variable) + (place < left % len(variable)) for place, variant in enumerate(variable)
    }
    corrected = (variant.changed(weight=weights.get(variant.name, variant.weight)) for variant in variants)
    return tuple(sorted(corrected, key=lambda variant: variant.name))


def strategy_from(feature: str, sent: JsonObject) -> Strategy:
    """Return a strategy that a client sent, or what Unleash says when it cannot be one."""
    try:
        strategy = Strategy.model_validate(sent)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise _bad_data(f"The `/{place}` property is wrong: {first['msg']}") from error
    return strategy.changed(parameters=_completed(feature, strategy), variants=spread(strategy.variants))


def _completed(feature: str, strategy: Strategy) -> dict[str, str]:
    """Return a rollout's parameters with what Unleash adds when it stores one."""
    if strategy.name != "flexibleRollout":
        return strategy.parameters
    sent = strategy.parameters
    defaults = {"rollout": sent.get("rollout", "100"), "stickiness": sent.get("stickiness") or "default"}
    return {**sent, **defaults, "groupId": sent.get("groupId") or feature}


def patched(feature: str, strategy: Strategy, operations: list[JsonObject]) -> Strategy:
    """Return a strategy after a JSON patch of `test` and `replace` operations, all or none of them."""
    document = strategy.public()
    for operation in operations:
        holder, key = _place(document, str(operation.get("path", "")))
        if operation.get("op") == "test":
            if holder[key] != operation.get("value"):
                raise Refusal(500, "UnknownError", "Test operation failed\nname: TEST_OPERATION_FAILED")
        elif operation.get("op") == "replace":
            holder[key] = operation.get("value")
        else:
            raise _bad_data("The simulator knows the operations test and replace")
    return strategy_from(feature, document)


def _place(document: JsonObject, path: str) -> tuple[Any, Any]:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path.removeprefix("/").split("/")]
    holder: Any = document
    try:
        for part in parents:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key = int(last) if isinstance(holder, list) else last
        holder[key]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise _bad_data(f"There is nothing at {path}") from error
    return holder, key


def switched(environment: FlagEnvironment, feature: str, *, on: bool, new_id: str, at: datetime) -> FlagEnvironment:
    """Return an environment switched on or off; one that is so already does not change."""
    if environment.enabled == on:
        return environment
    strategies = environment.strategies
    if on and not environment.has_active_strategy:
        parameters = {"groupId": feature, "rollout": "100", "stickiness": "default"}
        strategies += (Strategy(id=new_id, sortOrder=len(strategies), parameters=parameters),)
    return environment.changed(enabled=on, strategies=strategies, changed_at=at)


def with_strategies(environment: FlagEnvironment, strategies: tuple[Strategy, ...], at: datetime) -> FlagEnvironment:
    """Return an environment with other strategies, switched off if none of them is active."""
    changed = environment.changed(strategies=strategies, changed_at=at)
    return changed if changed.has_active_strategy else changed.changed(enabled=False)


def _bad_data(message: str) -> Refusal:
    prefix = "Request validation failed: your request body or params contain invalid data: "
    return Refusal(400, "BadDataError", prefix + message)
