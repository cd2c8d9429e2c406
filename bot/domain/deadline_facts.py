"""What was stated about an incident, read from outside and checked: an instant that cannot be is refused."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from bot.domain.deadline import DeadlineRules, FactKind
from bot.domain.values import Instant, JsonObject, Scalar, Value
from bot.errors import BadCommand

START = "started_at"
"""Nothing that a period runs from lies before it."""
GROUPS = ("attributes", "triggers", "instants")
"""Facts and instants stand beside the other fields, or grouped under these names."""
TAKEN_NAMES = frozenset({*GROUPS, "scope", "rationale", "owner", "filed", "exercise"})
"""No fact and no instant can be called so."""


class Scope(Value):
    """What a person declared: whether a deadline binds in this incident.

    Attributes:
        applies: `None` while nobody said.
        rationale: Why it does not; without it and without an owner it is not declared out.
        owner: Who answers for that.
    """

    applies: bool | None = None
    rationale: str = ""
    owner: str = ""


class DeadlineFacts(Value):
    """What deadlines are computed from; what is missing is unknown.

    Attributes:
        filed: The instants of what was filed, by stage.
        exercise: Whether nothing of it is real.
    """

    scope: Scope = Scope()
    facts: dict[str, Scalar] = Field(default_factory=dict)
    instants: dict[str, Instant] = Field(default_factory=dict)
    filed: dict[str, tuple[Instant, ...]] = Field(default_factory=dict)
    exercise: bool = False


def read_facts(rules: DeadlineRules, data: JsonObject, at: datetime) -> DeadlineFacts:
    """Read facts, instants, filings and scope.

    Args:
        rules: They declare which facts and instants there are.
        data: By name; `None` and what is missing are unknown.
        at: No instant may lie behind it.

    Raises:
        BadCommand: Something does not exist, is of another kind, or cannot be; all of it is named.
    """
    problems: list[str] = []
    reading = _Reading(problems, at)
    given = _ungrouped(data, problems)
    kinds = {kind.id: kind for kind in rules.facts}
    instants = {kind.id for kind in rules.instants}
    known = {*kinds, *instants, *TAKEN_NAMES}
    problems += [f"there is no `{name}` here" for name in given if name not in known]
    found = DeadlineFacts(
        scope=Scope(
            applies=reading.truth("scope", given.get("scope")),
            rationale=reading.text("rationale", given.get("rationale")),
            owner=reading.text("owner", given.get("owner")),
        ),
        facts=dict(reading.facts(kinds, given)),
        instants=dict(reading.instants(instants, given)),
        filed=dict(reading.filed(set(rules.stage_names()), given.get("filed"))),
        exercise=bool(reading.truth("exercise", given.get("exercise"))),
    )
    start = found.instants.get(START)
    problems += [f"{name} is before {START}" for name, each in found.instants.items() if start and each < start]
    if problems:
        raise BadCommand("; ".join(problems))
    return found


def _ungrouped(data: JsonObject, problems: list[str]) -> JsonObject:
    """Return one object of what stands by itself and what is grouped."""
    given = {name: value for name, value in data.items() if name not in GROUPS}
    for group in GROUPS:
        inner = data.get(group)
        if inner is None:
            continue
        if not isinstance(inner, dict):
            problems.append(f"{group} must be an object")
            continue
        problems += [f"{name} is given more than once" for name in inner if name in given]
        given |= inner
    return given


class _Reading:
    """Reads values and keeps what is wrong with them."""

    def __init__(self, problems: list[str], at: datetime) -> None:
        self._problems = problems
        self._at = at

    def truth(self, name: str, value: object) -> bool | None:
        """Read true, false or nothing."""
        if value is None or isinstance(value, bool):
            return value
        self._problems.append(f"{name} must be true, false or null")
        return None

    def text(self, name: str, value: object) -> str:
        """Read text or nothing."""
        if value is None or isinstance(value, str):
            return value or ""
        self._problems.append(f"{name} must be text")
        return ""

    def facts(self, kinds: Mapping[str, FactKind], given: JsonObject) -> Iterator[tuple[str, Scalar]]:
        """Yield the facts that are known, or count as known."""
        for name, kind in kinds.items():
            stated = given.get(name)
            value = kind.unknown_as if stated is None else stated
            if value is None:
                continue
            if kind.type.takes(value):
                yield name, value
            else:
                self._problems.append(f"{name} must be {kind.type.words}, or null while it is unknown")

    def instants(self, names: set[str], given: JsonObject) -> Iterator[tuple[str, Instant]]:
        """Yield the instants that are known."""
        for name in sorted(names):
            value = given.get(name)
            if value is not None and (instant := self._past(name, value)):
                yield name, instant

    def filed(self, stages: set[str], given: object) -> Iterator[tuple[str, tuple[Instant, ...]]]:
        """Yield when each stage was filed."""
        if given is None:
            return
        if not isinstance(given, dict):
            self._problems.append("filed must be an object of lists of instants")
            return
        for name, instants in given.items():
            if name not in stages:
                close = [stage for stage in stages if stage.startswith(f"{name}:")]
                hint = f"; its stages are {', '.join(sorted(close))}" if close else ""
                self._problems.append(f"filed: there is no `{name}` to file{hint}")
            elif not isinstance(instants, list):
                self._problems.append(f"filed: {name} must be a list of instants")
            else:
                read = [self._past(f"filed: {name}", each) for each in instants]
                yield name, tuple(sorted(each for each in read if each))

    def _past(self, name: str, value: object) -> Instant | None:
        try:
            instant = read_instant(value)
        except BadCommand as error:
            self._problems.append(f"{name} {error}")
            return None
        if instant > self._at:
            self._problems.append(f"{name} lies in the future")
            return None
        return instant


def read_instant(value: Any) -> datetime:
    """Read an instant as ISO 8601 writes it, with its offset from UTC.

    Raises:
        BadCommand: It is none; the message goes on after the field's name.
    """
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise BadCommand("must say its offset from UTC, like 2026-03-02T09:00:00Z")
        return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadCommand("must be an instant like 2026-03-02T09:00:00Z") from error


def read_zone(name: object) -> ZoneInfo:
    """Read a time zone by its IANA name; without one it is UTC.

    Raises:
        BadCommand: There is no such zone.
    """
    try:
        return ZoneInfo(str("UTC" if name is None else name))
    except (KeyError, ValueError, OSError) as error:
        raise BadCommand("tz must be a time zone like Europe/Berlin") from error
