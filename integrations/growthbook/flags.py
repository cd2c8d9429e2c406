"""The simulated GrowthBook's features as values, and what the real one refuses of them.

What comes back from a `GET` cannot always be sent again: version 1 of the API takes no safe rollouts and no contextual
bandits, and refuses fields that it itself answers.
"""

import json
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.sdk import JsonObject, Value, digest

_COMMON = frozenset(
    {"id", "type", "description", "enabled", "condition", "prerequisites", "scheduleRules", "allProjects", "projects"}
)
_GROUPS = frozenset({"savedGroups", "savedGroupTargeting"})
_TAKEN = {
    "force": _COMMON | _GROUPS | {"value", "sparse"},
    "rollout": _COMMON | _GROUPS | {"value", "sparse", "coverage", "hashAttribute", "seed", "hashVersion"},
    "experiment-ref": _COMMON | _GROUPS | {"variations", "experimentId", "sparse"},
}
_NEEDED = {
    "force": {"value"},
    "rollout": {"value", "coverage", "hashAttribute"},
    "experiment-ref": {"variations", "experimentId"},
}


class Refusal(Exception):
    """An answer other than 2xx, in GrowthBook's words.

    Attributes:
        gates: What holds a publication back.
    """

    def __init__(self, status: int, message: str, gates: tuple[JsonObject, ...] = ()) -> None:
        self.status = status
        self.gates = gates
        super().__init__(message)


class Environment(Value):
    """A feature in one environment."""

    enabled: bool = False
    rules: tuple[JsonObject, ...] = ()


class Revision(Value):
    """What was published."""

    version: int
    default: str
    comment: str = ""


class Feature(Value):
    """A feature; in a seed, whatever has a default may be left out.

    Attributes:
        revisions: The earlier ones, the newest last.
        changed_at: When it changed last; what the simulated world can be made to depend on.
    """

    value_type: Literal["boolean", "string", "number", "json"] = "boolean"
    default: str = "false"
    archived: bool = False
    prerequisites: tuple[str, ...] = ()
    environments: dict[str, Environment]
    version: int = 1
    comment: str = ""
    revisions: tuple[Revision, ...] = ()
    changed_at: AwareDatetime | None = None


class Group(Value):
    """A saved group: who has one of the values in the attribute."""

    attribute: str = "id"
    values: tuple[str, ...] = ()


class Flags(Value):
    """The simulated GrowthBook's document in the world.

    Attributes:
        approvals: Environments in which changes are published only once approved.
        token: The secret key of an admin.
        reader_token: A key that may only read.
    """

    features: dict[str, Feature] = Field(default_factory=dict)
    groups: dict[str, Group] = Field(default_factory=dict)
    approvals: tuple[str, ...] = ()
    token: str = "secret_simulated"  # noqa: S105 - the simulator's, printed in the README
    reader_token: str = "secret_reader"  # noqa: S105 - likewise

    def feature(self, key: str) -> Feature:
        """Return a feature."""
        if key not in self.features:
            raise Refusal(404, "Could not find a feature with that key")
        return self.features[key]


def loaded(document: JsonObject) -> Flags:
    """Return a document's features, with the fields on every rule that GrowthBook always answers."""
    flags = Flags.model_validate(document)
    return flags.changed(
        features={
            key: feature.changed(
                environments={
                    name: environment.changed(rules=_identified(environment.rules, key, feature.version))
                    for name, environment in feature.environments.items()
                }
            )
            for key, feature in flags.features.items()
        }
    )


def published(flags: Flags, key: str, environments: dict[str, Environment], comment: str, at: datetime) -> Flags:
    """Return the document with a new revision of a feature; without a difference there is none."""
    feature = flags.feature(key)
    changed = {name: each for name, each in environments.items() if each != feature.environments.get(name)}
    if not changed:
        return flags
    held = sorted(changed.keys() & set(flags.approvals))
    if held:
        message = f"This change requires approval before it can be published to {', '.join(held)}."
        gate = {"type": "approval-required", "severity": "error", "messages": [message], "override": None}
        raise Refusal(422, message, (gate,))
    old = Revision(version=feature.version, default=feature.default, comment=feature.comment)
    edited = feature.changed(
        environments={**feature.environments, **changed},
        version=feature.version + 1,
        comment=comment,
        revisions=(*feature.revisions, old),
        changed_at=at,
    )
    return flags.changed(features={**flags.features, key: edited})


def sent_environments(feature: Feature, key: str, sent: object) -> dict[str, Environment]:
    """Return the environments that a body replaces; a wrong one is refused as a whole."""
    if not isinstance(sent, dict) or not sent:
        raise Refusal(400, "environments: Required")
    found: dict[str, Environment] = {}
    for name, given in sent.items():
        if not isinstance(given, dict) or not isinstance(given.get("enabled"), bool) or "rules" not in given:
            raise Refusal(400, f"environments.{name}: enabled and rules are required")
        for place, rule in enumerate(given["rules"]):
            _require_taken(feature, rule, f"environments.{name}.rules.{place}")
        rules = _identified(tuple(given["rules"]), key, feature.version + 1)
        found[name] = Environment(enabled=given["enabled"], rules=rules)
    return found


def toggled(feature: Feature, sent: object) -> dict[str, Environment]:
    """Return the environments that a toggle switches; strings and numbers are taken too, as GrowthBook does."""
    if not isinstance(sent, dict):
        raise Refusal(422, "environments: Required")
    unknown = sorted(sent.keys() - feature.environments.keys())
    if unknown:
        raise Refusal(400, f'Unknown environment: "{unknown[0]}"')
    return {
        name: feature.environments[name].changed(enabled=wanted in (True, "true", "1", 1))
        for name, wanted in sent.items()
    }


def _require_taken(feature: Feature, rule: JsonObject, where: str) -> None:
    kind = str(rule.get("type"))
    if kind not in _TAKEN:
        raise Refusal(400, f"{where}.type: Invalid discriminator value")
    extra, missing = sorted(rule.keys() - _TAKEN[kind]), sorted(_NEEDED[kind] - rule.keys())
    if extra or missing:
        problem = f"Unrecognized key(s): {', '.join(extra)}" if extra else f"{missing[0]}: Required"
        raise Refusal(400, f"{where}: {problem}")
    if not 0 <= rule.get("coverage", 1) <= 1:
        raise Refusal(400, f"{where}.coverage: must be between 0 and 1")
    if feature.value_type != "string" and "value" in rule:
        try:
            value = json.loads(rule["value"])
        except ValueError as error:
            raise Refusal(400, f"{where}.value: not a {feature.value_type}") from error
        if feature.value_type == "boolean" and not isinstance(value, bool):
            raise Refusal(400, f"{where}.value: not a boolean")


def _identified(rules: tuple[JsonObject, ...], key: str, version: int) -> tuple[JsonObject, ...]:
    return tuple(
        {
            "description": "",
            "enabled": True,
            **rule,
            "id": rule.get("id") or f"fr_{digest([key, version, place])[:16]}",
        }
        for place, rule in enumerate(rules)
    )
