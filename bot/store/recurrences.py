"""Up to which instant the jobs of what recurs were enqueued."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.store.mapping import table_of
from bot.store.statements import inserting
from bot.store.tables import RecurrenceRow

_TABLE = table_of(RecurrenceRow)


class SqlRecurrences:
    """The `Recurrences` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def since(self, job: str, at: datetime) -> datetime:
        """Return the last instant noted, locked until the commit; note and return `at` when there is none."""
        insert = inserting(self._session, RecurrenceRow).values(job=job, at=at)
        # The update changes nothing: it locks the row that is there, so that another replica waits.
        statement = insert.on_conflict_do_update(index_elements=["job"], set_={"job": job}).returning(_TABLE.c.at)
        found: datetime = (await self._session.execute(statement)).scalar_one()
        return found

    async def note(self, job: str, at: datetime) -> None:
        """Note that the jobs up to an instant are enqueued."""
        await self._session.execute(_TABLE.update().where(col(RecurrenceRow.job) == job).values(at=at))
