"""What a target and a step may say, with its type and its bounds.

A form hands over text, a file may hold numbers: both are read here, and what does not fit is refused before a request.
A number has bounds on both sides, because vendors take limits of -5 and shares of 250.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from bot.sdk import Value

Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


class Text(Value):
    """A line of text.

    Attributes:
        pattern: What the whole text must match; a regular expression without look-around or back-references.
    """

    type: Literal["text"]
    pattern: str | None = None
    max_length: int = Field(default=200, ge=1, le=1_000)

    @model_validator(mode="after")
    def _pattern_is_one(self) -> Self:
        try:
            self._matching()
        except Exception as error:
            raise ValueError(f"{self.pattern!r} is not a regular expression: {error}") from error
        return self

    def parsed(self, given: object) -> Scalar:
        """Return the text."""
        if not isinstance(given, str) or not given or len(given) > self.max_length or not given.isprintable():
            raise ValueError(f"must be one line of text, 1 to {self.max_length} characters")
        try:
            self._matching().validate_python(given)
        except ValidationError as error:
            raise ValueError(f"must match {self.pattern}") from error
        return given

    def _matching(self) -> TypeAdapter[str]:
        pattern = None if self.pattern is None else f"^(?:{self.pattern})$"
        return TypeAdapter(Annotated[str, Field(pattern=pattern)])


class WholeNumber(Value):
    """A whole number within bounds."""

    type: Literal["integer"]
    minimum: int
    maximum: int

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        _check_room(self.minimum, self.maximum)
        return self

    def parsed(self, given: object) -> Scalar:
        """Return the number."""
        text = str(given)
        sound = not isinstance(given, bool | float) and text.removeprefix("-").isascii()
        if (
            sound
            and text.removeprefix("-").isdecimal()
            and len(text) <= 20
            and self.minimum <= int(text) <= self.maximum
        ):
            return int(text)
        raise ValueError(f"must be a whole number from {self.minimum} to {self.maximum}")


class Number(Value):
    """A number within bounds."""

    type: Literal["number"]
    minimum: float = Field(allow_inf_nan=False)
    maximum: float = Field(allow_inf_nan=False)

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        _check_room(self.minimum, self.maximum)
        return self

    def parsed(self, given: object) -> Scalar:
        """Return the number."""
        number = _number(given)
        if number is not None and self.minimum <= number <= self.maximum:
            return number
        raise ValueError(f"must be a number from {self.minimum:g} to {self.maximum:g}")


class Switch(Value):
    """True or false."""

    type: Literal["boolean"]

    def parsed(self, given: object) -> Scalar:
        """Return which."""
        if given in ("true", "false"):
            return given == "true"
        if isinstance(given, bool):
            return given
        raise ValueError("must be true or false")


class Choice(Value):
    """One of a few texts."""

    type: Literal["choice"]
    options: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=1, max_length=100)

    def parsed(self, given: object) -> Scalar:
        """Return the text."""
        if isinstance(given, str) and given in self.options:
            return given
        raise ValueError(f"must be one of {', '.join(self.options)}")


Declared = Annotated[Text | WholeNumber | Number | Switch | Choice, Field(discriminator="type")]


def parsed(declared: dict[str, Declared], given: dict[str, Any]) -> dict[str, Scalar]:
    """Return what was given, each of its declared type.

    Raises:
        ValueError: Something is missing, unknown or does not fit; the message says what would.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise ValueError(f"`{unknown[0]}` is not known here; there are: {', '.join(sorted(declared)) or 'none'}")
    missing = sorted(set(declared) - set(given))
    if missing:
        raise ValueError(f"`{missing[0]}` is missing")
    values: dict[str, Scalar] = {}
    for name, each in declared.items():
        try:
            values[name] = each.parsed(given[name])
        except ValueError as error:
            raise ValueError(f"`{name}` {error}") from error
    return values


def _number(given: object) -> float | int | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or (isinstance(given, str) and not given.isascii()):
        return None
    return int(number) if number.is_integer() else number


def _check_room(minimum: float, maximum: float) -> None:
    if minimum > maximum:
        raise ValueError("`minimum` is greater than `maximum`")
