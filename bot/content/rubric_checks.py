"""What the rubric's own model cannot see: whether its rules name what it asks, and whether worse is never milder."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from bot.content.checks import check_unique
from bot.content.document import Document, Place, Problem
from bot.content.files import Entry
from bot.domain.answers import FACTS
from bot.domain.rubric import (
    AllOf,
    AnswerAtLeast,
    AnyOf,
    Condition,
    Dimension,
    FactConfirmed,
    Modifier,
    Rubric,
)
from bot.domain.severity import Severity
from bot.domain.values import Scalar


def check_rubric(entry: Entry[Rubric]) -> Iterator[Problem]:
    """Yield every problem of one rubric."""
    yield from _ids(entry)
    yield from _questions(entry)
    yield from _severities(entry)
    yield from _unknown(entry)
    yield from _floors(entry)
    for place, condition in _conditions(entry.value):
        yield from _references(entry, place, condition)
    for index, contradiction in enumerate(entry.value.contradictions):
        for name, value in contradiction.answers.items():
            yield from _given(entry, ("contradictions", index, "answers", name), name, value)


def _ids(entry: Entry[Rubric]) -> Iterator[Problem]:
    document, rubric = entry.document, entry.value
    named: list[tuple[Place, str]] = [
        (("questions", index, "id"), each.id) for index, each in enumerate(rubric.questions)
    ]
    named += [(("facts", index, "id"), each.id) for index, each in enumerate(rubric.facts)]
    yield from check_unique((document, place, name) for place, name in named)
    for place, name in named:
        if name == FACTS:
            yield document.problem(place, f"`{FACTS}` is the name under which facts stand; choose another")
    rules: list[tuple[Place, str]] = [
        (("raises", "rules", index, "id"), each.id) for index, each in enumerate(rubric.raises.rules)
    ]
    rules += [(("floors", index, "id"), each.id) for index, each in enumerate(rubric.floors)]
    rules += [(("contradictions", index, "id"), each.id) for index, each in enumerate(rubric.contradictions)]
    yield from check_unique((document, place, name) for place, name in rules)


def _questions(entry: Entry[Rubric]) -> Iterator[Problem]:
    document, rubric = entry.document, entry.value
    levels = len(rubric.severity_by_level)
    if not rubric.dimensions:
        yield document.problem(("questions",), "no question is a dimension: nothing could be harmed")
    for index, question in enumerate(rubric.questions):
        at: Place = ("questions", index)
        match question:
            case Dimension() if len(question.levels) != levels:
                message = f"there are {len(question.levels)} levels here and {levels} in `severity_by_level`"
                yield document.problem((*at, "levels"), message)
            case Modifier():
                values = enumerate(question.answers)
                places = ((*at, "answers_from_mildest", place, "value") for place, _ in values)
                spelled = [f"{answer!r}".lower() for answer in question.answers]
                yield from check_unique((document, place, name) for place, name in zip(places, spelled, strict=True))
                yield from _given(entry, (*at, "unknown_as"), question.id, question.unknown_as)
            case _:
                pass


def _severities(entry: Entry[Rubric]) -> Iterator[Problem]:
    document, harm, near = entry.document, entry.value.severity_by_level, entry.value.near_miss.severity_by_level
    yield from _rising(document, ("severity_by_level",), harm)
    yield from _rising(document, ("near_miss", "severity_by_level"), near)
    if len(near) != len(harm):
        message = f"there are {len(near)} levels here and {len(harm)} in `severity_by_level`"
        yield document.problem(("near_miss", "severity_by_level"), message)
    for index, (missed, happened) in enumerate(zip(near, harm, strict=False)):
        if not happened.at_least(missed):
            message = f"a near miss of level {index} would be worse than the harm itself"
            yield document.problem(("near_miss", "severity_by_level", index), message)


def _rising(document: Document, place: Place, severities: Sequence[Severity]) -> Iterator[Problem]:
    for index, (before, after) in enumerate(pairwise(severities), start=1):
        if not after.at_least(before):
            yield document.problem((*place, index), f"level {index} would be milder than level {index - 1}")


def _unknown(entry: Entry[Rubric]) -> Iterator[Problem]:
    document, rubric = entry.document, entry.value
    unknown, last = rubric.unknown_dimension, len(rubric.severity_by_level) - 1
    levels: list[tuple[Place, int]] = [
        (("unknown_dimension", "level"), unknown.level),
        (("unknown_dimension", "worse", "level"), unknown.worse.level),
    ]
    levels += [
        (("raises", "rules", index, "from_level"), each.from_level) for index, each in enumerate(rubric.raises.rules)
    ]
    for place, level in levels:
        if level > last:
            yield document.problem(place, f"there is no level {level}; the worst is {last}")
    if unknown.worse.level < unknown.level:
        yield document.problem(("unknown_dimension", "worse", "level"), "it is milder than the usual level")
    dimensions = {dimension.id for dimension in rubric.dimensions}
    for place, leaf in _leaves(("unknown_dimension", "worse", "when"), unknown.worse.when):
        if isinstance(leaf, FactConfirmed) or dimensions & leaf.answer_at_least.keys():
            yield document.problem(place, "what an unknown dimension counts as can rest on modifiers alone")


def _floors(entry: Entry[Rubric]) -> Iterator[Problem]:
    """Yield floors that would be lost with an answer that is no worse than what counts without it."""
    rubric = entry.value
    counts: dict[str, int | None] = dict.fromkeys((each.id for each in rubric.dimensions), _worst_unknown(rubric))
    counts |= {each.id: each.rank(each.unknown_as) for each in rubric.modifiers}
    for index, floor in enumerate(rubric.floors):
        for place, leaf in _leaves(("floors", index, "when"), floor.when):
            asked = leaf.answer_at_least if isinstance(leaf, AnswerAtLeast) else {}
            for name, value in asked.items():
                rank, counted = rubric.by_id[name].rank(value) if name in counts else None, counts.get(name)
                if rank is not None and counted is not None and rank <= counted:
                    message = "a floor must ask for more than what counts while nobody answered"
                    yield entry.document.problem((*place, "answer_at_least", name), message)


def _worst_unknown(rubric: Rubric) -> int:
    return max(rubric.unknown_dimension.level, rubric.unknown_dimension.worse.level)


def _conditions(rubric: Rubric) -> Iterator[tuple[Place, Condition]]:
    yield ("unknown_dimension", "worse", "when"), rubric.unknown_dimension.worse.when
    yield ("near_miss", "unless"), rubric.near_miss.unless
    for index, rule in enumerate(rubric.raises.rules):
        yield ("raises", "rules", index, "when"), rule.when
    for index, floor in enumerate(rubric.floors):
        yield ("floors", index, "when"), floor.when


def _leaves(place: Place, condition: Condition) -> Iterator[tuple[Place, AnswerAtLeast | FactConfirmed]]:
    match condition:
        case AllOf():
            parts, step = condition.all, "all"
        case AnyOf():
            parts, step = condition.any, "any"
        case _:
            yield place, condition
            return
    for index, part in enumerate(parts):
        yield from _leaves((*place, step, index), part)


def _references(entry: Entry[Rubric], place: Place, condition: Condition) -> Iterator[Problem]:
    facts = {fact.id for fact in entry.value.facts}
    for at, leaf in _leaves(place, condition):
        if isinstance(leaf, FactConfirmed):
            if leaf.fact not in facts:
                yield entry.document.problem((*at, "fact"), f"there is no fact `{leaf.fact}`")
            continue
        for name, value in leaf.answer_at_least.items():
            if name in facts:
                message = f"`{name}` is a fact; write `fact: {name}`"
                yield entry.document.problem((*at, "answer_at_least", name), message)
            else:
                yield from _given(entry, (*at, "answer_at_least", name), name, value)


def _given(entry: Entry[Rubric], place: Place, name: str, value: Scalar) -> Iterator[Problem]:
    """Yield what is wrong with an answer that a rule names."""
    rubric = entry.value
    question = rubric.by_id.get(name)
    if question is None:
        if name not in {fact.id for fact in rubric.facts}:
            yield entry.document.problem(place, f"there is no question `{name}`")
        elif not isinstance(value, bool):
            yield entry.document.problem(place, f"`{name}` is a fact: true or false")
    elif question.rank(value) is None:
        allowed = ", ".join(str(answer).lower() for answer in question.answers)
        yield entry.document.problem(place, f"`{name}` has no answer `{str(value).lower()}`; it has: {allowed}")
