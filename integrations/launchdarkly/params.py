"""What the actions take, checked before LaunchDarkly sees it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.sdk import JsonObject, Value, WholeNumber
from integrations.launchdarkly.client import PathSegment

_Attribute = Annotated[str, Field(pattern=r"^/?[A-Za-z_][A-Za-z0-9_./-]*$", max_length=100)]
_ContextKind = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]


class RolloutParams(Value):
    """How many percent may keep the feature.

    Attributes:
        context_kind: What is counted where everybody got the same so far.
    """

    percent: Annotated[WholeNumber, Field(ge=0, le=100)]
    context_kind: _ContextKind = "user"


class VariationParams(Value):
    """The variation that everybody shall get who gets the feature: its name, or its value if it has none."""

    variation: str = Field(min_length=1, max_length=300)


class SegmentParams(Value):
    """Whom to take the feature from: a segment of LaunchDarkly, or contexts with a value in an attribute."""

    segment: Annotated[str, PathSegment] | None = None
    field: _Attribute | None = None
    value: str | None = Field(default=None, min_length=1, max_length=200)
    context_kind: _ContextKind = "user"

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.segment is None) == (self.field is None) or (self.field is None) != (self.value is None):
            raise ValueError("name either a segment, or a field and its value")
        return self

    def __str__(self) -> str:
        return f"segment {self.segment}" if self.segment else f"{self.context_kind} {self.field} = {self.value}"

    @property
    def clause(self) -> JsonObject:
        """The condition of a rule that concerns it, as it is read."""
        kind, attribute, op = (
            ("user", "segmentMatch", "segmentMatch") if self.segment else (self.context_kind, self.field, "in")
        )
        values = [self.segment or self.value]
        return {"context_kind": kind, "attribute": attribute, "op": op, "negate": False, "values": values}
