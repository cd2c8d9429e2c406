"""A normalised signal from elsewhere, and the group that is shown as one card.

An alert's `started_at` is when the *rule* began to fire. It is not when the harm began, and never becomes an incident's
`started`.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from bot.domain.values import ERASED, AlertGroupId, IncidentId, Instant, Value, digest, storable

MAX_TITLE = 300
MAX_LABELS = 100
MAX_LABEL_LENGTH = 1_000

AlertKey = tuple[str, str]
"""A source, and what it calls a fingerprint."""

# How long a delivery can have been overtaken. Far below Alertmanager's `group_interval` (5 minutes by default),
# before which it does not report that a rule really fires again:
# https://prometheus.io/docs/alerting/latest/configuration/#route
_OVERTAKEN_WITHIN = timedelta(minutes=1)


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
    fingerprint: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable)]
    group_key: str = Field(default="", max_length=1_000)
    status: AlertStatus
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    text: str = Field(default="", max_length=4_000)
    labels: dict[str, str] = Field(default_factory=dict)
    started_at: Instant | None
    received_at: Instant
    url: str | None = None

    @property
    def key(self) -> AlertKey:
        """What its repeats share."""
        return self.source, self.fingerprint


class AlertRecord(Value):
    """What is kept of one fingerprint of one source: senders repeat themselves, and their requests overtake each other.

    Attributes:
        alert: The newest delivery that was believed and said something new.
        group_id: The group that it is in.
        count: Deliveries, repeats included.
        first_at: When the first one was received.
        last_at: When the newest one was.
    """

    alert: Alert
    group_id: AlertGroupId
    count: int
    first_at: Instant
    last_at: Instant

    @classmethod
    def first(cls, alert: Alert, group_id: AlertGroupId) -> Self:
        """Return what is kept of a fingerprint's first delivery."""
        at = alert.received_at
        return cls(alert=alert, group_id=group_id, count=1, first_at=at, last_at=at)

    def holds_episode_of(self, alert: Alert) -> bool:
        """Whether a delivery repeats or resolves what is kept: the start is the same.

        Where the source does not say when its rule began to fire, an episode lasts until it is resolved.
        """
        if alert.started_at is not None or self.alert.started_at is not None:
            return alert.started_at == self.alert.started_at
        return AlertStatus.RESOLVED is alert.status or AlertStatus.FIRING is self.alert.status

    def received(self, alert: Alert, group_id: AlertGroupId) -> tuple[Self, bool]:
        """Return what is kept after another delivery, and whether that said something new.

        A delivery is *late*, and only counted, when what it contradicts was received less than a minute before and it
        tells of an earlier firing (an older `started_at`), or says that the very firing that was just resolved still
        fires. After that minute the sender is believed. A rule can be resolved by mistake and go on firing with the
        same `started_at`, and a pair of Prometheus servers can correct `started_at` backwards: harm must not stay
        hidden, nor a card stay red. Without `started_at` nothing can be told apart, and the sender is believed at
        once.
        """
        counted = self.changed(count=self.count + 1, last_at=alert.received_at)
        same = group_id == self.group_id and self.alert.model_copy(update={"received_at": alert.received_at}) == alert
        if same or self._overtook(alert):
            return counted, False
        return counted.changed(alert=alert, group_id=group_id), True

    def _overtook(self, alert: Alert) -> bool:
        kept = self.alert
        if alert.started_at is None or kept.started_at is None:
            return False
        resolved_it = kept.started_at == alert.started_at and kept.status is AlertStatus.RESOLVED
        contradicts = kept.started_at > alert.started_at or (resolved_it and alert.status is AlertStatus.FIRING)
        return contradicts and kept.received_at > alert.received_at - _OVERTAKEN_WITHIN


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
