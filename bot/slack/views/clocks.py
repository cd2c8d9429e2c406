"""The two clocks in words: a known time against its target, or why it is not known."""

from bot.domain.clocks import Clock, ClockState
from bot.domain.milestones import Milestones
from bot.domain.values import Instant, human_duration
from bot.slack.text import date


def ttd_words(clock: Clock) -> str:
    """Return TTD: it is unknown until the harm's start is."""
    if clock.elapsed is None:
        target = f" (target {human_duration(clock.target)})" if clock.target else ""
        return f"unknown: nobody knows yet when the harm started{target}"
    return _known(clock)


def ttm_words(clock: Clock, milestones: Milestones) -> str:
    """Return TTM: running since detection, or stopped."""
    if clock.elapsed is None:
        return "unknown: nothing was detected"
    if clock.state is ClockState.RUNNING and milestones.detected:
        return _running(clock, milestones.detected.at)
    return _known(clock)


def _running(clock: Clock, since: Instant) -> str:
    """Return instants instead of an elapsed time: a card is read long after it was rendered."""
    if clock.target is None:
        return f"running since {date(since)}"
    late = " (over target)" if clock.is_late else ""
    return f"running since {date(since)}, target {human_duration(clock.target)}: by {date(since + clock.target)}{late}"


def _known(clock: Clock) -> str:
    elapsed = human_duration(clock.elapsed) if clock.elapsed is not None else "unknown"
    notes = [
        *([f"target {human_duration(clock.target)}"] if clock.target else []),
        *(["over target"] if clock.is_late else []),
        *(["provisional"] if clock.provisional else []),
        *(["attested by a person"] if clock.attested else []),
    ]
    return f"{elapsed} ({', '.join(notes)})" if notes else elapsed
