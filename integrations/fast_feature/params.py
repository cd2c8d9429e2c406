"""What the actions take, checked here because fast-feature checks none of it."""

from typing import Annotated

from pydantic import Field

from bot.sdk import Value, WholeNumber

_Name = Annotated[str, Field(min_length=1, max_length=100)]


class OffParams(Value):
    """Which variant is the feature's absence."""

    off: _Name = "off"


class OnParams(Value):
    """Which variant of a kill switch cuts the feature off."""

    on: _Name = "on"


class RolloutParams(OffParams):
    """How many percent may keep the feature."""

    percent: Annotated[WholeNumber, Field(ge=0, le=100)]


class VariationParams(OffParams):
    """The variant that everybody shall get who gets the feature."""

    variation: _Name


class SegmentParams(OffParams):
    """Whom to take the feature from: those whose evaluation context has this value in this field."""

    field: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=100)
    value: str = Field(min_length=1, max_length=200)
