"""Reading a harm signal: since when is it clean, and since when was it not.

No data is not good news: a stretch without samples is never clean.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.system import HarmSignal
from bot.domain.values import Instant, Value

# A sample may be missed now and then; more than this many in a row end a clean window.
_MISSED_SAMPLES = 3


class Sample(Value):
    """One reading of a harm signal."""

    at: Instant
    value: float


class CleanWindow(Value):
    """What the samples since a change say.

    Attributes:
        since: First sample of the unbroken clean run that reaches the present; `None` when there is none.
        last: The newest sample; `None` when there is none.
    """

    since: Instant | None
    last: Sample | None

    def has_passed(self, window: timedelta) -> bool:
        """Whether the clean run is as long as the window."""
        return self.since is not None and self.last is not None and self.last.at - self.since >= window


def clean_window(signal: HarmSignal, readings: Sequence[Sample], now: Instant) -> CleanWindow:
    """Return the clean run that reaches the present; a gap of more than three samples breaks it."""
    tolerance = signal.every * _MISSED_SAMPLES
    last = readings[-1] if readings else None
    if last is None or now - last.at > max(tolerance, timedelta(seconds=5)):
        return CleanWindow(since=None, last=last)
    since: Instant | None = None
    newer = last.at
    for reading in reversed(readings):
        if reading.value >= signal.below or newer - reading.at > tolerance:
            break
        since = newer = reading.at
    return CleanWindow(since=since, last=last)


def harm_began(signal: HarmSignal, readings: Sequence[Sample]) -> Instant | None:
    """Return the first sample of the newest unbroken run at or above the threshold; `None` when that is not known.

    It is not known when no sample is that high, or when the run fills the span and so began before it.
    """
    began: Instant | None = None
    for reading in reversed(readings):
        if reading.value >= signal.below:
            began = reading.at
        elif began is not None:
            return began
    return None
