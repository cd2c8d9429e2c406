"""What the JSON API says of incidents: explicit models, so that no change inside silently changes what clients read.

Instants are UTC in ISO 8601, durations are seconds; what is not known is `null`, never zero.
"""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from bot.domain.actor import Actor, ActorKind, Via
from bot.domain.alert import AlertGroup, Verdict
from bot.domain.clocks import Clock, ClockState, time_to_detect, time_to_mitigate
from bot.domain.incident import Incident, IncidentKind, IncidentStatus
from bot.domain.milestones import Basis, Milestone, MilestoneName
from bot.domain.severity import Severity
from bot.domain.timeline import TimelineEvent
from bot.domain.values import Instant, JsonObject
from bot.services.board import IncidentView, TimelineView
from bot.web import examples
from bot.web.containment_answers import ContainmentAnswer


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(Answer):
    """Who did something: a Slack user id, an alert source, or Stanch; `via` is `null` where a person acted in Slack."""

    kind: ActorKind
    id: str
    via: Via | None = None

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """Return the answer for an actor."""
        return cls(kind=actor.kind, id=actor.id, via=actor.via)


class ClockAnswer(Answer):
    """TTD or TTM as it reads now."""

    state: ClockState
    seconds: float | None
    target_seconds: float | None
    late: bool
    provisional: bool
    attested: bool

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """Return the answer for a clock."""
        return cls(
            state=clock.state,
            seconds=clock.elapsed.total_seconds() if clock.elapsed is not None else None,
            target_seconds=clock.target.total_seconds() if clock.target is not None else None,
            late=clock.is_late,
            provisional=clock.provisional,
            attested=clock.attested,
        )


class MilestoneAnswer(Answer):
    """One instant of an incident's life and how it is known."""

    at: Instant
    basis: Basis
    note: str
    provisional: bool

    @classmethod
    def of(cls, milestone: Milestone) -> Self:
        """Return the answer for a milestone."""
        return cls(at=milestone.at, basis=milestone.basis, note=milestone.note, provisional=milestone.provisional)


class IncidentSummary(Answer):
    """One incident, briefly."""

    number: int
    label: str
    kind: IncidentKind
    title: str
    status: IncidentStatus
    severity: Severity
    system: str | None
    failure_mode: str | None
    commander: Party | None
    channel: str | None
    milestones: dict[MilestoneName, MilestoneAnswer | None]
    ttd: ClockAnswer
    ttm: ClockAnswer

    @classmethod
    def of(cls, incident: Incident, at: Instant) -> Self:
        """Return the answer for an incident, its clocks as they read at an instant."""
        return cls(**summary_fields(incident, at))


def summary_fields(incident: Incident, at: Instant) -> JsonObject:
    """Return the fields that a summary and a whole incident share."""
    stones = {name: incident.milestones.get(name) for name in MilestoneName}
    return {
        "number": incident.number,
        "label": incident.label,
        "kind": incident.kind,
        "title": incident.title,
        "status": incident.status,
        "severity": incident.severity,
        "system": incident.system_id,
        "failure_mode": incident.classification.failure_mode,
        "commander": Party.of(incident.commander) if incident.commander else None,
        "channel": incident.channel,
        "milestones": {name: MilestoneAnswer.of(stone) if stone else None for name, stone in stones.items()},
        "ttd": ClockAnswer.of(time_to_detect(incident.milestones, incident.severity)),
        "ttm": ClockAnswer.of(time_to_mitigate(incident.milestones, incident.severity, at)),
    }


class IncidentPage(Answer):
    """Incidents, newest first.

    Attributes:
        next_before: `before` of the next page; `null` on the last.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PAGE]})

    incidents: list[IncidentSummary]
    next_before: int | None

    @classmethod
    def of(cls, found: Sequence[Incident], limit: int, at: Instant) -> Self:
        """Return a page of at most `limit`; one more than that in `found` says that there is a next one."""
        page = found[:limit]
        more = len(found) > limit
        return cls(
            incidents=[IncidentSummary.of(incident, at) for incident in page],
            next_before=page[-1].number if more else None,
        )


class AlertGroupAnswer(Answer):
    """Alerts that are one thing to look at."""

    source: str
    title: str
    labels: dict[str, str]
    url: str | None
    firing: int
    resolved: int
    received: int
    first_at: Instant
    last_at: Instant
    verdict: Verdict

    @classmethod
    def of(cls, group: AlertGroup) -> Self:
        """Return the answer for an alert group."""
        return cls(**group.model_dump(include=set(cls.model_fields)))


class EventAnswer(Answer):
    """One fact of the timeline, with what is needed to verify its place on the chain.

    Attributes:
        content: The sentence and its facts; `null` once redacted.
    """

    seq: int
    kind: str
    at: Instant
    recorded_at: Instant
    actor: Party
    content: JsonObject | None
    salt: str | None
    commitment: str
    previous: str
    hash: str

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        """Return the answer for an event."""
        return cls(**event.model_dump(include=set(cls.model_fields)))


class TimelineAnswer(Answer):
    """The timeline and whether its chain verifies.

    Attributes:
        problems: What is wrong with the chain; empty when it verifies.
        head_signature: Signature of the last event by a key that the database does not hold.
    """

    verified: bool
    problems: list[str]
    head_signature: str
    events: list[EventAnswer]

    @classmethod
    def of(cls, view: TimelineView) -> Self:
        """Return the answer for a timeline."""
        return cls(
            verified=not view.problems,
            problems=list(view.problems),
            head_signature=view.head_signature,
            events=[EventAnswer.of(event) for event in view.events],
        )


class IncidentAnswer(IncidentSummary):
    """One incident with all that belongs to it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.INCIDENT]})

    severity_reason: str
    opened_by: Party
    opened_why: str
    containments: list[ContainmentAnswer]
    alert_groups: list[AlertGroupAnswer]
    timeline: TimelineAnswer

    @classmethod
    def whole(cls, view: IncidentView, timeline: TimelineView) -> Self:
        """Return the answer for an incident and its timeline."""
        return cls(
            **summary_fields(view.incident, view.at),
            severity_reason=view.incident.severity_reason,
            opened_by=Party.of(view.incident.opened_by),
            opened_why=view.incident.opened_why,
            containments=[ContainmentAnswer.of(containment) for containment in view.containments],
            alert_groups=[AlertGroupAnswer.of(group) for group in view.groups],
            timeline=TimelineAnswer.of(timeline),
        )
