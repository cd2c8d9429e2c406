"""From alerts to groups, cards and incidents, durably, before the sender is told so.

Concurrent deliveries are committed together: whoever gets the turn commits for all who wait. A storm thus costs few
transactions, and one timeline event an incident and commit.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from bot.content import Catalog
from bot.domain.actor import source
from bot.domain.alert import Alert, AlertGroup, AlertStatus, correlation_key
from bot.domain.delivery import DeliveryKind
from bot.domain.playbook import classify
from bot.domain.predicate import Facts
from bot.domain.timeline import Fact
from bot.domain.values import AlertGroupId, IncidentId, Now
from bot.errors import Busy, NotFound, StanchError
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
    """What one commit touched, so that each group is written and each incident told once."""

    groups: dict[AlertGroupId, AlertGroup] = field(default_factory=dict)
    by_key: dict[str, AlertGroupId] = field(default_factory=dict)
    changed: dict[AlertGroupId, list[Alert]] = field(default_factory=dict)
    known_before: set[AlertGroupId] = field(default_factory=set)

    def note(self, key: str, group: AlertGroup) -> AlertGroup:
        """Remember a group as it is now."""
        self.groups[group.id] = group
        self.by_key[key] = group.id
        return group


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
            await self._commit(batch)
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

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        async with self._uow.begin() as tx:
            touched = _Touched()
            for waiting in batch:
                for alert in waiting.alerts:
                    await self._take(tx, touched, alert)
            for group_id in touched.groups:
                await self._conclude(tx, touched, group_id)

    async def _take(self, tx: Transaction, touched: _Touched, alert: Alert) -> None:
        group = await self._group_for(tx, touched, alert)
        if await tx.alerts.upsert(alert, group.id):
            touched.changed.setdefault(group.id, []).append(alert)
        touched.groups[group.id] = group.changed(
            received=group.received + 1, last_at=max(group.last_at, alert.received_at)
        )

    async def _group_for(self, tx: Transaction, touched: _Touched, alert: Alert) -> AlertGroup:
        if (known := await self._group_of_episode(tx, touched, alert)) is not None:
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
            return touched.note(key, known)
        return touched.note(key, _new_group(alert, key, system.id if system else None, failure_mode))

    async def _group_of_episode(self, tx: Transaction, touched: _Touched, alert: Alert) -> AlertGroup | None:
        """Return the group that this alert belongs to already, if there is one."""
        episode = await tx.alerts.group_of_episode(alert)
        if episode is None or episode in touched.groups:
            return touched.groups[episode] if episode else None
        try:
            group = await tx.alerts.group(episode)
        except NotFound:  # it went under the retention policy since it was found
            return None
        touched.known_before.add(episode)
        touched.groups[episode] = group
        return group

    async def _conclude(self, tx: Transaction, touched: _Touched, group_id: AlertGroupId) -> None:
        """Write a group and do what its alerts call for."""
        group = touched.groups[group_id]
        changed = touched.changed.get(group_id, [])
        if not changed:
            await tx.alerts.put_group(group)
            return
        firing, resolved = await tx.alerts.count_by_status(group_id)
        group = group.changed(firing=firing, resolved=resolved)
        await tx.alerts.put_group(group)
        if group.incident_id is None and self._declares(group):
            opened = await self._incidents.open_for_group(tx, group, source(group.source), self._why(group))
            await _record_alerts(tx, opened.id, group, changed)
            return
        if group.is_firing or group_id in touched.known_before:
            await tx.deliveries.want(DeliveryKind.ALERT_CARD, TRIAGE, group_id)
        if group.incident_id is not None:
            await _record_alerts(tx, group.incident_id, group, changed)
            lane = incident_lane(group.incident_id)
            await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, lane, group.incident_id)

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
