"""What the simulated Prometheus measures, as data: harm that lasts while a condition on other documents holds.

The simulator never looks inside another vendor: a rule points into that vendor's document, and the nearest
`changed_at` on the way says when the pointed value last changed.
"""

import math
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Discriminator, Field, JsonValue, Tag, model_validator

from bot.sdk import JsonObject, Value

_RIPPLE = 0.02
_RIPPLE_PERIOD_SECONDS = 37.0


class Pointed(Value):
    """Holds while a value of a connection's document is, or is not, a given one; never where the pointer leads nowhere.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the document.
        equals: Holds while the value is this.
        differs_from: Holds while the value is there and is not this.
    """

    connection: str
    pointer: str = Field(pattern=r"^(/[^/]*)+$")
    equals: JsonValue = None
    differs_from: JsonValue = None

    @model_validator(mode="after")
    def _one_comparison(self) -> "Pointed":
        if len({"equals", "differs_from"} & self.model_fields_set) != 1:
            raise ValueError("give exactly one of equals and differs_from")
        return self


class AnyOf(Value):
    """Holds while at least one condition does."""

    any_of: tuple["Condition", ...] = Field(min_length=1)


class AllOf(Value):
    """Holds while every condition does."""

    all_of: tuple["Condition", ...] = Field(min_length=1)


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return next((name for name in ("any_of", "all_of") if name in value), "pointed")
    return "any_of" if isinstance(value, AnyOf) else "all_of" if isinstance(value, AllOf) else "pointed"


Condition = Annotated[
    Annotated[Pointed, Tag("pointed")] | Annotated[AnyOf, Tag("any_of")] | Annotated[AllOf, Tag("all_of")],
    Discriminator(_kind),
]


class Turn(Value):
    """An instant at which a rule's condition began or ceased to hold."""

    at: AwareDatetime
    holds: bool


class Series(Value):
    """One simulated query.

    Attributes:
        while_: The harm lasts while this holds.
        since: When the harm began; before it the value is `clean`.
        harmful: Value during the harm; it ripples by two percent, the same way each time.
        falls_within: Seconds in which the value falls to `clean` once the condition ceases to hold.
        turns: What the simulator has seen, oldest first; starts empty.
    """

    while_: Condition = Field(alias="while")
    since: AwareDatetime
    harmful: float
    clean: float
    falls_within: float = Field(ge=0)
    turns: tuple[Turn, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the condition held when last seen; a rule starts with harm."""
        return self.turns[-1].holds if self.turns else True

    def value(self, at: datetime) -> float:
        """Return the value at an instant."""
        if at < self.since:
            return self.clean
        past = [turn for turn in self.turns if turn.at <= at]
        if not past or past[-1].holds:
            return self._rippled(at)
        ceased = past[-1].at
        share = (at - ceased) / timedelta(seconds=self.falls_within) if self.falls_within else 1.0
        if share >= 1 or ceased <= self.since:
            return self.clean
        top = self._rippled(ceased)
        return top + (self.clean - top) * share

    def _rippled(self, at: datetime) -> float:
        return self.harmful * (1 + _RIPPLE * math.sin(at.timestamp() / _RIPPLE_PERIOD_SECONDS))


class Measured(Value):
    """The simulated Prometheus' document: its series by query."""

    series: dict[str, Series] = Field(default_factory=dict)


def connections(condition: Condition) -> set[str]:
    """Return the names of the connections that a condition looks at."""
    match condition:
        case Pointed():
            return {condition.connection}
        case AnyOf():
            return set[str]().union(*(connections(each) for each in condition.any_of))
        case AllOf():
            return set[str]().union(*(connections(each) for each in condition.all_of))


def holds(condition: Condition, documents: dict[str, JsonObject]) -> bool:
    """Whether a condition holds in the given documents."""
    match condition:
        case Pointed():
            found, value, _ = _follow(documents.get(condition.connection, {}), condition.pointer)
            if "equals" in condition.model_fields_set:
                return found and value == condition.equals
            return found and value != condition.differs_from
        case AnyOf():
            return any(holds(each, documents) for each in condition.any_of)
        case AllOf():
            return all(holds(each, documents) for each in condition.all_of)


def changed_at(condition: Condition, documents: dict[str, JsonObject]) -> datetime | None:
    """Return the latest change of anything a condition points at; `None` when no document says."""
    match condition:
        case Pointed():
            instants = [_follow(documents.get(condition.connection, {}), condition.pointer)[2]]
        case AnyOf():
            instants = [changed_at(each, documents) for each in condition.any_of]
        case AllOf():
            instants = [changed_at(each, documents) for each in condition.all_of]
    return max((instant for instant in instants if instant is not None), default=None)


def _follow(document: JsonObject, pointer: str) -> tuple[bool, object, datetime | None]:
    """Return whether a pointer leads somewhere, what is there, and the nearest `changed_at` on the way."""
    value: object = document
    changed: datetime | None = None
    for part in pointer.removeprefix("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            changed = _instant(value.get("changed_at")) or changed
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False, None, changed
    return True, value, changed


def _instant(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
