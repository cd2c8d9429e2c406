"""Evidence: what is kept as it was, before a containment changes it.

A rollback can destroy what an authority may ask for: the AI Act speaks against altering a system in a way that affects
a later evaluation of the causes (Regulation (EU) 2024/1689, article 73(6)). So a plan names what is to be preserved,
and nothing from L2 up is written before it is, unless a person says why it goes ahead without.

The content is for whoever investigates: it never goes to Slack. Its hash does, on the timeline, which is the record of
custody: who preserved it, when, and when it was removed.
"""

from typing import Annotated, Literal

from pydantic import Field

from bot.domain.actor import Actor
from bot.domain.runbook import Level
from bot.domain.system import HarmSignal
from bot.domain.values import ContainmentId, EvidenceId, IncidentId, Instant, JsonObject, Value

FIRST_LEVEL = Level.L2
"""From this ladder level up a change may destroy evidence; below it one session, user or key is blocked."""


class TargetState(Value):
    """All that an action can read of one target."""

    kind: Literal["target_state"] = "target_state"
    title: str
    action: str
    connection: str
    ref: JsonObject


class SignalReadings(Value):
    """What a harm signal read over its look-back."""

    kind: Literal["signal_readings"] = "signal_readings"
    title: str
    signal: HarmSignal


class AlertsReceived(Value):
    """Every alert of the incident as it was last received."""

    kind: Literal["alerts_received"] = "alerts_received"
    title: str = "The alerts as received"


EvidenceItem = Annotated[TargetState | SignalReadings | AlertsReceived, Field(discriminator="kind")]


class Preserved(Value):
    """One item of a plan that was preserved.

    Attributes:
        item: Its index in the plan.
    """

    item: int
    evidence: EvidenceId


class Evidence(Value):
    """What is known of one preserved artefact; its content lies elsewhere.

    Attributes:
        containment_id: The containment that it was preserved before.
        sha256: Of the content, in hex.
        size: Of the content, in bytes.
        preserved_by: Whoever had it preserved: who gave the go-ahead.
        removed_at: When the content went under the retention policy; `None` while it is there.
    """

    id: EvidenceId
    incident_id: IncidentId
    containment_id: ContainmentId
    title: str
    kind: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    preserved_at: Instant
    preserved_by: Actor
    removed_at: Instant | None = None
