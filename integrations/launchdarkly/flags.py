"""The simulated LaunchDarkly's flags as values, and what the real one refuses of a JSON patch.

A patch is applied whole or not at all. LaunchDarkly does not document with which status it refuses a `test` that
fails; this one answers 409, as it documents for concurrent requests.
"""

import copy
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field, JsonValue, ValidationError

from bot.sdk import JsonObject, Value, digest

_WHOLE = 100_000
_OPERATIONS = frozenset({"test", "add", "replace", "remove"})
_EDITABLE = (
    "on",
    "offVariation",
    "fallthrough",
    "rules",
    "targets",
    "contextTargets",
    "prerequisites",
)


class Refusal(Exception):
    """An answer other than 2xx, in LaunchDarkly's words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Variation(Value):
    """What a flag can serve."""

    value: JsonValue
    name: str = ""


class Environment(Value):
    """A flag in one environment; in a seed, whatever has a default may be left out.

    Attributes:
        approvals_required: Whether changes need an approval there, so that a direct one is refused.
        pending: Whether a change is scheduled or waits for approval that a direct one would make fail.
        changed_at: When anything here changed last; what the simulated world can be made to depend on.
    """

    on: bool = False
    version: int = 1
    offVariation: int | None = 1  # noqa: N815 - the vendor's word
    fallthrough: JsonObject = Field(default_factory=lambda: {"variation": 0})
    rules: tuple[JsonObject, ...] = ()
    targets: tuple[JsonObject, ...] = ()
    contextTargets: tuple[JsonObject, ...] = ()  # noqa: N815 - the vendor's word
    prerequisites: tuple[JsonObject, ...] = ()
    salt: str = "salt"
    approvals_required: bool = False
    pending: bool = False
    changed_at: AwareDatetime | None = None

    def public(self, name: str) -> JsonObject:
        """Return it as the API shows it."""
        shown = self.model_dump(mode="json", exclude={"approvals_required", "pending", "changed_at"}, exclude_none=True)
        instant = int(self.changed_at.timestamp() * 1_000) if self.changed_at else 0
        return {
            **shown,
            "archived": False,
            "lastModified": instant,
            "sel": "",
            "trackEvents": False,
            "trackEventsFallthrough": False,
            "_environmentName": name,
            "_site": {"href": f"/{name}", "type": "text/html"},
        }


class Flag(Value):
    """A feature flag; without variations it is a boolean one."""

    project: str = "default"
    variations: tuple[Variation, ...] = (Variation(value=True), Variation(value=False))
    archived: bool = False
    environments: dict[str, Environment]


class Flags(Value):
    """The simulated LaunchDarkly's document in the world.

    Attributes:
        segments: Keys of contexts by segment; a segment of rules is not simulated.
        token: The access token that may do everything.
        reader_token: One that may only read.
    """

    flags: dict[str, Flag] = Field(default_factory=dict)
    segments: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    token: str = "api-simulated"  # noqa: S105 - the simulator's, printed in the README
    reader_token: str = "api-reader"  # noqa: S105 - likewise

    def flag(self, project: str, key: str) -> Flag:
        """Return a flag."""
        found = self.flags.get(key)
        if found is None or found.project != project:
            raise Refusal(404, "not_found", "Unknown feature flag key")
        return found


def loaded(document: JsonObject) -> Flags:
    """Return a document's flags, with an id on every rule and clause."""
    flags = Flags.model_validate(document)
    return flags.changed(
        flags={
            key: flag.changed(
                environments={
                    name: environment.changed(rules=_identified(environment.rules, environment.version))
                    for name, environment in flag.environments.items()
                }
            )
            for key, flag in flags.flags.items()
        }
    )


def patched(flag: Flag, operations: object, at: datetime, *, ignore_conflicts: bool) -> Flag:
    """Return a flag after a JSON patch of its environments."""
    if flag.archived:
        raise Refusal(400, "invalid_request", "cannot update an archived flag")
    before = {name: environment.public(name) for name, environment in flag.environments.items()}
    document = copy.deepcopy({"environments": before})
    for operation in operations if isinstance(operations, list) else [None]:
        _apply(document, operation)
    environments = {
        name: _changed(flag, name, document["environments"][name], at, ignore_conflicts=ignore_conflicts)
        if document["environments"][name] != before[name]
        else environment
        for name, environment in flag.environments.items()
    }
    return flag.changed(environments=environments)


def _changed(flag: Flag, name: str, sent: JsonObject, at: datetime, *, ignore_conflicts: bool) -> Environment:
    old = flag.environments[name]
    if old.approvals_required:
        raise Refusal(405, "method_not_allowed", "Approval is required to make this request")
    if old.pending and not ignore_conflicts:
        raise Refusal(400, "invalid_request", "This change would cause pending changes to fail")
    if any(sent.get(field) != kept for field, kept in old.public(name).items() if field not in _EDITABLE):
        raise _invalid("only targeting can be changed")
    rules = _identified(tuple(sent["rules"]), old.version + 1)
    for served in (sent["fallthrough"], *rules):
        _require_servable(served, len(flag.variations))
    for rule in rules:
        if not all(isinstance(clause.get("values"), list) and clause.get("op") for clause in rule["clauses"] or [{}]):
            raise _invalid("a rule needs clauses, and each of them an op and values")
    try:
        taken = {**{field: sent.get(field) for field in _EDITABLE}, "rules": rules}
        return old.changed(**taken, version=old.version + 1, pending=False, changed_at=at)
    except ValidationError as error:
        raise _invalid("the flag would not be valid") from error


def _apply(document: JsonObject, operation: object) -> None:
    if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
        raise _invalid("a JSON patch is a list of operations")
    holder, key = _place(document, str(operation.get("path", "")))
    value = copy.deepcopy(operation.get("value"))
    match operation["op"]:
        case "test":
            if holder[key] != value:
                raise Refusal(409, "conflict", f"test of {operation['path']} failed")
        case "add" if isinstance(holder, list):
            holder.insert(key, value)
        case "remove":
            del holder[key]
        case _:
            holder[key] = value


def _place(document: JsonObject, path: str) -> tuple[Any, Any]:
    *parents, last = path.removeprefix("/").split("/")
    holder: Any = document
    try:
        for part in parents:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key: Any = last
        if isinstance(holder, list):
            key = len(holder) if last == "-" else int(last)
        else:
            holder[key]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise _invalid(f"there is nothing at {path}") from error
    return holder, key


def _require_servable(served: JsonObject, count: int) -> None:
    rollout = served.get("rollout")
    if (served.get("variation") is None) == (rollout is None):
        raise _invalid("must serve either a variation or a rollout")
    weighted = rollout["variations"] if rollout else [{"variation": served["variation"], "weight": _WHOLE}]
    if any(not 0 <= each["variation"] < count for each in weighted):
        raise _invalid("variation index is out of range")
    if sum(each["weight"] for each in weighted) != _WHOLE or any(each["weight"] < 0 for each in weighted):
        raise _invalid("the weights of a rollout must add up to 100000")


def _identified(rules: tuple[JsonObject, ...], version: int) -> tuple[JsonObject, ...]:
    """Return rules that have an id each, and their clauses too; LaunchDarkly assigns them."""
    return tuple(
        {
            "trackEvents": False,
            **rule,
            "_id": rule.get("_id") or digest([version, place])[:24],
            "clauses": [
                {**clause, "_id": clause.get("_id") or digest([version, place, number])[:24]}
                for number, clause in enumerate(rule.get("clauses", []))
            ],
        }
        for place, rule in enumerate(rules)
    )


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)
