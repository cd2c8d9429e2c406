"""A normalised signal from elsewhere, and the group that is shown as one card.

An alert's `started_at` is when the *rule* began to fire. It is not when the harm began, and never becomes an incident's
`started`.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field

from bot.domain.values import ERASED, AlertGroupId, IncidentId, Instant, Value, digest

MAX_TITLE = 300
MAX_LABELS = 100
MAX_LABEL_LENGTH = 1_000


class AlertStatus(StrEnum):
    """Whether the sender's rule holds now."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Value):
    """One signal as its source sent it, in the words that Stanch uses.

    Attributes:
        source: Name of the integration that parsed it.
        fingerprint: The source's identity of what fires; repeats share it.
        group_key: The source's own grouping; empty when it has none.
        labels: Short facts for matching. Hostile text: escape before showing.
        started_at: When the rule began to fire; `None` when the source does not say.
        url: Where the source shows it; only http and https survive parsing.
    """

    source: str = Field(max_length=60)
    fingerprint: str = Field(min_length=1, max_length=200)
    group_key: str = Field(default="", max_length=1_000)
    status: AlertStatus
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    text: str = Field(default="", max_length=4_000)
    labels: dict[str, str] = Field(default_factory=dict)
    started_at: Instant | None
    received_at: Instant
    url: str | None = None


class Verdict(StrEnum):
    """What people made of an alert group."""

    UNADJUDICATED = "unadjudicated"
    ACTIONABLE = "actionable"
    NOT_ACTIONABLE = "not_actionable"


class AlertGroup(Value):
    """Alerts that are one thing to look at: one card in the triage channel, at most one incident.

    Attributes:
        key: What its members share; unique. See `correlation_key`.
        firing: Fingerprints that fire now, each once.
        received: Deliveries counted, repeats included.
        redacted_at: When what its sender wrote was erased under the retention policy.
    """

    id: AlertGroupId
    key: str
    source: str
    title: str
    text: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    system_id: str | None = None
    failure_mode: str | None = None
    firing: int = 0
    resolved: int = 0
    received: int = 0
    first_at: Instant
    last_at: Instant
    verdict: Verdict = Verdict.UNADJUDICATED
    verdict_by: str | None = None
    verdict_reason: str = ""
    incident_id: IncidentId | None = None
    redacted_at: Instant | None = None

    @property
    def is_firing(self) -> bool:
        """Whether any member still fires."""
        return self.firing > 0

    def redacted(self, at: Instant) -> Self:
        """Return it without what its sender and people wrote; counts, instants and the verdict stay."""
        return self.changed(
            title=ERASED,
            text="",
            labels={},
            url=None,
            verdict_reason=ERASED if self.verdict_reason else "",
            redacted_at=at,
        )


def correlation_key(alert: Alert, system_id: str | None, failure_mode: str | None) -> str:
    """Return what alerts of one group share.

    Alerts that name a known system and failure mode are one group whatever sent them; others group as their source
    groups them, or stand alone.
    """
    if system_id and failure_mode:
        return f"known:{digest([system_id, failure_mode])}"
    return f"{alert.source}:{digest([alert.group_key or alert.fingerprint])}"
