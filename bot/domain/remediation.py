"""A remediation: what is to be mended so that a containment is not needed any more, and who sees to it.

Done is not verified: whoever did it does not decide that it holds.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field

from bot.domain.actor import Actor
from bot.domain.values import ERASED, ContainmentId, IncidentId, Instant, RemediationId, Value, is_blank
from bot.errors import BadCommand, InvalidTransition

MAX_TITLE = 200


class RemediationState(StrEnum):
    """Where a remediation stands."""

    OPEN = "open"
    DONE = "done"


class Remediation(Value):
    """A tracked fix.

    Attributes:
        number: Within its incident; people write `R-2`.
        containment_id: What stays in force for its sake.
        due_at: When it should be done; the containment asks again then.
        done_how: What was done, in that person's words.
        version: Optimistic lock.
    """

    id: RemediationId
    incident_id: IncidentId
    containment_id: ContainmentId
    number: int = Field(ge=1)
    title: str = Field(max_length=MAX_TITLE)
    owner: Actor
    due_at: Instant
    opened_at: Instant
    opened_by: Actor
    done_at: Instant | None = None
    done_by: Actor | None = None
    done_how: str = ""
    version: int = 0

    @property
    def state(self) -> RemediationState:
        """Derived from what happened."""
        return RemediationState.OPEN if self.done_at is None else RemediationState.DONE

    def done(self, actor: Actor, how: str, at: Instant) -> Self:
        """Return it as done.

        Raises:
            BadCommand: It is not said what was done.
            InvalidTransition: It is done already.
        """
        if is_blank(how):
            raise BadCommand("Say what was done: it goes on the timeline.")
        if self.done_at is not None:
            raise InvalidTransition(f"R-{self.number} is done already.")
        return self.changed(done_at=at, done_by=actor, done_how=how.strip())

    def redacted(self) -> Self:
        """Return it without what people wrote."""
        return self.changed(title=ERASED, done_how=ERASED if self.done_how else "")
