"""Answers to the rubric's questions, checked against it; what contradicts itself is asked about, not averaged."""

import json
from collections.abc import Iterator, Mapping

from pydantic import Field

from bot.domain.rubric import Rubric
from bot.domain.values import JsonObject, Scalar, Value
from bot.errors import BadCommand

FACTS = "facts"
"""Under this name stand the facts, among the answers."""
_LONGEST_QUOTE = 60


class Answers(Value):
    """What is known of an incident, as far as the rubric asks.

    Attributes:
        ranks: By question, the place of its answer, 0 being the mildest. A question that is missing is unknown.
        facts: By fact, whether it is so; one that is missing was neither confirmed nor denied.
    """

    ranks: dict[str, int] = Field(default_factory=dict)
    facts: dict[str, bool] = Field(default_factory=dict)

    @property
    def confirmed(self) -> frozenset[str]:
        """The facts that are so."""
        return frozenset(name for name, is_so in self.facts.items() if is_so)


def read_answers(rubric: Rubric, data: JsonObject) -> Answers:
    """Read answers by question, and facts under `facts`; `None` and what is missing are unknown.

    Raises:
        BadCommand: A question, a fact or an answer does not exist; all of them are named.
    """
    facts = data.get(FACTS)
    problems = [*_answer_problems(rubric, data), *_fact_problems(rubric, facts)]
    if problems:
        raise BadCommand("; ".join(problems))
    ranks = {name: rubric.rank(name, value) for name, value in data.items() if name != FACTS and value is not None}
    return Answers(ranks=ranks, facts={name: value for name, value in (facts or {}).items() if value is not None})


def _answer_problems(rubric: Rubric, data: JsonObject) -> Iterator[str]:
    for name, value in data.items():
        question = rubric.by_id.get(name)
        if name == FACTS or (question is not None and value is None):
            continue
        if question is None:
            yield f"there is no question {_quoted(name)}; there are: {', '.join(rubric.by_id)}"
        elif question.rank(value) is None:
            allowed = ", ".join(_quoted(answer) for answer in question.answers)
            yield f"{name} must be one of {allowed}, or null while it is unknown, not {_quoted(value)}"


def _fact_problems(rubric: Rubric, facts: object) -> Iterator[str]:
    if facts is None:
        return
    if not isinstance(facts, Mapping):
        yield f"{FACTS} must be an object of facts that are true or false"
        return
    known = {fact.id for fact in rubric.facts}
    for name, value in facts.items():
        if name not in known:
            yield f"there is no fact {_quoted(name)}; there are: {', '.join(sorted(known))}"
        elif value is not None and not isinstance(value, bool):
            yield f"the fact {name} must be true, false or null, not {_quoted(value)}"


def contradictions(rubric: Rubric, answers: Answers) -> tuple[str, ...]:
    """Return what to ask about answers that cannot all be true; empty when they can."""
    return tuple(
        each.ask
        for each in rubric.contradictions
        if all(_is_given(rubric, answers, name, value) for name, value in each.answers.items())
    )


def _is_given(rubric: Rubric, answers: Answers, name: str, value: Scalar) -> bool:
    if name in rubric.by_id:
        return answers.ranks.get(name) == rubric.rank(name, value)
    return answers.facts.get(name) is value


def _quoted(value: object) -> str:
    """Return a value as JSON spells it, cut short: whoever sent it may have sent a book."""
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
