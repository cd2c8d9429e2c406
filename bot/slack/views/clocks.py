"""The two clocks in words: a known time against its target, or why it is not known."""

from bot.domain.clocks import Clock, ClockState
from bot.domain.milestones import Milestones
from bot.domain.values import human_duration
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
        return f"{_known(clock)}, running since {date(milestones.detected.at)}"
    return _known(clock)


def _known(clock: Clock) -> str:
    elapsed = human_duration(clock.elapsed) if clock.elapsed is not None else "unknown"
    target = f" of {human_duration(clock.target)}" if clock.target else ""
    notes = [
        *(["over target"] if clock.is_late else []),
        *(["provisional"] if clock.provisional else []),
        *(["attested by a person"] if clock.attested else []),
    ]
    return f"{elapsed}{target} ({', '.join(notes)})" if notes else f"{elapsed}{target}"
