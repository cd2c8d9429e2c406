"""The only reader of the clock; everything else is handed a `now` callable."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current instant as aware UTC."""
    return datetime.now(UTC)
