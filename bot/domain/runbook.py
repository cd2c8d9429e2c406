"""A runbook is one containment procedure: typed inputs, steps that name actions, a harm signal, and an end.

`${inputs.x}` stands for a whole value and never for a part of a text, so that nothing typed in a form can become
something else.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bot.domain.system import Duration, Identifier, Name, Sentence, Title
from bot.domain.values import JsonObject, Value

_INPUT = re.compile(r"\$\{inputs\.([a-z][a-z0-9_]*)\}")


def input_named(value: object) -> str | None:
    """Return the name of the input that a parameter's value stands for; `None` for a literal value."""
    match = _INPUT.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else None


class Level(StrEnum):
    """The containment ladder, smallest blast radius first."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"
    L6 = "L6"
    L7 = "L7"

    @property
    def rank(self) -> int:
        """0 for L0 to 7 for L7."""
        return int(self.value[1])

    @property
    def meaning(self) -> str:
        """What acts at this level do."""
        return _MEANINGS[self.rank]


_MEANINGS = (
    "preserve evidence",
    "block one session, user, key or tenant",
    "tighten one policy or guardrail",
    "disable one capability",
    "limit rate or spend, or force human review",
    "roll back one version",
    "feature kill switch",
    "revoke credentials, stop the service or withdraw the model",
)


class TextInput(Value):
    """A line of text."""

    type: Literal["text"]
    label: Title
    hint: str = ""
    max_length: int = Field(default=200, ge=1, le=1_000)


class ChoiceInput(Value):
    """One of a few fixed values."""

    type: Literal["choice"]
    label: Title
    hint: str = ""
    options: list[Title] = Field(min_length=1, max_length=100)


class LiveChoiceInput(Value):
    """One of the values that a step's target offers now, read when the form opens."""

    type: Literal["live_choice"]
    label: Title
    hint: str = ""
    of_step: Name


Input = Annotated[TextInput | ChoiceInput | LiveChoiceInput, Field(discriminator="type")]


ActionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
"""`integration.action`."""


class Step(Value):
    """One action on one target of the system."""

    id: Name
    action: ActionName
    level: Level
    target: Name
    params: JsonObject = Field(default_factory=dict)

    def inputs_used(self) -> set[str]:
        """Return the names of the inputs that the parameters ask for."""
        return {name for value in self.params.values() if (name := input_named(value))}

    def resolved_params(self, inputs: dict[str, str]) -> JsonObject:
        """Return the parameters with every `${inputs.x}` replaced by its whole value."""
        return {key: inputs[name] if (name := input_named(value)) else value for key, value in self.params.items()}


class KeepState(Value):
    """Preserve all that an action can read of one target."""

    kind: Literal["target_state"]
    action: ActionName
    target: Name


class KeepReadings(Value):
    """Preserve what one of the system's harm signals read over its look-back."""

    kind: Literal["signal_readings"]
    signal: Name


Keep = Annotated[KeepState | KeepReadings, Field(discriminator="kind")]


class OnEnd(StrEnum):
    """What happens when a containment's end has come."""

    ASK = "ask"
    """It stays in force, and people are asked."""
    REVERT = "revert"
    """It is undone, but only if its effect was verified, the signal is clean and nobody changed a target since."""


class End(Value):
    """How long a containment lasts by default and at most, and what happens then.

    Attributes:
        on_end: `None` for what is usual at the runbook's level, see `Runbook.on_end`.
    """

    after: Duration
    at_most: Duration
    on_end: OnEnd | None = None

    def offered(self) -> list[timedelta]:
        """Return the durations to offer in a form, shortest first."""
        usual = (timedelta(hours=hours) for hours in (1, 4, 12, 24, 72))
        return sorted({self.after, self.at_most, *(each for each in usual if each < self.at_most)})


class Runbook(Value):
    """One containment procedure.

    Attributes:
        evidence: What to preserve before anything from L2 up, beside what is preserved of itself: the state of every
            target that a step writes, the harm signal, and the incident's alerts.
        harm_signal: Name of the system's signal that must fall; `None` when only a person can tell.
    """

    id: Identifier
    version: int = Field(ge=1)
    title: Title
    summary: Sentence
    inputs: dict[Name, Input] = Field(default_factory=dict)
    steps: list[Step] = Field(min_length=1)
    evidence: list[Keep] = Field(default_factory=list, max_length=20)
    harm_signal: Name | None = None
    ends: End
    expected_effect: Sentence
    risk_if_wrong: Sentence

    @property
    def level(self) -> Level:
        """The highest ladder level of its steps: how far it reaches."""
        return max((step.level for step in self.steps), key=lambda level: level.rank)

    @property
    def uses(self) -> tuple[tuple[str, str], ...]:
        """Every action with every target that it reads or writes, each pair once, the steps' first."""
        kept = [(keep.action, keep.target) for keep in self.evidence if isinstance(keep, KeepState)]
        return tuple(dict.fromkeys([*((step.action, step.target) for step in self.steps), *kept]))

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target that it reads or writes, once."""
        return tuple(dict.fromkeys(target for _, target in self.uses))

    @property
    def signals(self) -> tuple[str, ...]:
        """Every harm signal that it reads, once, the one that must fall first."""
        watched = [self.harm_signal] if self.harm_signal else []
        kept = [keep.signal for keep in self.evidence if isinstance(keep, KeepReadings)]
        return tuple(dict.fromkeys([*watched, *kept]))

    @property
    def levels(self) -> tuple[Level, ...]:
        """Every ladder level of its steps, once: policy asks about each of them."""
        return tuple(sorted({step.level for step in self.steps}))

    @property
    def on_end(self) -> OnEnd:
        """What happens at its end: from L2 up people are asked unless the runbook says otherwise."""
        usual = OnEnd.ASK if self.level.rank >= Level.L2.rank else OnEnd.REVERT
        return self.ends.on_end or usual
