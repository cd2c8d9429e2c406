"""Which requests were seen."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.store.mapping import table_of
from bot.store.statements import inserting
from bot.store.tables import ReceiptRow


class SqlReceipts:
    """The `Receipts` port."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def first_time(self, key: str, at: datetime) -> bool:
        """Record a request's identity; return whether it is new. Two that arrive at once wait for each other."""
        statement = (
            inserting(self._session, ReceiptRow)
            .values(key=key, at=at)
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(table_of(ReceiptRow).c.key)
        )
        return (await self._session.execute(statement)).first() is not None
