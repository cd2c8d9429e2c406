"""Where each stage of a deadline stands: from the rules and what was stated to a state, an instant and the reason.

The worst failure is a false "overdue", which pushes people to file what they have not decided. So whatever is not known
keeps a period from running: it is said to be unknown, and nobody is told to be late.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

from bot.domain.deadline import (
    Anchor,
    AnyFact,
    AppliesFrom,
    AtEndOfYear,
    AtFiling,
    AtInstant,
    Deadline,
    EveryFact,
    FactBelow,
    FactCondition,
    FactIs,
    FactIsNot,
    Limit,
    Stage,
)
from bot.domain.deadline_facts import DeadlineFacts
from bot.domain.periods import Calendars, end_of, end_of_year
from bot.domain.values import Instant, Scalar, Value
from bot.errors import BadCommand


class StageState(StrEnum):
    """Where a stage stands."""

    DISABLED = "disabled"
    """It is not computed; the rules say why."""
    NOT_APPLICABLE = "not-applicable"
    """It does not bind: a person said why and answers for it, or what the registry knows excludes it."""
    SCOPE_NOT_DECLARED = "scope-not-declared"
    """Nobody said whether it binds."""
    NOT_STARTED = "not-started"
    """What triggers it has not happened, as far as anybody said."""
    ANCHOR_MISSING = "anchor-missing"
    """It has, and the instant is not known."""
    DUE = "due"
    OVERDUE = "overdue"
    FILED = "filed"


class Standing(Value):
    """One stage of a deadline, worked out.

    Attributes:
        due_at: When its period ends or ended; `None` where none runs, or where it is due at once.
        because: For people.
    """

    deadline: str
    stage: str | None
    state: StageState
    due_at: Instant | None = None
    because: str


def standings(
    deadline: Deadline, facts: DeadlineFacts, at: Instant, zone: ZoneInfo, calendars: Calendars
) -> tuple[Standing, ...]:
    """Return where every stage of a deadline stands at an instant, for people who live in a zone.

    Raises:
        BadCommand: A stage was filed before what it runs from, or its end lies behind the last year that can be told.
    """
    if deadline.disabled_because:
        names = [stage.id for stage in deadline.stages] or [None]
        return tuple(
            Standing(deadline=deadline.id, stage=name, state=StageState.DISABLED, because=deadline.disabled_because)
            for name in names
        )
    work = _Work(deadline, facts, at, zone, calendars)
    return tuple(work.standing(stage) for stage in deadline.stages)


_Found = tuple[StageState, datetime | None, str]


class _Work:
    """One deadline and what was stated."""

    def __init__(
        self, deadline: Deadline, facts: DeadlineFacts, at: datetime, zone: ZoneInfo, calendars: Calendars
    ) -> None:
        self._deadline = deadline
        self._facts = facts
        self._at = at
        self._zone = zone
        self._calendars = calendars

    def standing(self, stage: Stage) -> Standing:
        """Work one stage out."""
        state, due_at, because = (
            self._out_of_scope() or self._filed(stage) or self._bound(stage) or self._started(stage) or self._due(stage)
        )
        return Standing(deadline=self._deadline.id, stage=stage.id, state=state, due_at=due_at, because=because)

    def _out_of_scope(self) -> _Found | None:
        scope = self._facts.scope
        if self._facts.exercise:
            return StageState.NOT_STARTED, None, "an exercise starts no deadline"
        if scope.applies is False and scope.rationale.strip() and scope.owner.strip():
            return StageState.NOT_APPLICABLE, None, f"{scope.owner} declared that it does not bind: {scope.rationale}"
        if scope.applies is False:
            message = "it was declared out without a rationale and an owner, and counts as not declared"
            return StageState.SCOPE_NOT_DECLARED, None, message
        return None

    def _filed(self, stage: Stage) -> _Found | None:
        name = self._deadline.stage_name(stage)
        filings = self._facts.filed.get(stage.repeats_until or name, ())
        if not filings:
            return None
        start = self._earliest(stage.limits[0].anchor)
        if start and filings[0] < start:
            raise BadCommand(f"{name} was filed before what it runs from; one of the two instants is wrong")
        return StageState.FILED, self._end(stage) if start else None, "it was filed"

    def _bound(self, stage: Stage) -> _Found | None:
        if self._facts.scope.applies is None:
            return StageState.SCOPE_NOT_DECLARED, None, "nobody declared whether it binds"
        if self._deadline.binds and holds(self._deadline.binds, self._facts.facts) is False:
            who = f": it binds {self._deadline.who}" if self._deadline.who else ""
            return StageState.NOT_APPLICABLE, None, f"what the registry knows excludes it{who}"
        return self._in_force(stage)

    def _in_force(self, stage: Stage) -> _Found | None:
        if not self._deadline.applies_from:
            return None
        day = (self._anchor(stage.limits[0].anchor) or self._at).astimezone(self._zone).date()
        possible = [each for each in self._deadline.applies_from if self._may_be(each) is not False]
        certain = [each for each in possible if self._may_be(each)]
        if all(day < each.day for each in possible):
            first = min((each.day for each in possible), default=None)
            return StageState.NOT_APPLICABLE, None, f"it binds from {first} on" if first else "it does not bind"
        if any(day >= each.day for each in certain) or all(day >= each.day for each in possible):
            return None
        return StageState.SCOPE_NOT_DECLARED, None, "what decides from when it binds is not known"

    def _may_be(self, applies: AppliesFrom) -> bool | None:
        return True if applies.when is None else holds(applies.when, self._facts.facts)

    def _started(self, stage: Stage) -> _Found | None:
        """Return why it does not run, if it does not; a filing starts what follows it unless its trigger is denied."""
        anchor = stage.limits[0].anchor
        triggered = holds(stage.trigger, self._facts.facts) if stage.trigger else True
        if triggered is False or (triggered is None and not isinstance(anchor, AtFiling)):
            return StageState.NOT_STARTED, None, "nobody said that what triggers it has happened"
        if self._anchor(anchor):
            return None
        if isinstance(anchor, AtFiling):
            return StageState.NOT_STARTED, None, f"it runs from the filing of {' or '.join(anchor.filing)}"
        if stage.starts_with_anchor:
            return StageState.NOT_STARTED, None, f"{_named(anchor)} is what starts it, and is not known"
        return StageState.ANCHOR_MISSING, None, f"it runs from {_named(anchor)}, which is not known"

    def _due(self, stage: Stage) -> _Found:
        end = self._end(stage)
        if end is None:
            return StageState.DUE, None, f"due at once: {stage.what}"
        state = StageState.OVERDUE if self._at > end else StageState.DUE
        return state, end, f"{stage.what}, from {_named(stage.limits[0].anchor)}"

    def _end(self, stage: Stage) -> datetime | None:
        ends = [end for limit in stage.limits if (end := self._limit(limit))]
        return min(ends, default=None)

    def _limit(self, limit: Limit) -> datetime | None:
        start = self._anchor(limit.anchor)
        if start is None:
            return None
        try:
            end = end_of(limit.period, start, self._zone, self._calendars)
        except (OverflowError, ValueError) as error:
            raise BadCommand("a period ends behind the last year that can be told; correct the instants") from error
        passed = self._facts.instants.get(limit.gone_if_passed_by) if limit.gone_if_passed_by else None
        return None if end and passed and passed > end else end

    def _anchor(self, anchor: Anchor) -> datetime | None:
        match anchor:
            case AtInstant():
                return next((at for name in anchor.instant if (at := self._facts.instants.get(name))), None)
            case AtFiling():
                return max((at for name in anchor.filing for at in self._facts.filed.get(name, ())), default=None)
            case AtEndOfYear():
                start = self._facts.instants.get(anchor.end_of_year_of)
                return end_of_year(start, self._zone) if start else None

    def _earliest(self, anchor: Anchor) -> datetime | None:
        """Return the instant before which nothing can have been filed."""
        match anchor:
            case AtFiling():
                return min((at for name in anchor.filing for at in self._facts.filed.get(name, ())), default=None)
            case AtEndOfYear():
                return self._facts.instants.get(anchor.end_of_year_of)
            case AtInstant():
                return self._anchor(anchor)


def _named(anchor: Anchor) -> str:
    match anchor:
        case AtInstant():
            return " or ".join(anchor.instant)
        case AtFiling():
            return f"the filing of {' or '.join(anchor.filing)}"
        case AtEndOfYear():
            return f"the end of the year of {anchor.end_of_year_of}"


def holds(condition: FactCondition, facts: Mapping[str, Scalar]) -> bool | None:
    """Return whether a condition holds; `None` while a fact that decides is not known."""
    match condition:
        case EveryFact():
            answers = [holds(part, facts) for part in condition.all]
            return False if False in answers else None if None in answers else True
        case AnyFact():
            answers = [holds(part, facts) for part in condition.any]
            return True if True in answers else None if None in answers else False
        case FactIs():
            return _every(_is_one(facts.get(name), values) for name, values in condition.fact_is.items())
        case FactIsNot():
            return _every(_not(_is_one(facts.get(name), values)) for name, values in condition.fact_is_not.items())
        case FactBelow():
            return _every(_below(facts.get(name), bound) for name, bound in condition.fact_below.items())
    assert_never(condition)


def _every(answers: Iterator[bool | None]) -> bool | None:
    known = list(answers)
    return False if False in known else None if None in known else True


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 - it is the operand
    return None if answer is None else not answer


def _is_one(value: Scalar | None, values: list[Scalar]) -> bool | None:
    return None if value is None else any(_spelled(value) == _spelled(each) for each in values)


def _below(value: Scalar | None, bound: int) -> bool | None:
    return value < bound if isinstance(value, int) else None


def _spelled(value: Scalar) -> tuple[type, Scalar]:
    """Return a value for comparing; capitals, hyphens and underscores make no other word of a text."""
    return type(value), re.sub(r"[\W_]+", " ", value).strip().casefold() if isinstance(value, str) else value
