"""Harm signals that are measured by trying: a question is asked when a reading is wanted, and readings are remembered.

They are remembered by this process alone. After a restart, or when another replica takes over, the clean window begins
anew: harm is never taken to have stopped on readings that nobody has.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.sdk import Now, Prober, Sample

_MOST_READINGS = 5_000


class Probing:
    """A signal reader over a prober; see `bot.sdk.SignalReader`."""

    def __init__(self, prober: Prober, now: Now) -> None:
        """Take what asks, and the clock."""
        self._prober = prober
        self._now = now
        self._kept: dict[str, deque[Sample]] = {}

    async def samples(self, query: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Sample]:
        """Return what was measured between two instants, after measuring once more if the span reaches the present.

        Raises:
            IntegrationError: The feature gave no answer that tells.
            Rejected: There is no such question, or it was refused.
        """
        kept = self._kept.get(query, deque(maxlen=_MOST_READINGS))
        at = self._now()
        if start <= at <= end and (not kept or at - kept[-1].at >= step / 2):
            kept.append(Sample(at=at, value=await self._prober.probe(query)))
            self._kept[query] = kept
        return [sample for sample in kept if start <= sample.at <= end]
