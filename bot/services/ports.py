"""What the services need from the outside, as small Protocols with one purpose each.

Everything inside one `Transaction` is committed together or not at all: rows, timeline events, deliveries and enqueued
jobs. Reading a vendor or Slack never happens inside one.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.alert import AlertGroup, AlertKey, AlertRecord
from bot.domain.containment import Containment
from bot.domain.delivery import Delivery, DeliveryKind
from bot.domain.harm import Sample
from bot.domain.incident import Incident, IncidentKind
from bot.domain.review import Review
from bot.domain.system import HarmSignal
from bot.domain.timeline import Fact, TimelineEvent
from bot.domain.timer import Timer
from bot.domain.values import AlertGroupId, ContainmentId, IncidentId, JsonObject, Value
from bot.sdk import Action, Pager
from bot.services.lasting_ports import EvidenceKept, Remediations
from bot.services.token_ports import Tokens
from bot.services.upkeep_ports import Leftovers, Recurrences


class Incidents(Protocol):
    """Stored incidents."""

    async def next_number(self) -> int:
        """Return the next incident number; numbers have no gaps other than rolled back declarations."""
        ...

    async def add(self, incident: Incident) -> None:
        """Store a new incident."""
        ...

    async def save(self, incident: Incident) -> Incident:
        """Store a changed incident if nobody saved it since it was read; return it with its new version.

        Raises:
            Conflict: Somebody did.
        """
        ...

    async def get(self, incident_id: IncidentId) -> Incident:
        """Return one.

        Raises:
            NotFound: There is none.
        """
        ...

    async def find(self, incident_id: IncidentId) -> Incident | None:
        """Return one, if it is there."""
        ...

    async def by_number(self, number: int) -> Incident | None:
        """Return one by its number."""
        ...

    async def in_channel(self, channel: str) -> Incident | None:
        """Return the incident whose channel this is."""
        ...

    async def listed(self, *, only_open: bool, limit: int, before: int | None = None) -> Sequence[Incident]:
        """Return incidents, newest first, with numbers below `before`."""
        ...

    async def set_channel(self, incident_id: IncidentId, channel: str) -> None:
        """Remember the incident's channel without touching its version."""
        ...


class Alerts(Protocol):
    """Stored alerts and their groups."""

    async def records(self, keys: Collection[AlertKey]) -> dict[AlertKey, AlertRecord]:
        """Return what is kept of fingerprints, locked until the commit; what was never received is left out."""
        ...

    async def add(self, records: Sequence[AlertRecord]) -> None:
        """Keep fingerprints that were never received before.

        Raises:
            Conflict: One of them was, by somebody else, since it was looked for.
        """
        ...

    async def save(self, records: Sequence[AlertRecord]) -> None:
        """Keep fingerprints as they are now."""
        ...

    async def group_by_key(self, key: str) -> AlertGroup | None:
        """Return the group that collects alerts of this key now: the newest whose incident, if any, is open."""
        ...

    async def group(self, group_id: AlertGroupId) -> AlertGroup:
        """Return one group.

        Raises:
            NotFound: There is none.
        """
        ...

    async def groups(self, ids: Collection[AlertGroupId]) -> dict[AlertGroupId, AlertGroup]:
        """Return groups by their ids, locked until the commit; those that are gone are left out."""
        ...

    async def put_groups(self, *groups: AlertGroup) -> None:
        """Store new or changed groups."""
        ...

    async def count_by_status(self, ids: Collection[AlertGroupId]) -> dict[AlertGroupId, tuple[int, int]]:
        """Return for each group how many of its alerts fire and how many are resolved."""
        ...

    async def records_of(self, incident_id: IncidentId) -> Sequence[AlertRecord]:
        """Return what is kept of every alert of an incident, in the order of their fingerprints."""
        ...

    async def groups_of(self, incident_id: IncidentId) -> Sequence[AlertGroup]:
        """Return the groups attached to an incident, oldest first."""
        ...


class Timeline(Protocol):
    """The append-only facts."""

    async def append(self, incident_id: IncidentId, *facts: Fact) -> None:
        """Put facts at the end of an incident's chain, in order, under a lock on its head."""
        ...

    async def events(self, incident_id: IncidentId, *, newest: int | None = None) -> Sequence[TimelineEvent]:
        """Return the chain in order, or only its newest events."""
        ...

    async def newest_of(self, incident_id: IncidentId, kinds: Collection[str]) -> TimelineEvent | None:
        """Return the newest event that is of one of these kinds."""
        ...

    async def redact(self, incident_id: IncidentId, events: Sequence[TimelineEvent], fact: Fact) -> None:
        """Erase the content of events for good, and say so at the end of the chain with `fact`."""
        ...


class Containments(Protocol):
    """Stored plans and containments."""

    async def next_number(self, incident_id: IncidentId) -> int:
        """Return the next containment number within an incident."""
        ...

    async def add(self, containment: Containment) -> None:
        """Store a new one."""
        ...

    async def save(self, containment: Containment) -> Containment:
        """Store a changed one if nobody saved it since; return it with its new version.

        Raises:
            Conflict: Somebody did.
        """
        ...

    async def get(self, containment_id: ContainmentId) -> Containment:
        """Return one.

        Raises:
            NotFound: There is none.
        """
        ...

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Containment]:
        """Return an incident's containments, oldest first."""
        ...

    async def in_force_on(self, keys: Collection[str]) -> Sequence[Containment]:
        """Return the containments, of any incident, that are in force on one of these targets; unordered."""
        ...

    async def claim_targets(self, containment: Containment) -> Containment | None:
        """Take its targets for writing; return the containment that holds one of them instead, if any."""
        ...

    async def release_targets(self, containment_id: ContainmentId) -> None:
        """Let go of its targets."""
        ...


class Deliveries(Protocol):
    """What Slack must be told, as desired state: asking again for the same thing merges with what is waiting."""

    async def want(self, kind: DeliveryKind, lane: str, subject: str, *, payload: JsonObject | None = None) -> None:
        """Ask that something be brought up to date, rendered when it is sent."""
        ...

    async def waiting(self, lane: str) -> Delivery | None:
        """Return the lane's oldest delivery that is not done."""
        ...

    async def lanes_waiting(self) -> Sequence[str]:
        """Return the lanes that have something to do."""
        ...

    async def record_attempt(self, delivery: Delivery) -> Delivery:
        """Count an attempt before it is made."""
        ...

    async def record_sent(self, delivery: Delivery, *, channel: str | None, ts: str | None) -> None:
        """Note that the wanted generation was delivered, and where the message is."""
        ...

    async def record_failure(self, delivery: Delivery, error: str, *, give_up: bool) -> None:
        """Note that an attempt failed; `give_up` ends the delivery."""
        ...

    async def sent(self, kind: DeliveryKind, subject: str) -> Delivery | None:
        """Return where something was delivered, if it was."""
        ...

    async def claim_lane(self, lane: str, owner: str, span: timedelta) -> bool:
        """Take a lane for one process for some time; refuse while another's claim holds."""
        ...

    async def release_lane(self, lane: str, owner: str) -> None:
        """Let a lane go."""
        ...

    async def lane_owners(self) -> Sequence[str]:
        """Return the processes that hold lanes."""
        ...

    async def release_lanes_of(self, owner: str) -> None:
        """Let every lane of a process go."""
        ...


class Timers(Protocol):
    """Instants at which something must be looked at again."""

    async def set(self, timer: Timer) -> None:
        """Set or move a timer; its wake-up is enqueued in the same commit."""
        ...

    async def cancel(self, key: str) -> None:
        """Forget a timer."""
        ...

    async def get(self, key: str) -> Timer | None:
        """Return a timer, if it is set."""
        ...

    async def due(self, at: datetime) -> Sequence[Timer]:
        """Return the timers that are due, oldest first."""
        ...

    async def take(self, key: str, generation: int, at: datetime) -> Timer | None:
        """Remove and return a timer if it is still of this generation and due."""
        ...


class Jobs(Protocol):
    """Durable work, enqueued in the transaction that calls for it."""

    async def enqueue(self, job: str, subject: str, *, key: str, delay: timedelta | None = None) -> None:
        """Have `job` run for `subject` once the transaction has committed; a repeated `key` is one job."""
        ...


class Receipts(Protocol):
    """Which requests were seen, so that a retried or replayed one has one effect."""

    async def first_time(self, key: str, at: datetime) -> bool:
        """Record a request's identity; return whether it is new."""
        ...


class Transaction(Protocol):
    """One unit of work."""

    incidents: Incidents
    alerts: Alerts
    timeline: Timeline
    containments: Containments
    evidence: EvidenceKept
    remediations: Remediations
    deliveries: Deliveries
    timers: Timers
    jobs: Jobs
    receipts: Receipts
    tokens: Tokens
    recurrences: Recurrences
    leftovers: Leftovers


class UnitOfWork(Protocol):
    """Opens transactions."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that commits when the block ends and rolls back when it raises.

        Raises:
            StoreUnavailable: The database cannot be reached; nothing was done.
        """
        ...


class Directory(Protocol):
    """Who is in which Slack user group."""

    async def members(self, handle: str) -> frozenset[str]:
        """Return the user ids of a user group by its handle; empty when there is no such group.

        While Slack cannot be reached a snapshot of at most 24 hours serves.

        Raises:
            IntegrationError: Slack cannot be reached and there is no such snapshot.
        """
        ...


class IncidentConnections(Protocol):
    """The connections that one kind of incident may use."""

    def action(self, name: str, connection: str) -> Action:
        """Return `integration.action` on a connection.

        Raises:
            NotFound: The connection is not configured, or has no such action.
        """
        ...

    def pager(self, connection: str) -> Pager:
        """Return what wakes people on a connection.

        Raises:
            NotFound: The connection is not configured, or wakes nobody.
        """
        ...

    async def samples(self, signal: HarmSignal, start: datetime, end: datetime, step: timedelta) -> Sequence[Sample]:
        """Return a harm signal's readings, oldest first."""
        ...


class Connections(Protocol):
    """Decides, once, by the incident's kind, which connections serve it."""

    def for_incident(self, kind: IncidentKind) -> IncidentConnections:
        """Return live ones for a live incident and simulated ones for every other."""
        ...


class Posted(Value):
    """Where a delivery ended up; both `None` when it left no message behind."""

    channel: str | None = None
    ts: str | None = None


class Messages(Protocol):
    """Tells Slack."""

    async def deliver(self, delivery: Delivery) -> Posted:
        """Bring one thing up to date in Slack, rendered from what is stored now.

        A first post is made once: when this is not the first attempt, the channel's history is searched for it before
        posting.

        Raises:
            RateLimited: Slack asked to wait.
            Unavailable: Slack did not answer; the effect is unknown.
            Rejected: Slack refused for good.
        """
        ...


class Documents(Protocol):
    """Renders what people keep outside Slack."""

    def review(self, review: Review) -> str:
        """Return a review's draft as a Markdown document."""
        ...
