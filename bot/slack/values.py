"""What a button or a modal carries: small values, validated when they come back.

A value that does not validate is of an older card, or was not written by Stanch; it is refused, not guessed.
"""

from typing import Self

from pydantic import Field, ValidationError

from bot.domain.values import AlertGroupId, ContainmentId, IncidentId, Value
from bot.errors import BadCommand


class ButtonValue(Value):
    """Base of what a button carries; Slack allows 2,000 characters."""

    @property
    def text(self) -> str:
        """The value as Slack keeps it."""
        return self.model_dump_json()

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read what came back.

        Raises:
            BadCommand: It is not a value of this kind.
        """
        try:
            return cls.model_validate_json(text or "")
        except ValidationError as exc:
            raise BadCommand(
                "This button carries something that Stanch cannot read; nothing was done. "
                "Run `/incident status` and use the buttons of the newest card."
            ) from exc


class AlertRef(ButtonValue):
    """One alert group."""

    group: AlertGroupId = Field(min_length=1, max_length=100)


class IncidentRef(ButtonValue):
    """One incident."""

    incident: IncidentId = Field(min_length=1, max_length=100)


class RunbookRef(ButtonValue):
    """A runbook to plan for an incident."""

    incident: IncidentId = Field(min_length=1, max_length=100)
    runbook: str = Field(min_length=1, max_length=100)


class PlanRef(ButtonValue):
    """One plan or containment, and the very plan that was on screen."""

    containment: ContainmentId = Field(min_length=1, max_length=100)
    fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")
