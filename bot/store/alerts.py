"""Stored alerts and their groups.

Senders repeat themselves and their requests overtake each other: `upsert` decides what a delivery means for what is
stored, in one statement, so that two that arrive at once cannot both be right.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, case, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.alert import Alert, AlertGroup, AlertStatus
from bot.domain.values import AlertGroupId, IncidentId
from bot.errors import NotFound
from bot.store.mapping import ALERT_GROUPS, ALERTS
from bot.store.statements import inserting, is_postgres
from bot.store.tables import AlertGroupRow, AlertRow, IncidentRow

# How long a delivery can have been overtaken. Far below Alertmanager's `group_interval` (5 minutes by default),
# before which it does not report that a rule really fires again:
# https://prometheus.io/docs/alerting/latest/configuration/#route
_OVERTAKEN_WITHIN = timedelta(minutes=1)


class SqlAlerts:
    """The `Alerts` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def group_of_episode(self, alert: Alert) -> AlertGroupId | None:
        """Return the group of the stored alert that this is a repeat or the resolution of.

        That is the alert of the same source, fingerprint and start. Where the source does not say when its rule began
        to fire, an episode lasts until it is resolved.
        """
        query = select(col(AlertRow.group_id)).where(
            col(AlertRow.source) == alert.source, col(AlertRow.fingerprint) == alert.fingerprint
        )
        if alert.started_at is not None:
            query = query.where(col(AlertRow.started_at) == alert.started_at)
        else:
            query = query.where(col(AlertRow.started_at).is_(None))
            if alert.status is AlertStatus.FIRING:
                query = query.where(col(AlertRow.status) == AlertStatus.FIRING)
        found = await self._session.scalar(query)
        return AlertGroupId(found) if found is not None else None

    async def upsert(self, alert: Alert, group_id: AlertGroupId) -> bool:
        """Store an alert, or refresh its source's row of its fingerprint; return whether more than its count changed.

        A delivery is *late*, and only counted, when what it contradicts was received less than a minute before and it
        tells of an earlier firing (an older `started_at`), or says that the very firing that was just resolved still
        fires. After that minute the sender is believed. A rule can be resolved by mistake and go on firing with the
        same `started_at`, and a pair of Prometheus servers can correct `started_at` backwards: harm must not stay
        hidden, nor a card stay red. Without `started_at` nothing can be told apart, and the sender is believed at
        once.
        """
        # The same labels in another order are the same alert; bodies are compared as text.
        alert = alert.changed(labels=dict(sorted(alert.labels.items())))
        insert = inserting(self._session, AlertRow).values(
            **ALERTS.columns(alert),
            group_id=group_id,
            is_news=True,
            count=1,
            first_at=alert.received_at,
            last_at=alert.received_at,
        )
        new = insert.excluded
        is_other = or_(new.body != col(AlertRow.body), new.group_id != col(AlertRow.group_id))
        news = and_(is_other, not_(_is_late(alert)))
        refreshed = ("group_id", "status", "started_at", "received_at", "body")
        statement = insert.on_conflict_do_update(
            index_elements=["source", "fingerprint"],
            set_={
                **{name: case((news, new[name]), else_=ALERTS.table.c[name]) for name in refreshed},
                "is_news": news,
                "count": col(AlertRow.count) + 1,
                "last_at": new.last_at,
            },
        ).returning(ALERTS.table.c.is_news)
        return bool((await self._session.execute(statement)).scalar_one())

    async def group_by_key(self, key: str) -> AlertGroup | None:
        """Return the group that collects alerts of this key now: the newest whose incident, if any, is open.

        The key is locked until the commit, so that two who find none do not both make one.
        """
        if is_postgres(self._session):
            await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"alerts:{key}", 0))))
        query = (
            ALERT_GROUPS.select()
            .outerjoin(IncidentRow, col(IncidentRow.id) == col(AlertGroupRow.incident_id))
            .where(col(AlertGroupRow.key) == key, or_(col(IncidentRow.id).is_(None), col(IncidentRow.is_open)))
            .order_by(col(AlertGroupRow.first_at).desc(), col(AlertGroupRow.id).desc())
            .limit(1)
            .with_for_update(key_share=True, of=ALERT_GROUPS.table)
        )
        row = (await self._session.execute(query)).mappings().first()
        return ALERT_GROUPS.load(row) if row else None

    async def group(self, group_id: AlertGroupId) -> AlertGroup:
        """Return one group, locked until the commit: what is put back must rest on what was read.

        Raises:
            NotFound: There is none.
        """
        query = ALERT_GROUPS.select().where(col(AlertGroupRow.id) == group_id).with_for_update(key_share=True)
        if (row := (await self._session.execute(query)).mappings().first()) is None:
            raise NotFound("There is no such group of alerts.")
        return ALERT_GROUPS.load(row)

    async def put_group(self, group: AlertGroup) -> None:
        """Store a new or changed group."""
        columns = ALERT_GROUPS.columns(group)
        insert = inserting(self._session, AlertGroupRow).values(columns)
        await self._session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=columns))

    async def count_by_status(self, group_id: AlertGroupId) -> tuple[int, int]:
        """Return how many of its alerts fire and how many are resolved."""
        query = (
            select(col(AlertRow.status), func.count())
            .where(col(AlertRow.group_id) == group_id)
            .group_by(col(AlertRow.status))
        )
        counts = dict((await self._session.execute(query)).all())
        return counts.get(AlertStatus.FIRING, 0), counts.get(AlertStatus.RESOLVED, 0)

    async def groups_of(self, incident_id: IncidentId) -> Sequence[AlertGroup]:
        """Return the groups attached to an incident, oldest first."""
        query = (
            ALERT_GROUPS.select()
            .where(col(AlertGroupRow.incident_id) == incident_id)
            .order_by(col(AlertGroupRow.first_at), col(AlertGroupRow.id))
        )
        return [ALERT_GROUPS.load(row) for row in (await self._session.execute(query)).mappings()]


def _is_late(alert: Alert) -> ColumnElement[bool]:
    if alert.started_at is None:
        return false()
    stored_start = col(AlertRow.started_at)
    contradicts = stored_start > alert.started_at
    if alert.status is AlertStatus.FIRING:
        was_resolved = col(AlertRow.status) == AlertStatus.RESOLVED
        contradicts = or_(contradicts, and_(stored_start == alert.started_at, was_resolved))
    is_recent = col(AlertRow.received_at) > alert.received_at - _OVERTAKEN_WITHIN
    return func.coalesce(and_(is_recent, contradicts), false())
