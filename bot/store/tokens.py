"""Personal tokens: a digest each, never what people present."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from bot.domain.token import Token
from bot.store.mapping import table_of
from bot.store.tables import TokenRow

_TABLE = table_of(TokenRow)


class SqlTokens:
    """The `Tokens` port; every field has a column of its own."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, token: Token) -> None:
        """Store a new one."""
        await self._session.execute(_TABLE.insert().values(token.model_dump()))

    async def save(self, token: Token) -> None:
        """Store one as it is now."""
        await self._session.execute(
            update(_TABLE).where(col(TokenRow.name) == token.name).values(token.model_dump(exclude={"name"}))
        )

    async def find(self, name: str) -> Token | None:
        """Return one by its name, if it is there."""
        row = (await self._session.execute(select(_TABLE).where(col(TokenRow.name) == name))).mappings().first()
        return _loaded(row) if row else None

    async def in_force_of(self, user_id: str, at: datetime) -> Sequence[Token]:
        """Return the tokens of a person that are in force, oldest first."""
        query = (
            select(_TABLE)
            .where(
                col(TokenRow.user_id) == user_id,
                col(TokenRow.revoked_at).is_(None),
                col(TokenRow.expires_at) > at,
            )
            .order_by(col(TokenRow.issued_at), col(TokenRow.name))
        )
        return [_loaded(row) for row in (await self._session.execute(query)).mappings()]


def _loaded(row: RowMapping) -> Token:
    return Token.model_validate(dict(row))
