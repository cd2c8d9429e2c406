"""Regulatory periods as data: whom each binds, what triggers it, from which instant it runs, and for how long.

Code knows no law by name. A newcomer would give an incident one "opened at": each stage has an anchor of its own, and a
stage that follows another runs from that one's filing.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, Tag

from bot.domain.single_key import by_single_key
from bot.domain.system import Name, Sentence, Title
from bot.domain.values import Scalar, Value

NOT_LEGAL_ADVICE = (
    "Not legal advice: computed from what people stated. Counsel decides what must be reported, and when."
)

StageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)?$", max_length=121)]
"""A deadline, or a stage of it: `dora_initial`, `cra_art14:notification`."""
Count = Annotated[int, Field(ge=1, le=10_000)]


class FactIs(Value):
    """Each of these facts has one of its values."""

    fact_is: dict[Name, Annotated[list[Scalar], Field(min_length=1)]] = Field(min_length=1)


class FactIsNot(Value):
    """Each of these facts has none of its values."""

    fact_is_not: dict[Name, Annotated[list[Scalar], Field(min_length=1)]] = Field(min_length=1)


class FactBelow(Value):
    """Each of these numbers is smaller than this."""

    fact_below: dict[Name, int] = Field(min_length=1)


class EveryFact(Value):
    """Every condition holds."""

    all: list["FactCondition"] = Field(min_length=1)


class AnyFact(Value):
    """At least one condition holds."""

    any: list["FactCondition"] = Field(min_length=1)


FactCondition = Annotated[
    Annotated[EveryFact, Tag("all")]
    | Annotated[AnyFact, Tag("any")]
    | Annotated[FactIs, Tag("fact_is")]
    | Annotated[FactIsNot, Tag("fact_is_not")]
    | Annotated[FactBelow, Tag("fact_below")],
    by_single_key(
        "a condition",
        {EveryFact: "all", AnyFact: "any", FactIs: "fact_is", FactIsNot: "fact_is_not", FactBelow: "fact_below"},
    ),
]


class AtInstant(Value):
    """The first of these instants that is known."""

    instant: list[Name] = Field(min_length=1)


class AtFiling(Value):
    """The last filing of one of these stages."""

    filing: list[StageName] = Field(min_length=1)


class AtEndOfYear(Value):
    """The end of the calendar year in which this instant lies."""

    end_of_year_of: Name


Anchor = Annotated[
    Annotated[AtInstant, Tag("instant")]
    | Annotated[AtFiling, Tag("filing")]
    | Annotated[AtEndOfYear, Tag("end_of_year_of")],
    by_single_key("an anchor", {AtInstant: "instant", AtFiling: "filing", AtEndOfYear: "end_of_year_of"}),
]


class Hours(Value):
    """Elapsed hours."""

    hours: Count


class Days(Value):
    """Days of 24 elapsed hours."""

    days: Count


class Months(Value):
    """Calendar months: the same day and time of day, or the last day of a month that is too short."""

    months: Count


class BusinessDays(Value):
    """Days on which an office is open, to the end of the last one.

    Attributes:
        calendar: Country whose public holidays are no business days, as ISO 3166 spells it.
    """

    class Body(Value):
        """How many, by which calendar."""

        count: Count
        calendar: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]

    business_days: Body


class AtOnce(Value):
    """No period: it is due at once, and cannot be told to be overdue."""

    at_once: Literal[True]


Period = Annotated[
    Annotated[Hours, Tag("hours")]
    | Annotated[Days, Tag("days")]
    | Annotated[Months, Tag("months")]
    | Annotated[BusinessDays, Tag("business_days")]
    | Annotated[AtOnce, Tag("at_once")],
    by_single_key(
        "a period",
        {Hours: "hours", Days: "days", Months: "months", BusinessDays: "business_days", AtOnce: "at_once"},
    ),
]


class Limit(Value):
    """A period from an anchor.

    Attributes:
        gone_if_passed_by: The limit does not count if this instant lies behind its end.
    """

    anchor: Anchor
    period: Period
    gone_if_passed_by: Name | None = None


class Stage(Value):
    """One thing to file.

    Attributes:
        id: `None` where a deadline has one stage without a name of its own.
        trigger: What must have happened; without it the declared scope says so.
        starts_with_anchor: Whether the anchor's instant is itself what triggers it, such as a decision.
        limits: The earliest counts; the first one's anchor must be known.
        repeats_until: It is due again and again, until this other stage is filed.
    """

    id: Name | None = None
    what: Sentence
    trigger: FactCondition | None = None
    starts_with_anchor: bool = False
    limits: list[Limit] = Field(min_length=1)
    repeats_until: StageName | None = None


class AppliesFrom(Value):
    """A day from which it binds, for those of whom a condition holds."""

    day: date
    when: FactCondition | None = None


class Verified(StrEnum):
    """How well the source of a period was checked."""

    TEXT = "text"
    """The operative text was read, or a verbatim quotation of it."""
    TWO_SOURCES = "two-sources"
    """Two independent sources agree."""
    UNCONFIRMED = "unconfirmed"
    """Neither; such a deadline is disabled."""


class Deadline(Value):
    """What one provision asks for.

    Attributes:
        disabled_because: Why it is not computed; `None` when it is.
        binds: What must be known of those it binds. A person declares whether it does; this can only deny it.
        sooner: What the provision asks for before the period is over.
    """

    id: Name
    regime: Title
    article: Title | None = None
    verified: Verified
    disabled_because: Sentence | None = None
    who: Sentence | None = None
    binds: FactCondition | None = None
    applies_from: list[AppliesFrom] = Field(default_factory=list)
    sooner: Sentence | None = None
    incomplete_allowed: Sentence | None = None
    stages: list[Stage] = Field(default_factory=list)

    def stage_name(self, stage: Stage) -> str:
        """Return under which name a stage is filed."""
        return self.id if stage.id is None else f"{self.id}:{stage.id}"


class FactType(StrEnum):
    """What a fact can be."""

    TRUTH = "truth"
    NUMBER = "number"
    TEXT = "text"

    @property
    def words(self) -> str:
        """What it is, for people."""
        return {FactType.TRUTH: "true or false", FactType.NUMBER: "a whole number", FactType.TEXT: "text"}[self]

    def takes(self, value: object) -> bool:
        """Whether a value is of this type; `true` is no number."""
        return type(value) is {FactType.TRUTH: bool, FactType.NUMBER: int, FactType.TEXT: str}[self]


class FactKind(Value):
    """A fact that conditions ask about.

    Attributes:
        unknown_as: What counts while nobody said; `None` where it stays unknown.
    """

    id: Name
    type: FactType
    means: Sentence
    unknown_as: Scalar | None = None


class InstantKind(Value):
    """An instant from which periods run."""

    id: Name
    means: Sentence


class DeadlineRules(Value):
    """All deadlines, and the facts and instants that they rest on."""

    version: int = Field(ge=1)
    facts: list[FactKind]
    instants: list[InstantKind]
    deadlines: list[Deadline]

    def deadline(self, name: str) -> Deadline | None:
        """Return a deadline by its id."""
        return next((deadline for deadline in self.deadlines if deadline.id == name), None)

    def stage_names(self) -> Iterator[str]:
        """Yield the names under which stages are filed."""
        for deadline in self.deadlines:
            yield from (deadline.stage_name(stage) for stage in deadline.stages)


for _model in (EveryFact, AnyFact):
    _model.model_rebuild()
