"""The three column types that make SQLite and PostgreSQL keep the same thing.

`Document` is text and not `jsonb` on purpose: `jsonb` refuses NUL characters and lone surrogates, and a timeline is
hashed over exactly what was said.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

from bot.domain.values import storable


class PlainText(TypeDecorator[str]):
    """Text of a key column.

    What PostgreSQL cannot store (NUL, lone surrogates) becomes a replacement character, in lookups as in writes.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return what is stored."""
        if value is None:
            return None
        return storable(str(value))


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant; SQLite forgets the zone, so it is stored and returned as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return what is stored.

        Raises:
            ValueError: The instant has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return what was stored."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Document(TypeDecorator[Any]):
    """A JSON value as ASCII text: whatever JSON can say is read back exactly."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        """Return what is stored."""
        return json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Return what was stored."""
        return None if value is None else json.loads(value)
