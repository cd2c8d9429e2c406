"""The post-incident review as drafted: what the record says of one incident, arranged for those who will review it.

A draft draws no conclusions and names no culprit. What nobody recorded stays `None`, so that the document shows it as a
gap; nothing here may fill one in.
"""

from collections.abc import Sequence
from enum import StrEnum

from bot.domain.actor import Actor
from bot.domain.alert import AlertGroup
from bot.domain.change import Change, difference
from bot.domain.clocks import Clock, ClockState, time_to_detect, time_to_mitigate
from bot.domain.containment import Containment, Progress, StepState
from bot.domain.incident import Incident
from bot.domain.milestones import Milestone, MilestoneName
from bot.domain.plan import PlanKind
from bot.domain.review_words import Statement, questions, summary
from bot.domain.system import HarmSignal, System
from bot.domain.timeline import TimelineEvent, chain_problems
from bot.domain.values import ContainmentId, Instant, Value

# A page of a document holds some forty lines; a longer list is read where it can be searched.
MOST_EVENTS = 200
_MOST_READINGS = 20
_MOST_SEVERITIES = 20

_READINGS = (
    "milestone.started",
    "milestone.mitigated",
    "milestone.mitigated_provisionally",
    "milestone.mitigation_withdrawn",
    "containment.signal_read",
    "containment.verified",
)


class Record(Value):
    """What is stored about one incident.

    Attributes:
        system: The registry's entry; `None` when the incident names none, or one that is not there any more.
        events: The whole chain, in order.
        head_signature: Of the last event, see `timeline.sign_head`; empty without events.
    """

    incident: Incident
    system: System | None
    groups: tuple[AlertGroup, ...]
    containments: tuple[Containment, ...]
    events: tuple[TimelineEvent, ...]
    head_signature: str


class TargetVerdict(StrEnum):
    """How a clock stands against its target."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"
    NO_TARGET = "no target"


class ClockReading(Value):
    """One clock and the verdict on it."""

    clock: Clock
    verdict: TargetVerdict


class MilestoneReading(Value):
    """One milestone by name; `stone` is `None` while it is unknown or not reached."""

    name: MilestoneName
    stone: Milestone | None


class Difference(Value):
    """One field that a change writes."""

    path: str
    before: str
    after: str


class ChangeReading(Value):
    """One planned change.

    Attributes:
        touched: Whether it was written, or may have been.
        stands: What became of it, in words.
    """

    change: Change
    progress: Progress
    differences: tuple[Difference, ...]
    touched: bool
    stands: str


class ContainmentReading(Value):
    """One containment.

    Attributes:
        of: Number of the containment that it undoes or extends.
        undone_by: Number of the containment that undid it.
    """

    containment: Containment
    of: int | None
    undone_by: int | None
    changes: tuple[ChangeReading, ...]


class Excerpt(Value):
    """Events in order; of a long list the beginning and the end, with the number left out between them."""

    first: tuple[TimelineEvent, ...]
    omitted: int = 0
    last: tuple[TimelineEvent, ...] = ()


class NamedSignal(Value):
    """A harm signal that was watched, or that the registry names for the system."""

    name: str
    signal: HarmSignal


class Chain(Value):
    """The verdict on the timeline.

    Attributes:
        problems: What is wrong with it; empty when it verifies.
        head: Hash of the last event; `None` without events.
    """

    length: int
    problems: tuple[str, ...]
    head: str | None
    head_signature: str


class Review(Value):
    """Everything that a draft says; its template is given these fields and nothing else.

    Attributes:
        at: When the record was read.
        harm: Events about the harm signal.
        severity_changes: Events by which people set the severity.
        people: Slack user ids of those on record, in the order in which they first acted.
        questions: What the record itself leaves open.
    """

    incident: Incident
    system: System | None
    at: Instant
    summary: tuple[Statement, ...]
    milestones: tuple[MilestoneReading, ...]
    clocks: tuple[ClockReading, ...]
    alerts: tuple[AlertGroup, ...]
    signals: tuple[NamedSignal, ...]
    harm: Excerpt
    severity_changes: Excerpt
    containments: tuple[ContainmentReading, ...]
    timeline: Excerpt
    people: tuple[str, ...]
    questions: tuple[str, ...]
    chain: Chain


def drafted(record: Record, at: Instant) -> Review:
    """Return the draft of an incident's review as its record reads at an instant; works before it is resolved too."""
    incident, events = record.incident, record.events
    clocks = (
        time_to_detect(incident.milestones, incident.severity),
        time_to_mitigate(incident.milestones, incident.severity, at),
    )
    problems = tuple(chain_problems(events))
    return Review(
        incident=incident,
        system=record.system,
        at=at,
        summary=summary(incident, record.system),
        milestones=tuple(MilestoneReading(name=name, stone=incident.milestones.get(name)) for name in MilestoneName),
        clocks=tuple(ClockReading(clock=clock, verdict=verdict(clock)) for clock in clocks),
        alerts=record.groups,
        signals=_signals(record),
        harm=excerpt([event for event in events if event.kind in _READINGS], _MOST_READINGS),
        severity_changes=excerpt([event for event in events if event.kind == "severity.changed"], _MOST_SEVERITIES),
        containments=_containments(record.containments),
        timeline=excerpt(events, MOST_EVENTS),
        people=_people(record),
        questions=questions(incident, record.groups, record.containments, problems),
        chain=Chain(
            length=len(events),
            problems=problems,
            head=events[-1].hash if events else None,
            head_signature=record.head_signature,
        ),
    )


def verdict(clock: Clock) -> TargetVerdict:
    """Return how a clock stands against its target; a running clock has not met it, but may have missed it."""
    if clock.target is None:
        return TargetVerdict.NO_TARGET
    if clock.is_late:
        return TargetVerdict.MISSED
    return TargetVerdict.MET if clock.state is ClockState.STOPPED else TargetVerdict.UNKNOWN


def excerpt(events: Sequence[TimelineEvent], most: int) -> Excerpt:
    """Return all events, or the first and last of them if there are more than `most`."""
    if len(events) <= most:
        return Excerpt(first=tuple(events))
    half = most // 2
    return Excerpt(first=tuple(events[:half]), omitted=len(events) - 2 * half, last=tuple(events[-half:]))


def _signals(record: Record) -> tuple[NamedSignal, ...]:
    """Return the signals of the registry, as the plans hold them where they were watched."""
    signals = dict(record.system.signals) if record.system else {}
    for containment in record.containments:
        plan = containment.plan
        if plan.signal_name is not None and plan.signal is not None:
            signals[plan.signal_name] = plan.signal
    return tuple(NamedSignal(name=name, signal=signal) for name, signal in signals.items())


def _containments(containments: Sequence[Containment]) -> tuple[ContainmentReading, ...]:
    numbers = {each.id: each.number for each in containments}

    def number(containment_id: ContainmentId | None) -> int | None:
        return numbers.get(containment_id) if containment_id else None

    return tuple(
        ContainmentReading(
            containment=each,
            of=number(each.plan.of),
            undone_by=number(each.undone_by),
            changes=tuple(
                _change(each, change, progress, number(each.undone_by))
                for change, progress in zip(each.plan.changes, each.progress, strict=True)
            ),
        )
        for each in containments
    )


def _change(containment: Containment, change: Change, progress: Progress, undone_by: int | None) -> ChangeReading:
    rows = difference(change.before, change.after)
    return ChangeReading(
        change=change,
        progress=progress,
        differences=tuple(Difference(path=path, before=before, after=after) for path, before, after in rows),
        touched=progress.state.is_touched,
        stands=_stands(containment, progress, undone_by),
    )


def _stands(containment: Containment, progress: Progress, undone_by: int | None) -> str:  # noqa: PLR0911 - one for each state
    match progress.state:
        case StepState.PENDING:
            return "not written"
        case StepState.FAILED:
            return "refused, not written"
        case StepState.SKIPPED:
            return f"left out, not written: {progress.skipped_because}"
        case StepState.ATTEMPTED:
            return "attempted; whether it was written is not known"
        case StepState.APPLIED | StepState.VERIFIED if undone_by is not None:
            return f"taken back by C-{undone_by}"
        case StepState.APPLIED:
            return "written, not read back"
        case StepState.VERIFIED:
            return "in force, reads back" if containment.plan.kind is PlanKind.APPLY else "done, reads back"


def _people(record: Record) -> tuple[str, ...]:
    actors: list[Actor] = [record.incident.opened_by, *(event.actor for event in record.events)]
    if record.incident.commander is not None:
        actors.append(record.incident.commander)
    return tuple(dict.fromkeys(actor.id for actor in actors if actor.is_person))
