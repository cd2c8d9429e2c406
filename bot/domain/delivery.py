"""One thing that Slack must be told, as desired state: what it says is rendered when it is sent.

Wanting the same thing again raises `wanted`; sending it once satisfies everything that piled up.
"""

from enum import StrEnum

from bot.domain.values import JsonObject, Value


class DeliveryKind(StrEnum):
    """What to bring up to date."""

    ALERT_CARD = "alert_card"
    """The triage card of an alert group; subject is the group's id."""
    INCIDENT_CHANNEL = "incident_channel"
    """The incident's channel, its topic and members; subject is the incident's id."""
    INCIDENT_CARD = "incident_card"
    """The live card of an incident; subject is the incident's id."""
    CONTAINMENT_CARD = "containment_card"
    """The card of one plan and containment; subject is the containment's id."""
    PAGE = "page"
    """Somebody is to be woken; subject is the cause, the payload says why."""
    NOTE = "note"
    """A message of its own, posted once; subject is unique, the payload says what it reports."""


class Delivery(Value):
    """One row of what is owed.

    Attributes:
        lane: Deliveries of a lane are sent one after another, in order.
        wanted: Generation that was asked for.
        done: Generation that was sent.
        attempts: Attempts at the wanted generation that were begun, this one included.
        channel: Where the message is, once sent.
        ts: Slack's timestamp of it.
    """

    id: int
    kind: DeliveryKind
    lane: str
    subject: str
    payload: JsonObject
    wanted: int
    done: int
    attempts: int
    channel: str | None
    ts: str | None
    error: str

    @property
    def key(self) -> str:
        """Identity that marks the message in Slack's metadata, so that it can be found again."""
        return f"{self.kind.value}:{self.subject}"

    @property
    def may_be_posted(self) -> bool:
        """Whether an earlier attempt may have posted it, though nothing says where: look for it before posting."""
        return self.ts is None and (self.attempts > 1 or self.wanted > 1)
