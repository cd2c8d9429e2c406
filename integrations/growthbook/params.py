"""What the actions take, checked before GrowthBook sees it."""

import json
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from bot.sdk import JsonObject, Value, WholeNumber


def _text(given: object) -> object:
    """Return a value as GrowthBook holds it, which is as text; content may also give it as what it is."""
    if isinstance(given, bool):
        return "true" if given else "false"
    return str(given) if isinstance(given, int | float) else given


Served = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=20_000)]


class RolloutParams(Value):
    """How many percent a rollout rule may reach."""

    percent: Annotated[WholeNumber, Field(ge=0, le=100)]


class ValueParams(Value):
    """The value that everybody shall get."""

    value: Served


class SegmentParams(Value):
    """Whom to take the feature from: a saved group, or whoever has a value in an attribute.

    Attributes:
        off: The value that they get instead; may be left out for a feature that is true or false.
    """

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100)] | None = None
    field: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=100)] | None = None
    value: str | None = Field(default=None, min_length=1, max_length=200)
    off: Served | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.group is None) == (self.field is None) or (self.field is None) != (self.value is None):
            raise ValueError("name either a group, or a field and its value")
        return self

    def __str__(self) -> str:
        return f"group {self.group}" if self.group else f"{self.field} = {self.value}"

    def kept_out(self, off: str) -> JsonObject:
        """Return how it reads once it gets the value for off."""
        if self.group:
            return {"value": off, "group": self.group}
        return {"value": off, "condition": json.dumps({self.field: self.value}, ensure_ascii=False)}
