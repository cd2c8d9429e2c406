"""What would move a severity, and which questions can still do so.

Both ask the rules themselves, with a few answers replaced. Nothing here knows how a rule looks inside: it rests on
the one thing that a checked rubric promises, that a worse answer never gives a milder severity.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from bot.domain.answers import Answers
from bot.domain.classification import Classification
from bot.domain.grading import assumed_ranks, classify_answers, grade
from bot.domain.rubric import Question, Rubric
from bot.domain.severity import Severity


@dataclass(frozen=True)
class _Change:
    """One question answered otherwise, or one fact confirmed or withdrawn."""

    name: str
    rank: int
    steps: int
    is_fact: bool = False


def classify(rubric: Rubric, answers: Answers) -> Classification:
    """Return the severity of answers that do not contradict each other, with everything that explains it."""
    return classify_answers(rubric, answers, what_would_change(rubric, answers))


def what_would_change(rubric: Rubric, answers: Answers) -> tuple[str, ...]:
    """Return the smallest changes that would make it worse, then those that would make it milder.

    Best is what moves it by one level; then one answer is a smaller change than one fact, and one fact a smaller one
    than two answers; among equals, the fewest steps from what counts now. Nothing is said where none of these moves it.
    """
    return (*_smallest(rubric, answers, worse=True), *_smallest(rubric, answers, worse=False))


def _smallest(rubric: Rubric, answers: Answers, *, worse: bool) -> list[str]:
    """Return, in words, all those changes than which none is smaller."""
    now = grade(rubric, answers.ranks, answers.confirmed).severity
    moving: dict[tuple[int, int, int], list[str]] = {}
    for kind, tried in enumerate(_tried(rubric, answers, worse=worse)):
        if any(levels == 1 for levels, _, _ in moving):
            break
        for changes in tried:
            after = _graded(rubric, answers, changes)
            if after is not now:
                size = (abs(after.rank - now.rank), kind, sum(change.steps for change in changes))
                moving.setdefault(size, []).append(_worded(rubric, after, changes))
    return moving[min(moving)] if moving else []


def _tried(rubric: Rubric, answers: Answers, *, worse: bool) -> Iterator[Iterable[tuple[_Change, ...]]]:
    """Yield what is tried, the smaller kinds of change first."""
    answered = _answer_changes(rubric, answers, worse=worse)
    yield [(change,) for change in answered]
    yield [(change,) for change in _fact_changes(rubric, answers, worse=worse)]
    yield (pair for pair in combinations(answered, 2) if pair[0].name != pair[1].name)


def _graded(rubric: Rubric, answers: Answers, changes: Sequence[_Change]) -> Severity:
    ranks, facts = dict(answers.ranks), set(answers.confirmed)
    for change in changes:
        if not change.is_fact:
            ranks[change.name] = change.rank
        elif change.rank:
            facts.add(change.name)
        else:
            facts.discard(change.name)
    return grade(rubric, ranks, facts).severity


def _answer_changes(rubric: Rubric, answers: Answers, *, worse: bool) -> list[_Change]:
    counted = assumed_ranks(rubric, answers.ranks)
    return [
        _Change(question.id, rank, abs(rank - counted[question.id]))
        for question in rubric.questions
        for rank in range(len(question.answers))
        if (rank > counted[question.id] if worse else rank < counted[question.id])
    ]


def _fact_changes(rubric: Rubric, answers: Answers, *, worse: bool) -> list[_Change]:
    return [
        _Change(fact.id, int(worse), 1, is_fact=True)
        for fact in rubric.facts
        if (fact.id in answers.confirmed) is not worse
    ]


def _worded(rubric: Rubric, severity: Severity, changes: Sequence[_Change]) -> str:
    return f"{severity.label} if {' and '.join(_condition(rubric, change) for change in changes)}"


def _condition(rubric: Rubric, change: _Change) -> str:
    if change.is_fact:
        means = next(fact.means for fact in rubric.facts if fact.id == change.name)
        return f"`{change.name}` is {'confirmed' if change.rank else 'withdrawn'} ({means})"
    question = rubric.by_id[change.name]
    answer = question.answers[change.rank]
    shown = str(answer).lower() if isinstance(answer, bool) else answer
    return f"`{change.name}` is {shown} ({question.meaning(change.rank)})"


def open_questions(rubric: Rubric, answers: Answers) -> tuple[Question, ...]:
    """Return the unanswered questions whose answer can still change the severity, in the rubric's order.

    A question is tried at its mildest answer and at its worst, while the others that are unanswered stand together at
    their mildest, at what counts for them or at their worst, and while any one of them takes each of its answers.
    """
    return tuple(
        question
        for question in rubric.questions
        if question.id not in answers.ranks and _can_change(rubric, answers, question)
    )


def _can_change(rubric: Rubric, answers: Answers, question: Question) -> bool:
    last, confirmed = len(question.answers) - 1, answers.confirmed
    return any(
        grade(rubric, {**others, question.id: 0}, confirmed).severity
        is not grade(rubric, {**others, question.id: last}, confirmed).severity
        for others in _surroundings(rubric, answers, question)
    )


def _surroundings(rubric: Rubric, answers: Answers, question: Question) -> Iterator[dict[str, int]]:
    others = [each for each in rubric.questions if each.id not in answers.ranks and each is not question]
    counted = assumed_ranks(rubric, answers.ranks)
    worst = {each.id: len(each.answers) - 1 for each in others}
    for start in (dict.fromkeys(worst, 0), {each.id: counted[each.id] for each in others}, worst):
        known = {**start, **answers.ranks}
        yield known
        for other in others:
            yield from ({**known, other.id: rank} for rank in range(len(other.answers)))
