"""Arranges messages as a page shows them: days apart, and an author's name once over several messages in a row."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.workspace.wire import Json

_TOGETHER_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, `day` if a new day starts above it, and whether it continues the one above."""

    message: Json
    day: datetime | None
    continues: bool


def arrange(messages: list[Json]) -> list[Entry]:
    """Return the messages, oldest first, as the entries of a page."""
    entries: list[Entry] = []
    above: Json | None = None
    for message in messages:
        at = _instant(message)
        new_day = above is None or _instant(above).date() != at.date()
        continues = above is not None and not new_day and _same_breath(above, message)
        entries.append(Entry(message, at if new_day else None, continues))
        above = message
    return entries


def _same_breath(above: Json, message: Json) -> bool:
    return (
        above["user"] == message["user"]
        and above.get("subtype") == message.get("subtype")
        and above["ephemeral"] == message["ephemeral"]
        and _instant(message) - _instant(above) < _TOGETHER_WITHIN
    )


def _instant(message: Json) -> datetime:
    return datetime.fromtimestamp(float(message["ts"]), UTC)
