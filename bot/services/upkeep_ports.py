"""What the upkeep of the database needs from the outside; see `ports.py` for the rules."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.evidence import Evidence
from bot.domain.retention import DataClass
from bot.domain.values import IncidentId


class Recurrences(Protocol):
    """Up to which instant the jobs of what recurs were enqueued."""

    async def since(self, job: str, at: datetime) -> datetime:
        """Return the last instant noted, locked; note and return `at` when there is none."""
        ...

    async def note(self, job: str, at: datetime) -> None:
        """Note that the jobs up to an instant are enqueued."""
        ...


class Leftovers(Protocol):
    """What is stored beyond its time, by class of data; nothing of an open incident, nor of a number on hold."""

    async def overwrite(self) -> None:
        """Have what this transaction removes overwritten, where the database would otherwise leave it in its file."""
        ...

    async def count(self, what: DataClass, before: datetime, hold: Collection[int]) -> int:
        """Return how many rows of a class are beyond their time; for personal data, incidents."""
        ...

    async def remove(self, what: DataClass, before: datetime, hold: Collection[int], *, most: int, at: datetime) -> int:
        """Remove some rows of a class, or what was written in them; return how many."""
        ...

    async def evidence(self, before: datetime, hold: Collection[int], *, most: int) -> Sequence[Evidence]:
        """Return some evidence whose content is beyond its time, in the order of its incidents."""
        ...

    async def incidents_with_words(
        self, before: datetime, hold: Collection[int], *, after: int, most: int
    ) -> Sequence[tuple[int, IncidentId]]:
        """Return number and id of incidents that still hold words beyond their time, with numbers above `after`."""
        ...

    async def has_words(self, incident_id: IncidentId, before: datetime, hold: Collection[int]) -> bool:
        """Return whether an incident is one of those."""
        ...


class FinishedJobs(Protocol):
    """Durable jobs that ended."""

    async def forget(self, before: datetime, *, most: int) -> int:
        """Forget some that ended before an instant; return how many."""
        ...
