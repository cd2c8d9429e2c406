"""What Slack is owed, as desired state.

`attempts` counts from zero again when something is wanted anew. A delivery whose `ts` is unknown may therefore have
been attempted before whenever `attempts > 1` *or* `wanted > 1`, and must be looked for in Slack first.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import DateTime, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.delivery import Delivery, DeliveryKind
from bot.domain.values import JsonObject, Now
from bot.store.columns import UtcInstant
from bot.store.mapping import DELIVERIES, table_of
from bot.store.statements import inserting, is_postgres
from bot.store.tables import DeliveryRow, LaneRow

_IS_WAITING = and_(col(DeliveryRow.done) < col(DeliveryRow.wanted), col(DeliveryRow.given_up).is_(False))


class SqlDeliveries:
    """The `Deliveries` port; `lanes` collects what was wanted in this transaction."""

    def __init__(self, session: AsyncSession, lanes: set[str], now: Now) -> None:
        self._session = session
        self._lanes = lanes
        self._now = now

    async def want(self, kind: DeliveryKind, lane: str, subject: str, *, payload: JsonObject | None = None) -> None:
        """Ask that something be brought up to date; what waits for the same subject is replaced."""
        fresh = {"lane": lane, "payload": payload or {}, "attempts": 0, "given_up": False, "error": ""}
        statement = (
            inserting(self._session, DeliveryRow)
            .values(kind=kind, subject=subject, wanted=1, done=0, **fresh)
            .on_conflict_do_update(
                index_elements=["kind", "subject"], set_=fresh | {"wanted": col(DeliveryRow.wanted) + 1}
            )
        )
        await self._session.execute(statement)
        self._lanes.add(lane)

    async def waiting(self, lane: str) -> Delivery | None:
        """Return the lane's oldest delivery that is neither done nor given up."""
        query = DELIVERIES.select().where(_IS_WAITING, col(DeliveryRow.lane) == lane).order_by(col(DeliveryRow.id))
        row = (await self._session.execute(query.limit(1))).mappings().first()
        return DELIVERIES.load(row) if row else None

    async def lanes_waiting(self) -> Sequence[str]:
        """Return the lanes that have something to do, the longest waiting first."""
        lane = col(DeliveryRow.lane)
        query = select(lane).where(_IS_WAITING).group_by(lane).order_by(func.min(col(DeliveryRow.id)))
        return (await self._session.execute(query)).scalars().all()

    async def record_attempt(self, delivery: Delivery) -> Delivery:
        """Count an attempt before it is made; return the row as it is now, which may want more than when read."""
        statement = (
            update(DELIVERIES.table)
            .where(col(DeliveryRow.id) == delivery.id)
            .values(attempts=col(DeliveryRow.attempts) + 1)
            .returning(DELIVERIES.table)
        )
        return DELIVERIES.load((await self._session.execute(statement)).mappings().one())

    async def record_sent(self, delivery: Delivery, *, channel: str | None, ts: str | None) -> None:
        """Note that the generation named was sent, and where the message is; a newer one still waits."""
        newest = col(DeliveryRow.wanted) == delivery.wanted
        await self._session.execute(
            update(DELIVERIES.table)
            .where(col(DeliveryRow.id) == delivery.id)
            .values(
                done=case((col(DeliveryRow.done) < delivery.wanted, delivery.wanted), else_=col(DeliveryRow.done)),
                attempts=case((newest, 0), else_=col(DeliveryRow.attempts)),
                error="",
                channel=channel,
                ts=ts,
            )
        )

    async def record_failure(self, delivery: Delivery, error: str, *, give_up: bool) -> None:
        """Note that an attempt failed; `give_up` ends the delivery. What was wanted anew meanwhile is not touched."""
        await self._session.execute(
            update(DELIVERIES.table)
            .where(col(DeliveryRow.id) == delivery.id, col(DeliveryRow.wanted) == delivery.wanted)
            .values(error=error, given_up=give_up)
        )

    async def sent(self, kind: DeliveryKind, subject: str) -> Delivery | None:
        """Return where something was delivered, if it ever was."""
        query = DELIVERIES.select().where(
            col(DeliveryRow.kind) == kind, col(DeliveryRow.subject) == subject, col(DeliveryRow.done) > 0
        )
        row = (await self._session.execute(query)).mappings().first()
        return DELIVERIES.load(row) if row else None

    async def claim_lane(self, lane: str, owner: str, span: timedelta) -> bool:
        """Take a lane, or keep it for longer; refuse while another's claim holds.

        Replicas may disagree about the time, so the database's clock decides where there can be several.
        """
        several = is_postgres(self._session)
        now = func.clock_timestamp(type_=DateTime(timezone=True)) if several else literal(self._now(), UtcInstant())
        until = now + span if several else literal(self._now() + span, UtcInstant())
        insert = inserting(self._session, LaneRow).values(lane=lane, owner=owner, until=until)
        statement = insert.on_conflict_do_update(
            index_elements=["lane"],
            set_={"owner": owner, "until": until},
            where=or_(col(LaneRow.owner) == owner, col(LaneRow.until) <= now),
        ).returning(table_of(LaneRow).c.lane)
        return (await self._session.execute(statement)).first() is not None

    async def release_lane(self, lane: str, owner: str) -> None:
        """Let a lane go, if it is still the owner's."""
        await self._session.execute(
            delete(table_of(LaneRow)).where(col(LaneRow.lane) == lane, col(LaneRow.owner) == owner)
        )

    async def lane_owners(self) -> Sequence[str]:
        """Return the processes that hold lanes."""
        return (await self._session.execute(select(col(LaneRow.owner)).distinct())).scalars().all()

    async def release_lanes_of(self, owner: str) -> None:
        """Let every lane of a process go."""
        await self._session.execute(delete(table_of(LaneRow)).where(col(LaneRow.owner) == owner))
