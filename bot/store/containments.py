"""Stored plans and containments, and who is writing which target."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.containment import Containment, ContainmentState
from bot.domain.values import ContainmentId, IncidentId
from bot.errors import NotFound
from bot.store.mapping import CONTAINMENTS, table_of
from bot.store.statements import inserting, next_number, save_version
from bot.store.tables import ContainmentRow, ForceRow, TargetRow


class SqlContainments:
    """The `Containments` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def next_number(self, incident_id: IncidentId) -> int:
        """Return the next containment number within an incident."""
        return await next_number(self._session, f"containment:{incident_id}")

    async def add(self, containment: Containment) -> None:
        """Store a new one."""
        await self._session.execute(CONTAINMENTS.table.insert().values(CONTAINMENTS.columns(containment)))

    async def save(self, containment: Containment) -> Containment:
        """Store a changed one; return it with its new version.

        Raises:
            Conflict: Somebody saved it since it was read.
        """
        saved = await save_version(self._session, CONTAINMENTS, containment, f"C-{containment.number}")
        await self._note_force(containment)
        return saved

    async def _note_force(self, containment: Containment) -> None:
        """Keep the targets that it is in force on; those of one that is no more are forgotten."""
        keys = {change.target_key for change in containment.touched} if containment.is_in_force else set()
        if keys:
            insert = inserting(self._session, ForceRow).values(
                [{"key": key, "containment_id": containment.id} for key in sorted(keys)]
            )
            await self._session.execute(insert.on_conflict_do_nothing())
        elif containment.state is ContainmentState.UNDONE:
            mine = col(ForceRow.containment_id) == containment.id
            await self._session.execute(delete(table_of(ForceRow)).where(mine))

    async def in_force_on(self, keys: Collection[str]) -> Sequence[Containment]:
        """Return the containments, of any incident, that are in force on one of these targets; unordered."""
        holding = select(col(ForceRow.containment_id)).where(col(ForceRow.key).in_(sorted(keys)))
        rows = await self._session.execute(CONTAINMENTS.select().where(col(ContainmentRow.id).in_(holding)))
        found = [CONTAINMENTS.load(row) for row in rows.mappings()]
        return [each for each in found if each.is_in_force]

    async def get(self, containment_id: ContainmentId) -> Containment:
        """Return one.

        Raises:
            NotFound: There is none.
        """
        query = CONTAINMENTS.select().where(col(ContainmentRow.id) == containment_id)
        if (row := (await self._session.execute(query)).mappings().first()) is None:
            raise NotFound("There is no such containment.")
        return CONTAINMENTS.load(row)

    async def of_incident(self, incident_id: IncidentId) -> Sequence[Containment]:
        """Return an incident's containments, oldest first."""
        query = (
            CONTAINMENTS.select()
            .where(col(ContainmentRow.incident_id) == incident_id)
            .order_by(col(ContainmentRow.number))
        )
        return [CONTAINMENTS.load(row) for row in (await self._session.execute(query)).mappings()]

    async def claim_targets(self, containment: Containment) -> Containment | None:
        """Take all its targets for writing, or none; return the containment that holds one of them instead, if any.

        Claiming again is harmless. Targets are taken in one order, so that two containments never wait for each other.
        """
        keys = sorted(containment.plan.target_keys)
        if not keys:
            return None
        insert = inserting(self._session, TargetRow).values(
            [{"key": key, "containment_id": containment.id} for key in keys]
        )
        # The update changes nothing: it locks a row that is there, so that its holder cannot let go unseen meanwhile.
        holding = insert.on_conflict_do_update(index_elements=["key"], set_={"key": insert.excluded.key}).returning(
            table_of(TargetRow).c.containment_id
        )
        holders = (await self._session.execute(holding)).scalars().all()
        other = next((holder for holder in holders if holder != containment.id), None)
        if other is None:
            return None
        await self.release_targets(containment.id)
        return await self.get(other)

    async def release_targets(self, containment_id: ContainmentId) -> None:
        """Let go of its targets."""
        await self._session.execute(delete(table_of(TargetRow)).where(col(TargetRow.containment_id) == containment_id))
