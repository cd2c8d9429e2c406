"""Conditions in content, as typed data: `all`, `any`, `not`, `label_is`, `text_mentions`, `tier_at_most`.

The answer has three values. A label that the alert does not carry makes a condition *unknown*, which is not the same as
false.
"""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, Tag

from bot.domain.single_key import by_single_key
from bot.domain.values import Value

Answer = bool | None


class Facts(Value):
    """What conditions are asked about.

    Attributes:
        tier: Of the system; `None` while the system is not known.
    """

    labels: dict[str, str] = Field(default_factory=dict)
    text: str = ""
    tier: int | None = None


class LabelIs(Value):
    """A label has one of these values."""

    class Body(Value):
        """Which label, which values."""

        name: str
        any_of: list[str] = Field(min_length=1)

    label_is: Body

    def holds(self, facts: Facts) -> Answer:
        """Answer; unknown without the label."""
        value = facts.labels.get(self.label_is.name)
        return None if value is None else value in self.label_is.any_of

    def describe(self) -> str:
        """Say it in words."""
        return f"label `{self.label_is.name}` is {_or(self.label_is.any_of)}"

    def missing(self, facts: Facts) -> list[str]:
        """Name what is not known."""
        return [f"label `{self.label_is.name}`"] if self.label_is.name not in facts.labels else []


class TextMentions(Value):
    """The title or text contains one of these words or phrases, whatever the case."""

    text_mentions: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)

    def holds(self, facts: Facts) -> Answer:
        """Answer yes or no: silence in a text is not an unknown."""
        return any(
            re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", facts.text, re.IGNORECASE) for phrase in self.text_mentions
        )

    def describe(self) -> str:
        """Say it in words."""
        return f"the text mentions {_or(self.text_mentions)}"

    def missing(self, facts: Facts) -> list[str]:  # noqa: ARG002 - one shape for all conditions
        """Name what is not known: nothing."""
        return []


class TierAtMost(Value):
    """The system's tier is this or a more critical one."""

    tier_at_most: int = Field(ge=0, le=3)

    def holds(self, facts: Facts) -> Answer:
        """Answer; unknown without a system."""
        return None if facts.tier is None else facts.tier <= self.tier_at_most

    def describe(self) -> str:
        """Say it in words."""
        return f"the system is tier {self.tier_at_most} or more critical"

    def missing(self, facts: Facts) -> list[str]:
        """Name what is not known."""
        return ["the system's tier"] if facts.tier is None else []


class All(Value):
    """Every condition holds."""

    all: list["Predicate"] = Field(min_length=1)

    def holds(self, facts: Facts) -> Answer:
        """Answer: one no decides, else one unknown."""
        answers = [part.holds(facts) for part in self.all]
        return False if False in answers else None if None in answers else True

    def describe(self) -> str:
        """Say it in words."""
        return " and ".join(part.describe() for part in self.all)

    def missing(self, facts: Facts) -> list[str]:
        """Name what is not known."""
        return _missing(self.all, facts)


class Any_(Value):  # noqa: N801 - `Any` would shadow typing's
    """At least one condition holds."""

    any: list["Predicate"] = Field(min_length=1)

    def holds(self, facts: Facts) -> Answer:
        """Answer: one yes decides, else one unknown."""
        answers = [part.holds(facts) for part in self.any]
        return True if True in answers else None if None in answers else False

    def describe(self) -> str:
        """Say it in words."""
        return " or ".join(part.describe() for part in self.any)

    def missing(self, facts: Facts) -> list[str]:
        """Name what is not known."""
        return _missing(self.any, facts)


class Not(Value):
    """The condition does not hold."""

    not_: "Predicate" = Field(alias="not")

    def holds(self, facts: Facts) -> Answer:
        """Answer: unknown stays unknown."""
        answer = self.not_.holds(facts)
        return None if answer is None else not answer

    def describe(self) -> str:
        """Say it in words."""
        return f"not ({self.not_.describe()})"

    def missing(self, facts: Facts) -> list[str]:
        """Name what is not known."""
        return self.not_.missing(facts)


Predicate = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[LabelIs, Tag("label_is")]
    | Annotated[TextMentions, Tag("text_mentions")]
    | Annotated[TierAtMost, Tag("tier_at_most")],
    by_single_key(
        "a condition",
        {
            All: "all",
            Any_: "any",
            Not: "not",
            LabelIs: "label_is",
            TextMentions: "text_mentions",
            TierAtMost: "tier_at_most",
        },
    ),
]


def _missing(parts: Iterable["Predicate"], facts: Facts) -> list[str]:
    return [name for part in parts for name in part.missing(facts)]


def _or(words: list[str]) -> str:
    return " or ".join(f"`{word}`" for word in words)


for _model in (All, Any_, Not):
    _model.model_rebuild()
