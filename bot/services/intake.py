"""From alerts to groups, cards and incidents, durably, before the sender is told so.

Concurrent deliveries are committed together: whoever gets the turn commits for all who wait. A storm thus costs few
transactions, and one timeline event an incident and commit.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from bot.content import Catalog
from bot.domain.actor import source
from bot.domain.alert import Alert, AlertGroup, AlertKey, AlertRecord, AlertStatus, correlation_key
from bot.domain.delivery import DeliveryKind
from bot.domain.playbook import classify
from bot.domain.predicate import Facts
from bot.domain.timeline import Fact
from bot.domain.values import AlertGroupId, IncidentId, Now
from bot.errors import Busy, Conflict, StanchError
from bot.services.incidents import Incidents
from bot.services.lanes import TRIAGE, incident_lane
from bot.services.ports import Transaction, UnitOfWork

# Alerts that may wait for a commit before senders are asked to come back; some seconds of work on a small machine.
MAX_WAITING = 5_000
_MAX_BATCH = 500


@dataclass(eq=False)
class _Waiting:
    alerts: Sequence[Alert]
    done: asyncio.Future[None]


@dataclass
class _Touched:
    """What one commit touches: read once, decided in memory, written once."""

    records: dict[AlertKey, AlertRecord]
    groups: dict[AlertGroupId, AlertGroup]
    by_key: dict[str, AlertGroupId] = field(default_factory=dict)
    news: dict[AlertGroupId, list[Alert]] = field(default_factory=dict)
    received: Counter[AlertGroupId] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Remember what was there before."""
        self._stored = dict(self.records)
        self.known_before = set(self.groups)

    def note(self, key: str, group: AlertGroup) -> AlertGroup:
        """Remember the group that collects a key now."""
        self.groups[group.id] = group
        self.by_key[key] = group.id
        return group

    def take(self, alert: Alert, group: AlertGroup) -> None:
        """Count a delivery, and keep what it says if that is new."""
        record, is_news = self.records.get(alert.key), True
        if record is None:
            self.records[alert.key] = AlertRecord.first(alert, group.id)
        else:
            self.records[alert.key], is_news = record.received(alert, group.id)
        if is_news:
            self.news.setdefault(group.id, []).append(alert)
        self.received[group.id] += 1
        if alert.received_at > group.last_at:
            self.groups[group.id] = group.changed(last_at=alert.received_at)

    def group_of(self, alert: Alert) -> AlertGroup | None:
        """Return the group of the firing that a delivery repeats or resolves, if it is one and not gone."""
        record = self.records.get(alert.key)
        return self.groups.get(record.group_id) if record is not None and record.holds_episode_of(alert) else None

    def counts_of_new_groups(self) -> dict[AlertGroupId, tuple[int, int]]:
        """Return how many alerts fire and are resolved in each group that this commit makes: it knows all of them."""
        found = Counter((record.group_id, record.alert.status) for record in self.records.values())
        new = self.news.keys() - self.known_before
        return {each: (found[each, AlertStatus.FIRING], found[each, AlertStatus.RESOLVED]) for each in new}

    @property
    def added(self) -> list[AlertRecord]:
        """The records that were not there before."""
        return [record for key, record in self.records.items() if key not in self._stored]

    @property
    def saved(self) -> list[AlertRecord]:
        """The records that were there, and are others now."""
        return [record for key, record in self.records.items() if self._stored.get(key, record) is not record]


class Intake:
    """Takes alerts in."""

    def __init__(
        self,
        uow: UnitOfWork,
        catalog: Catalog,
        incidents: Incidents,
        now: Now,
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """Take the store, the content, the incident service, the clock, and how many alerts may wait for a commit."""
        self._max_waiting = max_waiting
        self._uow = uow
        self._catalog = catalog
        self._incidents = incidents
        self._now = now
        self._queue: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def receive(self, alerts: Sequence[Alert]) -> None:
        """Return once the alerts are durable.

        Raises:
            Busy: Too many are waiting already.
            StoreUnavailable: The database cannot be reached.
        """
        if not alerts:
            return
        if self._queue and sum(len(waiting.alerts) for waiting in self._queue) + len(alerts) > self._max_waiting:
            raise Busy("Too many alerts are waiting to be stored.", retry_after=timedelta(seconds=5))
        mine = _Waiting(alerts, asyncio.get_running_loop().create_future())
        self._queue.append(mine)
        async with self._turn:
            if not mine.done.done():
                batch, self._queue = self._queue[:_MAX_BATCH], self._queue[_MAX_BATCH:]
                if mine not in batch:
                    self._queue.remove(mine)
                    batch.append(mine)
                await self._settle(batch)
        await mine.done

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Commit a batch; if it fails, commit each delivery alone, so that one cannot fail the others."""
        try:
            await self._commit_or_again(batch)
        except StanchError as error:
            if len(batch) == 1:
                batch[0].done.set_exception(error)
                return
            for waiting in batch:
                await self._settle([waiting])
            return
        except BaseException:
            for waiting in batch:
                waiting.done.set_exception(
                    Busy("Storing the alerts was interrupted.", retry_after=timedelta(seconds=1))
                )
                waiting.done.exception()
            raise
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_result(None)

    async def _commit_or_again(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._commit(batch)
        except Conflict:  # another replica stored some of it first, and what it stored can now be read
            await self._commit(batch)

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        alerts = [alert for waiting in batch for alert in waiting.alerts]
        async with self._uow.begin() as tx:
            records = await tx.alerts.records({alert.key for alert in alerts})
            groups = await tx.alerts.groups({record.group_id for record in records.values()})
            touched = _Touched(records, groups)
            for alert in alerts:
                touched.take(alert, await self._group_for(tx, touched, alert))
            await tx.alerts.add(touched.added)
            await tx.alerts.save(touched.saved)
            await self._conclude(tx, touched)

    async def _group_for(self, tx: Transaction, touched: _Touched, alert: Alert) -> AlertGroup:
        if (known := touched.group_of(alert)) is not None:
            return known
        system = self._catalog.system_for(alert.labels)
        facts = Facts(labels=alert.labels, text=f"{alert.title}\n{alert.text}", tier=system.tier if system else None)
        failure_mode = classify(list(self._catalog.playbooks.values()), facts).failure_mode
        key = correlation_key(alert, system.id if system else None, failure_mode)
        if key in touched.by_key:
            return touched.groups[touched.by_key[key]]
        known = await tx.alerts.group_by_key(key)
        if known is not None:
            touched.known_before.add(known.id)
            return touched.note(key, touched.groups.get(known.id, known))
        return touched.note(key, _new_group(alert, key, system.id if system else None, failure_mode))

    async def _conclude(self, tx: Transaction, touched: _Touched) -> None:
        """Write the groups, and do what the news among their alerts calls for."""
        counts = touched.counts_of_new_groups()
        counts |= await tx.alerts.count_by_status(touched.news.keys() & touched.known_before)
        for group_id, received in touched.received.items():
            group = touched.groups[group_id]
            firing, resolved = counts.get(group_id, (group.firing, group.resolved))
            touched.groups[group_id] = group.changed(
                received=group.received + received, firing=firing, resolved=resolved
            )
        await tx.alerts.put_groups(*(touched.groups[group_id] for group_id in touched.received))
        for group_id, alerts in touched.news.items():
            await self._tell(tx, touched.groups[group_id], alerts, is_new=group_id not in touched.known_before)

    async def _tell(self, tx: Transaction, group: AlertGroup, news: Sequence[Alert], *, is_new: bool) -> None:
        if group.incident_id is None and self._declares(group):
            opened = await self._incidents.open_for_group(tx, group, source(group.source), self._why(group))
            await _record_alerts(tx, opened.id, group, news)
            return
        if group.is_firing or not is_new:
            await tx.deliveries.want(DeliveryKind.ALERT_CARD, TRIAGE, group.id)
        if group.incident_id is not None:
            await _record_alerts(tx, group.incident_id, group, news)
            await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, incident_lane(group.incident_id), group.incident_id)

    def _declares(self, group: AlertGroup) -> bool:
        playbook = self._catalog.playbooks.get(group.failure_mode) if group.failure_mode else None
        severity = self._incidents.classify_group(group).severity
        return group.is_firing and playbook is not None and playbook.declares(severity)

    def _why(self, group: AlertGroup) -> str:
        classification = self._incidents.classify_group(group)
        severity, because = classification.severity.label, classification.rules[0].because
        return f"playbook {group.failure_mode} declares {severity} by itself: {because}"


def _new_group(alert: Alert, key: str, system_id: str | None, failure_mode: str | None) -> AlertGroup:
    return AlertGroup(
        id=AlertGroupId(uuid4().hex),
        key=key,
        source=alert.source,
        title=alert.title,
        text=alert.text,
        labels=alert.labels,
        url=alert.url,
        system_id=system_id,
        failure_mode=failure_mode,
        first_at=alert.received_at,
        last_at=alert.received_at,
    )


async def _record_alerts(tx: Transaction, incident_id: IncidentId, group: AlertGroup, alerts: Sequence[Alert]) -> None:
    firing = sum(alert.status is AlertStatus.FIRING for alert in alerts)
    resolved = len(alerts) - firing
    parts = [f"{firing} firing"] * bool(firing) + [f"{resolved} resolved"] * bool(resolved)
    await tx.timeline.append(
        incident_id,
        Fact(
            kind="alerts.received",
            at=max(alert.received_at for alert in alerts),
            actor=source(group.source),
            text=f"Alerts ({', '.join(parts)}): {group.title}",
            payload={"group": group.id, "fingerprints": sorted({alert.fingerprint for alert in alerts})[:50]},
        ),
    )
