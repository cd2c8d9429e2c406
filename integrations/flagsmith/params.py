"""What the actions take, checked before Flagsmith sees it."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from bot.sdk import Value, WholeNumber


def _text(given: object) -> object:
    """Return a value as people write it in a form; content may also give it as what it is."""
    if isinstance(given, bool):
        return "true" if given else "false"
    return str(given) if isinstance(given, int) else given


class RolloutParams(Value):
    """How many percent may get any variant; the others get the feature's own value."""

    percent: Annotated[WholeNumber, Field(ge=0, le=100)]


class ValueParams(Value):
    """The value that everybody shall get who gets the feature; one of its variants where it has any."""

    value: Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=20_000)]


class SegmentParams(Value):
    """Whom to take the feature from: a segment's id, which a word may follow for people to read."""

    segment: Annotated[str, BeforeValidator(_text), Field(pattern=r"^[1-9][0-9]{0,9}( .+)?$", max_length=211)]

    @property
    def id(self) -> str:
        """The segment's id."""
        return self.segment.split(" ", maxsplit=1)[0]
