"""How long what is stored is kept: a policy over classes of data, and what of an incident's record outlives its words.

A newcomer would delete old incidents. They stay: what happened when, who decided what on which plan, and the clocks are
the record that this product exists for. What goes is what people and senders *wrote*, because that may name anybody.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.domain.actor import STANCH
from bot.domain.evidence import Evidence
from bot.domain.system import Duration
from bot.domain.timeline import REDACTED, Fact, TimelineEvent
from bot.domain.values import Instant, Value

# What protects against repeats must outlive them: Slack sends an event again for hours, and a stored key is what
# recognises it. A person must also have had time to look at what is about to go.
_Period = Annotated[Duration, Field(ge=timedelta(days=1), le=timedelta(days=36_500))]


class DataClass(StrEnum):
    """What has a period of its own; named as in the policy."""

    REQUESTS = "requests"
    """Identities of requests that were seen."""
    JOBS = "jobs"
    """Durable jobs that ended."""
    GROUP_MEMBERS = "group_members"
    """Snapshots of Slack user groups."""
    TOKENS = "tokens"
    """Personal tokens that open nothing any more."""
    NOTES = "notes"
    """What is known of messages that were posted once and are never edited."""
    ALERTS_WITHOUT_INCIDENT = "alerts_without_incident"
    """Alerts and groups that became no incident."""
    ALERTS_OF_INCIDENTS = "alerts_of_incidents"
    """What senders wrote in alerts of incidents."""
    EVIDENCE = "evidence"
    """What was preserved before containments."""
    PERSONAL_DATA = "personal_data"
    """What people wrote in an incident."""


class Periods(Value):
    """How long each class is kept; one that is left out is kept for ever.

    Attributes:
        requests: Counted from the request.
        jobs: From its end.
        group_members: From the reading.
        tokens: From the instant at which they end, or would have ended had nobody revoked them.
        notes: From the incident's resolution.
        alerts_without_incident: From when an alert of the group was last heard of.
        alerts_of_incidents: From the incident's resolution, and from when an alert of the group was last heard of.
        evidence: From the incident's resolution.
        personal_data: From the incident's resolution.
    """

    requests: _Period | None = None
    jobs: _Period | None = None
    group_members: _Period | None = None
    tokens: _Period | None = None
    notes: _Period | None = None
    alerts_without_incident: _Period | None = None
    alerts_of_incidents: _Period | None = None
    evidence: _Period | None = None
    personal_data: _Period | None = None

    def period(self, what: DataClass) -> timedelta | None:
        """Return how long a class is kept; `None` is for ever."""
        found = getattr(self, what.value)
        return found if isinstance(found, timedelta) else None


class RetentionPolicy(Value):
    """The retention policy.

    Attributes:
        hold: Numbers of incidents of which nothing goes, whatever its age.
    """

    version: int = Field(ge=1)
    keep: Periods
    hold: tuple[Annotated[int, Field(ge=1)], ...] = ()

    def cutoff(self, what: DataClass, at: Instant) -> Instant | None:
        """Return the instant before which a class goes; `None` when it is kept for ever."""
        period = self.keep.period(what)
        return None if period is None else at - period


# Their content is composed by Stanch from ids, instants, roles and the content files.
WITHOUT_FREE_TEXT = frozenset(
    {
        REDACTED,
        "evidence.preserved",
        "evidence.removed",
        "incident.declared",
        "lead.taken",
        "milestone.mitigated_provisionally",
        "milestone.resolved",
        "plan.approved",
        "plan.declined",
        "plan.expired",
    }
)


def holds_words(event: TimelineEvent) -> bool:
    """Whether an event still holds what a person, a sender or a vendor wrote.

    A milestone that Stanch measured holds the measurement alone; one that a person attested holds their words.
    """
    if event.content is None or event.kind in WITHOUT_FREE_TEXT:
        return False
    return not (event.kind.startswith("milestone.") and event.actor == STANCH)


def removal(evidence: Sequence[Evidence], policy_version: int, at: Instant) -> Fact:
    """Return the fact that says whose content is removed and under which policy."""
    return Fact(
        kind="evidence.removed",
        at=at,
        actor=STANCH,
        text=f"Removed the content of {len(evidence)} piece(s) of evidence: retention policy version {policy_version}",
        payload={"evidence": [each.id for each in evidence], "policy_version": policy_version},
    )


def redaction(events: Iterable[TimelineEvent], policy_version: int, at: Instant) -> Fact:
    """Return the fact that says which events are erased and under which policy."""
    numbers = [event.seq for event in events]
    return Fact(
        kind=REDACTED,
        at=at,
        actor=STANCH,
        text=f"Erased the words of {len(numbers)} event(s): retention policy version {policy_version}",
        payload={"events": numbers, "policy_version": policy_version},
    )
