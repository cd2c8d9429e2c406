"""The AI system registry: what can fail, who owns it, and the only targets that a runbook may act on."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from bot.domain.values import JsonObject, Value

_DURATION = re.compile(r"([0-9]{1,6})\s*(s|m|h|d)")
# Prometheus refuses more than 11,000 points at once (https://prometheus.io/docs/prometheus/latest/querying/api/).
_LOOK_BACK_STEPS = 1_440
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: object) -> object:
    """Read `20s`, `15m`, `4h` or `2d`; leave ISO 8601 text and `timedelta` to pydantic.

    A bare number is refused: pydantic would take it for seconds, whatever unit its author had in mind.

    Raises:
        ValueError: It is no duration.
    """
    if isinstance(text, timedelta) or (isinstance(text, str) and text.startswith("P")):
        return text
    match = _DURATION.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and s, m, h or d, like 15m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    Field(gt=timedelta(0)),
    WithJsonSchema(
        {"type": "string", "pattern": "^[0-9]{1,6}[smhd]$", "examples": ["20s", "15m", "4h", "2d"]}, "validation"
    ),
]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Handle = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
"""A Slack user group as people write it, without the `@`."""
Title = Annotated[str, Field(min_length=1, max_length=75)]
"""Fits an option of a Slack menu (https://docs.slack.dev/reference/block-kit/composition-objects/option-object)."""
Sentence = Annotated[str, Field(min_length=1, max_length=600)]


class Target(Value):
    """One thing that a runbook step may act on.

    Attributes:
        connection: Name of the connection that reaches it.
        ref: What the action needs to find it there, checked against the action's own model.
    """

    connection: Name
    ref: JsonObject


class HarmSignal(Value):
    """A measurement that tells whether people are being harmed.

    Attributes:
        query: In the connection's own language; must yield one number.
        below: The harm has stopped while the value is under this.
        unit: What the number counts, for people.
        every: Distance between samples.
        window: How long it must stay under `below` to count as stopped.
        give_up_after: When to say that a containment did not help.
        look_back: How far back to search for the first crossing.
    """

    connection: Name
    query: str = Field(min_length=1)
    below: float = Field(allow_inf_nan=False)
    unit: Title
    every: Duration
    window: Duration
    give_up_after: Duration
    look_back: Duration

    @property
    def look_back_every(self) -> timedelta:
        """Distance between the samples of a look-back: as fine as the signal is, in so many as any vendor gives."""
        return max(self.every, self.look_back / _LOOK_BACK_STEPS)


class System(Value):
    """One AI system.

    Attributes:
        tier: 0 (most critical) to 3.
        match: Label values that select this system; all names must match.
        owners: Slack user group handle of those who answer for it.
    """

    id: Identifier
    title: Title
    tier: int = Field(ge=0, le=3)
    match: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(min_length=1)
    owners: Handle
    targets: dict[Name, Target] = Field(default_factory=dict)
    signals: dict[Name, HarmSignal] = Field(default_factory=dict)

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether an alert's labels name this system."""
        return all(labels.get(name) in values for name, values in self.match.items())
