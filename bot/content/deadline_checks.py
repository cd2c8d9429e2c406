"""What the deadlines' own model cannot see: names that nobody declares, and stages that nobody can file."""

from collections.abc import Iterator, Mapping, Sequence

from bot.content.checks import check_unique
from bot.content.document import Place, Problem
from bot.content.files import Entry
from bot.domain.deadline import (
    Anchor,
    AnyFact,
    AtEndOfYear,
    AtFiling,
    AtInstant,
    Deadline,
    DeadlineRules,
    EveryFact,
    FactBelow,
    FactCondition,
    FactIs,
    FactIsNot,
    Limit,
    Stage,
    Verified,
)
from bot.domain.deadline_facts import TAKEN_NAMES
from bot.domain.values import Scalar


def check_deadlines(entry: Entry[DeadlineRules]) -> Iterator[Problem]:
    """Yield every problem of one file of deadlines."""
    yield from _names(entry)
    for index, deadline in enumerate(entry.value.deadlines):
        at: Place = ("deadlines", index)
        yield from _deadline(entry, at, deadline)
        for place, condition in _conditions(at, deadline):
            yield from _condition(entry, place, condition)
        for number, stage in enumerate(deadline.stages):
            yield from _stage(entry, (*at, "stages", number), deadline, stage)


def _names(entry: Entry[DeadlineRules]) -> Iterator[Problem]:
    document, rules = entry.document, entry.value
    named: list[tuple[Place, str]] = [(("facts", index, "id"), each.id) for index, each in enumerate(rules.facts)]
    named += [(("instants", index, "id"), each.id) for index, each in enumerate(rules.instants)]
    yield from check_unique((document, place, name) for place, name in named)
    for place, name in named:
        if name in TAKEN_NAMES:
            yield document.problem(place, f"`{name}` has a meaning already; choose another name")
    for index, kind in enumerate(rules.facts):
        if kind.unknown_as is not None and not kind.type.takes(kind.unknown_as):
            yield document.problem(("facts", index, "unknown_as"), f"`{kind.id}` is {kind.type.words}")
    ids = enumerate(rules.deadlines)
    yield from check_unique((document, ("deadlines", index, "id"), each.id) for index, each in ids)


def _deadline(entry: Entry[DeadlineRules], at: Place, deadline: Deadline) -> Iterator[Problem]:
    document = entry.document
    if deadline.verified is Verified.UNCONFIRMED and deadline.disabled_because is None:
        message = "what is unconfirmed is not computed; say so in `disabled_because`, or verify it"
        yield document.problem((*at, "verified"), message)
    if not deadline.stages and deadline.disabled_because is None:
        yield document.problem(at, "it has no stage: nothing would ever be due; add `stages` or `disabled_because`")
    stages = enumerate(deadline.stages)
    yield from check_unique(
        (document, (*at, "stages", index, "id"), deadline.stage_name(stage)) for index, stage in stages
    )


def _conditions(at: Place, deadline: Deadline) -> Iterator[tuple[Place, FactCondition]]:
    if deadline.binds:
        yield (*at, "binds"), deadline.binds
    for index, applies in enumerate(deadline.applies_from):
        if applies.when:
            yield (*at, "applies_from", index, "when"), applies.when
    for index, stage in enumerate(deadline.stages):
        if stage.trigger:
            yield (*at, "stages", index, "trigger"), stage.trigger


def _condition(entry: Entry[DeadlineRules], place: Place, condition: FactCondition) -> Iterator[Problem]:
    match condition:
        case EveryFact():
            for index, part in enumerate(condition.all):
                yield from _condition(entry, (*place, "all", index), part)
        case AnyFact():
            for index, part in enumerate(condition.any):
                yield from _condition(entry, (*place, "any", index), part)
        case FactIs():
            yield from _values(entry, (*place, "fact_is"), condition.fact_is)
        case FactIsNot():
            yield from _values(entry, (*place, "fact_is_not"), condition.fact_is_not)
        case FactBelow():
            numbers: dict[str, list[Scalar]] = {name: [bound] for name, bound in condition.fact_below.items()}
            yield from _values(entry, (*place, "fact_below"), numbers)


def _values(entry: Entry[DeadlineRules], place: Place, asked: Mapping[str, Sequence[Scalar]]) -> Iterator[Problem]:
    kinds = {kind.id: kind for kind in entry.value.facts}
    for name, values in asked.items():
        if name not in kinds:
            message = f"there is no fact `{name}`; declare it under `facts`"
            yield entry.document.problem((*place, name), message)
        elif not all(kinds[name].type.takes(value) for value in values):
            yield entry.document.problem((*place, name), f"`{name}` is {kinds[name].type.words}")


def _stage(entry: Entry[DeadlineRules], at: Place, deadline: Deadline, stage: Stage) -> Iterator[Problem]:
    name = deadline.stage_name(stage)
    for index, limit in enumerate(stage.limits):
        place: Place = (*at, "limits", index)
        yield from _anchor(entry, (*place, "anchor"), limit.anchor)
        yield from _limit(entry, place, limit)
        if isinstance(limit.anchor, AtFiling) and name in limit.anchor.filing and stage.repeats_until is None:
            message = "a stage that runs from its own filing needs `repeats_until`"
            yield entry.document.problem((*place, "anchor"), message)
    if stage.repeats_until:
        yield from _filing(entry, (*at, "repeats_until"), stage.repeats_until)


def _limit(entry: Entry[DeadlineRules], place: Place, limit: Limit) -> Iterator[Problem]:
    if limit.gone_if_passed_by:
        yield from _instant(entry, (*place, "gone_if_passed_by"), limit.gone_if_passed_by)


def _anchor(entry: Entry[DeadlineRules], place: Place, anchor: Anchor) -> Iterator[Problem]:
    match anchor:
        case AtInstant():
            for index, name in enumerate(anchor.instant):
                yield from _instant(entry, (*place, "instant", index), name)
        case AtFiling():
            for index, name in enumerate(anchor.filing):
                yield from _filing(entry, (*place, "filing", index), name)
        case AtEndOfYear():
            yield from _instant(entry, (*place, "end_of_year_of"), anchor.end_of_year_of)


def _instant(entry: Entry[DeadlineRules], place: Place, name: str) -> Iterator[Problem]:
    if name not in {instant.id for instant in entry.value.instants}:
        yield entry.document.problem(place, f"there is no instant `{name}`; declare it under `instants`")


def _filing(entry: Entry[DeadlineRules], place: Place, name: str) -> Iterator[Problem]:
    found = entry.value.deadline(name.partition(":")[0])
    if found is None or name not in {found.stage_name(stage) for stage in found.stages}:
        yield entry.document.problem(place, f"there is no `{name}` to file")
    elif found.disabled_because:
        yield entry.document.problem(place, f"`{name}` is disabled, so nobody could file it")
