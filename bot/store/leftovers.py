"""What is stored beyond its time: one query a class of data, by which it is both counted and removed.

Alerts arrive while old ones are removed. A group is locked before its alerts are looked at again, and one that somebody
else holds is passed over; whoever waits for it then finds it gone, and makes a new one.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.containment import ContainmentState
from bot.domain.delivery import DeliveryKind
from bot.domain.evidence import Evidence
from bot.domain.retention import WITHOUT_FREE_TEXT, DataClass
from bot.domain.values import IncidentId
from bot.services.lanes import incident_lane
from bot.store.mapping import ALERT_GROUPS, EVIDENCE, table_of
from bot.store.statements import is_postgres
from bot.store.tables import (
    AlertGroupRow,
    AlertRow,
    ContainmentRow,
    DeliveryRow,
    DirectoryRow,
    EventRow,
    EvidenceRow,
    IncidentRow,
    ReceiptRow,
    StoredRow,
    TokenRow,
)

# What goes by one instant of its own alone: its rows, their key, the instant.
_BY_INSTANT: Mapping[DataClass, tuple[type[StoredRow], Any, Any]] = {
    DataClass.REQUESTS: (ReceiptRow, ReceiptRow.key, ReceiptRow.at),
    DataClass.GROUP_MEMBERS: (DirectoryRow, DirectoryRow.handle, DirectoryRow.at),
    DataClass.TOKENS: (TokenRow, TokenRow.name, TokenRow.expires_at),
}
_UNSETTLED = [state.value for state in ContainmentState if not state.is_settled]


class SqlLeftovers:
    """The `Leftovers` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def overwrite(self) -> None:
        """Have what this transaction removes overwritten, where the database would otherwise leave it in its file.

        SQLite does, until it needs the room: https://www.sqlite.org/pragma.html#pragma_secure_delete. On PostgreSQL
        that is for its vacuum.
        """
        if not is_postgres(self._session):
            await self._session.execute(text("PRAGMA secure_delete = ON"))

    async def count(self, what: DataClass, before: datetime, hold: Collection[int]) -> int:
        """Return how many rows of a class are beyond their time; for personal data, incidents."""
        query = select(func.count()).select_from(_expired(what, before, hold).subquery())
        return (await self._session.execute(query)).scalar_one()

    async def remove(self, what: DataClass, before: datetime, hold: Collection[int], *, most: int, at: datetime) -> int:
        """Remove some rows of a class, or what was written in them; return how many.

        Raises:
            ValueError: The class is removed by other means.
        """
        query = _expired(what, before, hold)
        match what:
            case DataClass.REQUESTS | DataClass.GROUP_MEMBERS | DataClass.TOKENS:
                row, key, _ = _BY_INSTANT[what]
                return await self._delete(row, key, query.limit(most))
            case DataClass.NOTES:
                return await self._delete(DeliveryRow, DeliveryRow.id, query.limit(most))
            case DataClass.ALERTS_WITHOUT_INCIDENT:
                return await self._groups_gone(await self._locked(query, most), before)
            case DataClass.ALERTS_OF_INCIDENTS:
                return await self._groups_emptied(await self._locked(query, most), before, at)
            case DataClass.JOBS | DataClass.PERSONAL_DATA | DataClass.EVIDENCE:
                raise ValueError(f"{what.value} is removed by other means")
            case _:
                assert_never(what)

    async def evidence(self, before: datetime, hold: Collection[int], *, most: int) -> Sequence[Evidence]:
        """Return some evidence whose content is beyond its time, in the order of its incidents."""
        query = _expired(DataClass.EVIDENCE, before, hold).add_columns(col(EvidenceRow.body))
        rows = await self._session.execute(query.order_by(col(EvidenceRow.incident_id)).limit(most))
        return [EVIDENCE.load(row) for row in rows.mappings()]

    async def incidents_with_words(
        self, before: datetime, hold: Collection[int], *, after: int, most: int
    ) -> Sequence[tuple[int, IncidentId]]:
        """Return number and id of incidents that still hold words beyond their time, with numbers above `after`."""
        number = col(IncidentRow.number)
        query = _expired(DataClass.PERSONAL_DATA, before, hold).add_columns(number).where(number > after)
        rows = await self._session.execute(query.order_by(number).limit(most))
        return [(row.number, IncidentId(row.id)) for row in rows]

    async def has_words(self, incident_id: IncidentId, before: datetime, hold: Collection[int]) -> bool:
        """Return whether an incident still holds words beyond their time."""
        query = _expired(DataClass.PERSONAL_DATA, before, hold).where(col(IncidentRow.id) == incident_id)
        return (await self._session.execute(query)).first() is not None

    async def _delete(self, row: type[StoredRow], key: Any, query: Select[Any]) -> int:
        keys = (await self._session.execute(query)).scalars().all()
        await self._session.execute(delete(table_of(row)).where(col(key).in_(keys)))
        return len(keys)

    async def _groups_gone(self, groups: Sequence[str], before: datetime) -> int:
        await self._alerts_gone(groups, before)
        await self._session.execute(
            delete(table_of(DeliveryRow)).where(
                col(DeliveryRow.kind) == DeliveryKind.ALERT_CARD, col(DeliveryRow.subject).in_(groups)
            )
        )
        await self._session.execute(delete(table_of(AlertGroupRow)).where(col(AlertGroupRow.id).in_(groups)))
        return len(groups)

    async def _groups_emptied(self, groups: Sequence[str], before: datetime, at: datetime) -> int:
        await self._alerts_gone(groups, before)
        rows = await self._session.execute(ALERT_GROUPS.select().where(col(AlertGroupRow.id).in_(groups)))
        for row in rows.mappings().all():
            emptied = ALERT_GROUPS.load(row).redacted(at)
            await self._session.execute(
                update(ALERT_GROUPS.table)
                .where(col(AlertGroupRow.id) == emptied.id)
                .values(ALERT_GROUPS.columns(emptied))
            )
        return len(groups)

    async def _locked(self, query: Select[Any], most: int) -> Sequence[str]:
        """Lock some of the groups that a query finds; return those that it still finds once they are locked."""
        locking = query.limit(most).with_for_update(skip_locked=True, of=table_of(AlertGroupRow))
        locked = (await self._session.execute(locking)).scalars().all()
        still = query.where(col(AlertGroupRow.id).in_(locked))
        return list((await self._session.execute(still)).scalars().all())

    async def _alerts_gone(self, groups: Collection[str], before: datetime) -> None:
        await self._session.execute(
            delete(table_of(AlertRow)).where(col(AlertRow.group_id).in_(groups), col(AlertRow.last_at) < before)
        )


def _expired(what: DataClass, before: datetime, hold: Collection[int]) -> Select[Any]:
    """Return a query for the keys of what is beyond its time."""
    match what:
        case DataClass.REQUESTS | DataClass.GROUP_MEMBERS | DataClass.TOKENS:
            _, key, instant = _BY_INSTANT[what]
            return select(col(key)).where(col(instant) < before)
        case DataClass.NOTES:
            return select(col(DeliveryRow.id)).where(_is_over(DeliveryKind.NOTE), _lane_of_resolved(before, hold))
        case DataClass.ALERTS_WITHOUT_INCIDENT:
            quiet = and_(col(AlertGroupRow.incident_id).is_(None), _is_quiet(before), ~_is_waiting())
            return select(col(AlertGroupRow.id)).where(quiet)
        case DataClass.ALERTS_OF_INCIDENTS:
            joined = select(col(AlertGroupRow.id)).join(
                IncidentRow, col(IncidentRow.id) == col(AlertGroupRow.incident_id)
            )
            unread = col(AlertGroupRow.redacted_at).is_(None)
            return joined.where(_is_resolved(before, hold), unread, _is_quiet(before))
        case DataClass.EVIDENCE:
            kept = select(col(EvidenceRow.id)).join(IncidentRow, col(IncidentRow.id) == col(EvidenceRow.incident_id))
            return kept.where(_is_resolved(before, hold), col(EvidenceRow.content).is_not(None))
        case DataClass.PERSONAL_DATA:
            return select(col(IncidentRow.id)).where(_is_resolved(before, hold), _is_settled(), _has_words(before))
        case DataClass.JOBS:
            raise ValueError("jobs are no rows of the store")
        case _:
            assert_never(what)


def _is_resolved(before: datetime, hold: Collection[int]) -> ColumnElement[bool]:
    return and_(
        col(IncidentRow.is_open).is_(False),
        col(IncidentRow.resolved_at) < before,
        col(IncidentRow.number).not_in(list(hold)),
    )


def _is_settled() -> ColumnElement[bool]:
    """Whether none of an incident's containments is under way."""
    return ~exists().where(
        col(ContainmentRow.incident_id) == col(IncidentRow.id), col(ContainmentRow.state).in_(_UNSETTLED)
    )


def _has_words(before: datetime) -> ColumnElement[bool]:
    """Whether an incident was never redacted, or people wrote in it since, and that is beyond its time too."""
    written = exists().where(
        col(EventRow.incident_id) == col(IncidentRow.id),
        col(EventRow.at) > col(IncidentRow.redacted_at),
        col(EventRow.at) < before,
        col(EventRow.kind).not_in(sorted(WITHOUT_FREE_TEXT)),
    )
    return or_(col(IncidentRow.redacted_at).is_(None), written)


def _is_quiet(before: datetime) -> ColumnElement[bool]:
    """Whether a group began, and its alerts were last heard of, before an instant."""
    heard = exists().where(col(AlertRow.group_id) == col(AlertGroupRow.id), col(AlertRow.last_at) >= before)
    return and_(col(AlertGroupRow.first_at) < before, ~heard)


def _is_over(kind: DeliveryKind) -> ColumnElement[bool]:
    done = col(DeliveryRow.done) >= col(DeliveryRow.wanted)
    return and_(col(DeliveryRow.kind) == kind, or_(done, col(DeliveryRow.given_up)))


def _is_waiting() -> ColumnElement[bool]:
    """Whether the card of a group is still owed."""
    return exists().where(
        col(DeliveryRow.kind) == DeliveryKind.ALERT_CARD,
        col(DeliveryRow.subject) == col(AlertGroupRow.id),
        col(DeliveryRow.done) < col(DeliveryRow.wanted),
        col(DeliveryRow.given_up).is_(False),
    )


def _lane_of_resolved(before: datetime, hold: Collection[int]) -> ColumnElement[bool]:
    lanes = select(literal(incident_lane(IncidentId(""))) + col(IncidentRow.id)).where(_is_resolved(before, hold))
    return col(DeliveryRow.lane).in_(lanes)
