"""Reading a harm signal: since when is it clean, and since when was it not."""

from datetime import timedelta

import pytest

from bot.domain.harm import Sample, clean_window, harm_began
from bot.domain.values import human_duration
from tests.builders import NOW, signal

SIGNAL = signal(every="10s", window="30s", below=0.5)


def samples(*values: float | None) -> list[Sample]:
    """Readings ten seconds apart, the last one now; `None` is a gap."""
    start = NOW - timedelta(seconds=10 * (len(values) - 1))
    return [
        Sample(at=start + timedelta(seconds=10 * number), value=value)
        for number, value in enumerate(values)
        if value is not None
    ]


def seconds_ago(seconds: int) -> object:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ((4.0, 4.0, 0.1, 0.1), 10),
        ((0.1, 0.1, 0.1), 20),
        ((4.0, 0.1, 4.0), None),
        ((0.1, 4.0, 0.1), 0),
        ((0.5, 0.1), 0),
        ((0.1, None, None, 0.1, 0.1), 40),
        ((0.1, None, None, None, 0.1, 0.1), 10),
    ],
)
def test_the_clean_run_starts_after_the_last_breach_or_gap(values: tuple[float | None, ...], since: int | None) -> None:
    window = clean_window(SIGNAL, samples(*values), NOW)
    assert window.since == (None if since is None else seconds_ago(since))


def test_no_data_is_never_clean() -> None:
    assert clean_window(SIGNAL, [], NOW).since is None
    stale = clean_window(SIGNAL, samples(0.1, 0.1), NOW + timedelta(seconds=31))
    assert stale.since is None
    assert stale.last is not None


def test_a_window_has_passed_once_the_run_is_as_long() -> None:
    assert not clean_window(SIGNAL, samples(4, 0.1, 0.1, 0.1), NOW).has_passed(SIGNAL.window)
    assert clean_window(SIGNAL, samples(4, 0.1, 0.1, 0.1, 0.1), NOW).has_passed(SIGNAL.window)


@pytest.mark.parametrize(
    ("values", "began"),
    [
        ((0.1, 0.1, 4.0, 4.0), 10),
        ((4.0, 0.1, 4.0, 4.0), 10),
        ((0.1, 4.0, 0.1), 10),
        ((4.0, 4.0, 4.0), None),
        ((0.1, 0.1), None),
        ((), None),
    ],
)
def test_harm_began_with_the_newest_run_unless_that_fills_the_span(
    values: tuple[float, ...], began: int | None
) -> None:
    assert harm_began(SIGNAL, samples(*values)) == (None if began is None else seconds_ago(began))


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 h 5 min"),
        (timedelta(hours=2, seconds=9), "2 h"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
        (-timedelta(minutes=1), "-1 min"),
    ],
)
def test_durations_are_said_in_two_units_at_most(duration: timedelta, said: str) -> None:
    assert human_duration(duration) == said
