"""What the actions take, checked here because fast-feature checks none of it."""

from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from bot.sdk import JsonObject, UserError, Value

_Name = Annotated[str, Field(min_length=1, max_length=100)]


def _whole_number(value: object) -> object:
    """Refuse what pydantic would turn into a whole number: `true`, `10.0`."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdecimal())):
        raise ValueError("must be a whole number")
    return value


class OffParams(Value):
    """Which variant is the feature's absence."""

    off: _Name = "off"


class OnParams(Value):
    """Which variant of a kill switch cuts the feature off."""

    on: _Name = "on"


class RolloutParams(OffParams):
    """How many percent may keep the feature."""

    percent: Annotated[int, BeforeValidator(_whole_number), Field(ge=0, le=100)]


class VariationParams(OffParams):
    """The variant that everybody shall get who gets the feature."""

    variation: _Name


class SegmentParams(OffParams):
    """Whom to take the feature from: those whose evaluation context has this value in this field."""

    field: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=100)
    value: str = Field(min_length=1, max_length=200)


_Model = TypeVar("_Model", bound=Value)


def valid(model: type[_Model], given: JsonObject) -> _Model:
    """Return what was given as a model.

    Raises:
        UserError: It does not fit; the message names the first thing that does not.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the parameters"
        raise UserError(f"fast-feature cannot take {place}: {first['msg']}.") from error
