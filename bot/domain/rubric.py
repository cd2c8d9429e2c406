"""The severity rubric: questions, and the rules that turn their answers into a severity, all of it data.

Code knows no question and no rule by name. Answers stand in the file from the mildest to the worst, and rules can only
ask whether an answer is *at least* so bad: that is why a worse answer never lowers a severity, whatever the file says.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, Tag

from bot.domain.severity import Severity
from bot.domain.single_key import by_single_key
from bot.domain.system import Identifier, Name, Sentence, Title
from bot.domain.values import Scalar, Value

Ranks = Mapping[str, int]
"""Answers by question, as places in its list: 0 is the mildest."""
_Level = Annotated[int, Field(ge=0, le=20)]


class Dimension(Value):
    """A question about harm; its answers are the numbers of its levels, from 0.

    Attributes:
        levels: What each level means.
    """

    kind: Literal["dimension"]
    id: Name
    title: Title
    ask: Sentence
    levels: list[Sentence] = Field(min_length=2)

    @property
    def answers(self) -> tuple[int, ...]:
        """The answers, from the mildest."""
        return tuple(range(len(self.levels)))

    def rank(self, answer: Scalar) -> int | None:
        """Return an answer's place; `None` when it is none of them."""
        return answer if type(answer) is int and 0 <= answer < len(self.levels) else None

    def meaning(self, rank: int) -> str:
        """Return what an answer says."""
        return self.levels[rank]


class Choice(Value):
    """One answer that a modifier takes."""

    value: Scalar
    means: Sentence


class Modifier(Value):
    """A question about what surrounds the harm.

    Attributes:
        unknown_as: The answer that counts while nobody answered.
    """

    kind: Literal["modifier"]
    id: Name
    title: Title
    ask: Sentence
    answers_from_mildest: list[Choice] = Field(min_length=2)
    unknown_as: Scalar

    @property
    def answers(self) -> tuple[Scalar, ...]:
        """The answers, from the mildest."""
        return tuple(choice.value for choice in self.answers_from_mildest)

    @cached_property
    def _places(self) -> dict[tuple[type, Scalar], int]:
        return {(type(answer), answer): place for place, answer in enumerate(self.answers)}

    def rank(self, answer: Scalar) -> int | None:
        """Return an answer's place; `None` when it is none of them."""
        return self._places.get((type(answer), answer))

    def meaning(self, rank: int) -> str:
        """Return what an answer says."""
        return self.answers_from_mildest[rank].means


Question = Annotated[Dimension | Modifier, Field(discriminator="kind")]


class Fact(Value):
    """What somebody may confirm; what nobody confirmed counts for nothing."""

    id: Name
    means: Sentence


class AnswerAtLeast(Value):
    """Each of these questions is answered so, or worse."""

    answer_at_least: dict[Name, Scalar] = Field(min_length=1)

    def holds(self, rubric: "Rubric", ranks: Ranks, facts: AbstractSet[str]) -> bool:  # noqa: ARG002 - one shape for all
        """Answer; a question without an answer reaches nothing."""
        return all(ranks.get(name, -1) >= rubric.rank(name, value) for name, value in self.answer_at_least.items())


class FactConfirmed(Value):
    """Somebody confirmed this fact."""

    fact: Name

    def holds(self, rubric: "Rubric", ranks: Ranks, facts: AbstractSet[str]) -> bool:  # noqa: ARG002 - one shape for all
        """Answer; what nobody confirmed is no fact."""
        return self.fact in facts


class AllOf(Value):
    """Every condition holds."""

    all: list["Condition"] = Field(min_length=1)

    def holds(self, rubric: "Rubric", ranks: Ranks, facts: AbstractSet[str]) -> bool:
        """Answer."""
        return all(part.holds(rubric, ranks, facts) for part in self.all)


class AnyOf(Value):
    """At least one condition holds."""

    any: list["Condition"] = Field(min_length=1)

    def holds(self, rubric: "Rubric", ranks: Ranks, facts: AbstractSet[str]) -> bool:
        """Answer."""
        return any(part.holds(rubric, ranks, facts) for part in self.any)


Condition = Annotated[
    Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[AnswerAtLeast, Tag("answer_at_least")]
    | Annotated[FactConfirmed, Tag("fact")],
    by_single_key("a condition", {AllOf: "all", AnyOf: "any", AnswerAtLeast: "answer_at_least", FactConfirmed: "fact"}),
]


class WorseUnknown(Value):
    """Where an unanswered dimension counts as more."""

    level: _Level
    when: Condition


class UnknownDimension(Value):
    """As which level a dimension counts that nobody answered."""

    level: _Level
    worse: WorseUnknown


class NearMiss(Value):
    """What a harm weighs that reached nobody.

    Attributes:
        unless: While this holds it is no near miss; what is unknown counts as the modifier says.
    """

    unless: Condition
    severity_by_level: list[Severity]
    because: Sentence


class Raise(Value):
    """A condition that makes it one level worse, from a level of harm on."""

    id: Identifier
    from_level: _Level
    when: Condition
    because: Sentence


class Raises(Value):
    """What makes it worse, and by how many levels at most, all taken together."""

    levels_at_most: int = Field(ge=1, le=3)
    rules: list[Raise]


class Floor(Value):
    """What is confirmed and forces at least a severity, whatever else was answered."""

    id: Identifier
    at_least: Severity
    when: Condition
    because: Sentence


class Contradiction(Value):
    """Answers that cannot all be true."""

    id: Identifier
    answers: dict[Name, Scalar] = Field(min_length=2)
    ask: Sentence


class Downgrade(Value):
    """How severity comes down again: on new evidence, so many levels by one decision."""

    levels_at_most: int = Field(ge=1, le=3)


class Rubric(Value):
    """Questions in the order in which they are asked, and the rules over their answers.

    Attributes:
        severity_by_level: The severity of the worst dimension's level, from level 0.
    """

    version: int = Field(ge=1)
    questions: list[Question] = Field(min_length=1)
    facts: list[Fact] = Field(default_factory=list)
    severity_by_level: list[Severity] = Field(min_length=2)
    unknown_dimension: UnknownDimension
    near_miss: NearMiss
    raises: Raises
    floors: list[Floor]
    contradictions: list[Contradiction] = Field(default_factory=list)
    downgrade: Downgrade

    @cached_property
    def by_id(self) -> dict[str, Question]:
        """Questions by their id."""
        return {question.id: question for question in self.questions}

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Only the questions about harm."""
        return tuple(question for question in self.questions if isinstance(question, Dimension))

    @cached_property
    def modifiers(self) -> tuple[Modifier, ...]:
        """Only the questions about what surrounds it."""
        return tuple(question for question in self.questions if isinstance(question, Modifier))

    def rank(self, question: str, answer: Scalar) -> int:
        """Return an answer's place.

        Raises:
            KeyError: There is no such question or answer; a rubric that was checked names none of those.
        """
        rank = self.by_id[question].rank(answer)
        if rank is None:
            raise KeyError(question, answer)
        return rank


for _model in (AllOf, AnyOf):
    _model.model_rebuild()
