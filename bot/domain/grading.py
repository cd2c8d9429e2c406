"""Answers and rubric -> severity, with every rule that fired.

The worst dimension sets the severity, never a sum. What nobody answered counts as the rubric says; a floor rests on
what was answered and confirmed alone, so an unknown can never force one.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bot.domain.answers import Answers
from bot.domain.classification import Classification, FiredRule, UsedAnswer
from bot.domain.rubric import Dimension, Floor, Raise, Ranks, Rubric
from bot.domain.severity import Severity, worst
from bot.domain.values import is_blank
from bot.errors import BadCommand


@dataclass(frozen=True)
class Grade:
    """How the rules came out.

    Attributes:
        level: Of the worst dimension.
        harm: The severity of that level alone, before anything raises it.
        raised: Rules that make it worse; together they count for what the rubric allows.
        floors: Rules that forced at least a severity.
    """

    severity: Severity
    level: int
    harm: Severity
    is_near_miss: bool
    raised: tuple[Raise, ...]
    floors: tuple[Floor, ...]


def grade(rubric: Rubric, stated: Ranks, confirmed: AbstractSet[str]) -> Grade:
    """Return the severity of answers, with the rules that fired."""
    assumed = assumed_ranks(rubric, stated)
    level = max(assumed[dimension.id] for dimension in rubric.dimensions)
    near_miss = not rubric.near_miss.unless.holds(rubric, assumed, confirmed)
    harm = (rubric.near_miss.severity_by_level if near_miss else rubric.severity_by_level)[level]
    raised = (
        ()
        if near_miss
        else tuple(
            rule
            for rule in rubric.raises.rules
            if level >= rule.from_level and rule.when.holds(rubric, assumed, confirmed)
        )
    )
    floors = tuple(floor for floor in rubric.floors if floor.when.holds(rubric, stated, confirmed))
    levels = min(len(raised), rubric.raises.levels_at_most)
    severity = worst(_worse_by(harm, levels), *(floor.at_least for floor in floors))
    return Grade(severity, level, harm, near_miss, raised, floors)


def assumed_ranks(rubric: Rubric, stated: Ranks) -> dict[str, int]:
    """Return the place of every answer, with what counts in place of one that is missing."""
    assumed = dict(stated)
    for modifier in rubric.modifiers:
        if modifier.id not in assumed:
            assumed[modifier.id] = rubric.rank(modifier.id, modifier.unknown_as)
    unknown = rubric.unknown_dimension
    level = unknown.worse.level if unknown.worse.when.holds(rubric, assumed, frozenset()) else unknown.level
    for dimension in rubric.dimensions:
        assumed.setdefault(dimension.id, level)
    return assumed


def _worse_by(severity: Severity, levels: int) -> Severity:
    return _of_rank(min(severity.rank + levels, Severity.SEV1.rank))


def _of_rank(rank: int) -> Severity:
    return next(severity for severity in Severity if severity.rank == rank)


def classify_answers(rubric: Rubric, answers: Answers, would_change: tuple[str, ...] = ()) -> Classification:
    """Return the severity of answers, explained; the failure mode is not its business.

    Args:
        rubric: The rules.
        answers: Without contradictions.
        would_change: What would move it; see `bot.domain.questions`.
    """
    found = grade(rubric, answers.ranks, answers.confirmed)
    return Classification(
        failure_mode=None,
        failure_mode_title="Not classified",
        severity=found.severity,
        rules=tuple(sorted(_fired(rubric, answers, found), key=lambda rule: -rule.severity.rank)),
        unknown=tuple(question.id for question in rubric.questions if question.id not in answers.ranks),
        would_change=would_change,
        answers=(*_used_answers(rubric, answers), *_used_facts(rubric, answers)),
        rubric_version=rubric.version,
    )


def _fired(rubric: Rubric, answers: Answers, found: Grade) -> list[FiredRule]:
    floors = [FiredRule(id=each.id, severity=each.at_least, because=each.because) for each in found.floors]
    raised = [FiredRule(id=each.id, severity=_worse_by(found.harm, 1), because=each.because) for each in found.raised]
    near = (
        [FiredRule(id="near-miss", severity=found.harm, because=rubric.near_miss.because)] if found.is_near_miss else []
    )
    assumed = assumed_ranks(rubric, answers.ranks)
    harm = [
        _fired_dimension(dimension, answers, found)
        for dimension in rubric.dimensions
        if assumed[dimension.id] == found.level
    ]
    return [*floors, *raised, *near, *harm]


def _fired_dimension(dimension: Dimension, answers: Answers, found: Grade) -> FiredRule:
    words = f"{dimension.title} {found.level}: {dimension.meaning(found.level)}"
    if dimension.id not in answers.ranks:
        words = f"{dimension.title}: nobody answered, which counts as {found.level} ({dimension.meaning(found.level)})"
    name = "unknown" if dimension.id not in answers.ranks else str(found.level)
    return FiredRule(id=f"{dimension.id}-{name}", severity=found.harm, because=words)


def _used_answers(rubric: Rubric, answers: Answers) -> list[UsedAnswer]:
    return [
        UsedAnswer(
            question=question.id,
            answer=question.answers[answers.ranks[question.id]],
            means=question.meaning(answers.ranks[question.id]),
        )
        for question in rubric.questions
        if question.id in answers.ranks
    ]


def _used_facts(rubric: Rubric, answers: Answers) -> list[UsedAnswer]:
    return [
        UsedAnswer(question=fact.id, answer=answers.facts[fact.id], means=fact.means)
        for fact in rubric.facts
        if fact.id in answers.facts
    ]


def revised(rubric: Rubric, held: Severity, answers: Answers, evidence: str) -> Severity:
    """Return the severity after one decision on new answers: worse at once, milder by the rubric's steps alone.

    It never goes below a floor that still holds, because what the answers compute never does.

    Raises:
        BadCommand: It would get milder, and no evidence was given.
    """
    computed = grade(rubric, answers.ranks, answers.confirmed).severity
    if computed.at_least(held):
        return computed
    if is_blank(evidence):
        raise BadCommand("Say what new evidence makes it milder: severity comes down on evidence alone.")
    return worst(computed, _of_rank(max(held.rank - rubric.downgrade.levels_at_most, Severity.SEV4.rank)))
