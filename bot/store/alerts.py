"""Stored alerts and their groups.

What a delivery means for what is stored is decided in `bot.domain.alert`; what is read for that is locked until the
commit, so that two that arrive at once cannot both be right.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import CursorResult, Executable, RowMapping, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.alert import AlertGroup, AlertKey, AlertRecord, AlertStatus
from bot.domain.values import AlertGroupId, IncidentId
from bot.errors import Conflict, NotFound
from bot.store.mapping import ALERT_GROUPS, ALERTS, INCIDENTS
from bot.store.statements import is_postgres
from bot.store.tables import AlertGroupRow

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_OWN = ("group_id", "count", "first_at", "last_at")

# What every delivery costs is built once, and over the tables rather than the row classes, which would cost as much
# again as the database does.
_ALERT, _GROUP = ALERTS.table.c, ALERT_GROUPS.table.c
_RECORDS = (
    ALERTS.select()
    .where(_ALERT.source == bindparam("source"), _ALERT.fingerprint.in_(bindparam("fingerprints", expanding=True)))
    .order_by(_ALERT.fingerprint)
    .with_for_update(key_share=True)
)
_ADD = ALERTS.table.insert()
_SAVE = ALERTS.table.update().where(
    _ALERT.source == bindparam("its_source"), _ALERT.fingerprint == bindparam("its_fingerprint")
)
_GROUPS = (
    ALERT_GROUPS.select()
    .where(_GROUP.id.in_(bindparam("ids", expanding=True)))
    .order_by(_GROUP.id)
    .with_for_update(key_share=True)
)
_COLLECTING = (
    ALERT_GROUPS.select()
    .outerjoin(INCIDENTS.table, INCIDENTS.table.c.id == _GROUP.incident_id)
    .where(_GROUP.key == bindparam("key"), or_(INCIDENTS.table.c.id.is_(None), INCIDENTS.table.c.is_open))
    .order_by(_GROUP.first_at.desc(), _GROUP.id.desc())
    .limit(1)
    .with_for_update(key_share=True, of=ALERT_GROUPS.table)
)
_BY_STATUS = (
    select(_ALERT.group_id, _ALERT.status, func.count().label("alerts"))
    .where(_ALERT.group_id.in_(bindparam("ids", expanding=True)))
    .group_by(_ALERT.group_id, _ALERT.status)
)


class SqlAlerts:
    """The `Alerts` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def records(self, keys: Collection[AlertKey]) -> dict[AlertKey, AlertRecord]:
        """Return what is kept of fingerprints, locked until the commit; what was never received is left out."""
        found: list[AlertRecord] = []
        for source in sorted({source for source, _ in keys}):
            fingerprints = sorted(fingerprint for one, fingerprint in keys if one == source)
            rows = await self._run(_RECORDS, {"source": source, "fingerprints": fingerprints})
            found += [_record(row) for row in rows.mappings()]
        return {each.alert.key: each for each in found}

    async def add(self, records: Sequence[AlertRecord]) -> None:
        """Keep fingerprints that were never received before.

        Raises:
            Conflict: One of them was, by somebody else, since it was looked for.
        """
        if not records:
            return
        try:
            await self._run(_ADD, [_columns(each) for each in records])
        except IntegrityError as error:
            raise Conflict("Somebody else stored one of these alerts at the same moment; try again.") from error

    async def save(self, records: Sequence[AlertRecord]) -> None:
        """Keep fingerprints as they are now."""
        if records:
            await self._run(_SAVE, [_columns(each) | _place(each) for each in records])

    async def group_by_key(self, key: str) -> AlertGroup | None:
        """Return the group that collects alerts of this key now: the newest whose incident, if any, is open.

        The key is locked until the commit, so that two who find none do not both make one.
        """
        if is_postgres(self._session):
            await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"alerts:{key}", 0))))
        row = (await self._run(_COLLECTING, {"key": key})).mappings().first()
        return ALERT_GROUPS.load(row) if row else None

    async def group(self, group_id: AlertGroupId) -> AlertGroup:
        """Return one group, locked until the commit: what is put back must rest on what was read.

        Raises:
            NotFound: There is none.
        """
        if (found := (await self.groups([group_id])).get(group_id)) is None:
            raise NotFound("There is no such group of alerts.")
        return found

    async def groups(self, ids: Collection[AlertGroupId]) -> dict[AlertGroupId, AlertGroup]:
        """Return groups by their ids, locked until the commit; those that are gone are left out."""
        if not ids:
            return {}
        found = [ALERT_GROUPS.load(row) for row in (await self._run(_GROUPS, {"ids": sorted(ids)})).mappings()]
        return {each.id: each for each in found}

    async def put_groups(self, *groups: AlertGroup) -> None:
        """Store new or changed groups."""
        if groups:
            statement = _putting_groups(is_postgres(self._session))
            await self._run(statement, [ALERT_GROUPS.columns(each) for each in groups])

    async def count_by_status(self, ids: Collection[AlertGroupId]) -> dict[AlertGroupId, tuple[int, int]]:
        """Return for each group how many of its alerts fire and how many are resolved."""
        if not ids:
            return {}
        rows = await self._run(_BY_STATUS, {"ids": sorted(ids)})
        counts = {(row["group_id"], row["status"]): row["alerts"] for row in rows.mappings()}
        return {
            each: (counts.get((each, AlertStatus.FIRING), 0), counts.get((each, AlertStatus.RESOLVED), 0))
            for each in ids
        }

    async def groups_of(self, incident_id: IncidentId) -> Sequence[AlertGroup]:
        """Return the groups attached to an incident, oldest first."""
        query = (
            ALERT_GROUPS.select()
            .where(col(AlertGroupRow.incident_id) == incident_id)
            .order_by(col(AlertGroupRow.first_at), col(AlertGroupRow.id))
        )
        return [ALERT_GROUPS.load(row) for row in (await self._session.execute(query)).mappings()]

    async def records_of(self, incident_id: IncidentId) -> Sequence[AlertRecord]:
        """Return what is kept of every alert of an incident, in the order of their fingerprints."""
        query = (
            ALERTS.select()
            .join(ALERT_GROUPS.table, _GROUP.id == _ALERT.group_id)
            .where(_GROUP.incident_id == incident_id)
            .order_by(_ALERT.source, _ALERT.fingerprint)
        )
        return [_record(row) for row in (await self._session.execute(query)).mappings()]

    async def _run(self, statement: Executable, values: Parameters) -> CursorResult[Any]:
        return await (await self._session.connection()).execute(statement, values)


@cache
def _putting_groups(postgres: bool) -> Executable:  # noqa: FBT001 - which of the two spellings
    insert = (postgres_insert if postgres else sqlite_insert)(ALERT_GROUPS.table)
    written = {name: insert.excluded[name] for name in _GROUP.keys()}  # noqa: SIM118 - columns are no mapping
    return insert.on_conflict_do_update(index_elements=["id"], set_=written)


def _record(row: RowMapping) -> AlertRecord:
    own = {name: row[name] for name in _OWN}
    return AlertRecord(alert=ALERTS.load(row), **own)


def _columns(record: AlertRecord) -> dict[str, Any]:
    return ALERTS.columns(record.alert) | {name: getattr(record, name) for name in _OWN}


def _place(record: AlertRecord) -> dict[str, str]:
    return {"its_source": record.alert.source, "its_fingerprint": record.alert.fingerprint}
