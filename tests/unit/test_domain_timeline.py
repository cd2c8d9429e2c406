"""The chain: whatever is done to it shows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.timeline import GENESIS, REDACTED, TimelineEvent, append, chain_problems, sign_head
from tests.builders import INCIDENT_ID, NOW, fact


def chain(length: int = 4) -> list[TimelineEvent]:
    events: list[TimelineEvent] = []
    for number in range(length):
        last = events[-1] if events else None
        events.append(append(INCIDENT_ID, last, fact(text=f"fact {number}"), recorded_at=NOW, salt=f"{number:032x}"))
    return events


def test_a_chain_that_nobody_touched_verifies() -> None:
    events = chain()
    assert chain_problems(events) == []
    assert events[0].previous == GENESIS
    assert [event.seq for event in events] == [1, 2, 3, 4]


def test_an_event_recorded_while_the_clock_is_behind_keeps_up_with_the_one_before() -> None:
    first = append(INCIDENT_ID, None, fact(text="first"), recorded_at=NOW, salt="a" * 32)
    behind = NOW - timedelta(minutes=3)
    second = append(INCIDENT_ID, first, fact(text="second", at=behind), recorded_at=behind, salt="b" * 32)
    assert second.recorded_at == NOW
    assert second.at == behind
    assert chain_problems([first, second]) == []


def test_an_empty_chain_verifies() -> None:
    assert chain_problems([]) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "something.else"),
        ("at", NOW.replace(year=2025)),
        ("recorded_at", NOW.replace(year=2025)),
        ("content", {"text": "nothing happened", "payload": {}}),
        ("commitment", "0" * 64),
        ("previous", "1" * 64),
        ("hash", "2" * 64),
        ("salt", "f" * 32),
    ],
)
def test_a_changed_field_shows(field: str, value: object) -> None:
    events = chain()
    events[1] = events[1].changed(**{field: value})
    assert chain_problems(events)


@given(st.integers(0, 3))
def test_a_removed_event_shows_unless_it_was_the_last(index: int) -> None:
    events = chain()
    del events[index]
    assert bool(chain_problems(events)) is (index != 3)


@given(st.permutations(range(4)))
def test_events_in_another_order_show(order: list[int]) -> None:
    events = chain()
    assert bool(chain_problems([events[index] for index in order])) is (order != [0, 1, 2, 3])


def test_a_cut_tail_shows_against_the_signed_head() -> None:
    events, key = chain(), b"kept elsewhere"
    signed = sign_head(events[-1], key)
    assert sign_head(events[-2], key) != signed
    assert sign_head(events[-1], b"another key") != signed
    assert sign_head(chain()[-1], key) == signed


def with_a_note(events: list[TimelineEvent], *erased: int) -> list[TimelineEvent]:
    """Add the event that says which ones are erased."""
    note = fact(kind=REDACTED, payload={"events": list(erased), "policy_version": 1})
    return [*events, append(INCIDENT_ID, events[-1], note, recorded_at=NOW, salt="e" * 32)]


def test_a_redacted_event_leaves_the_chain_valid_and_says_nothing() -> None:
    events = with_a_note(chain(), 2)
    events[1] = events[1].redacted()
    assert chain_problems(events) == []
    assert (events[1].text, events[1].payload) == ("(redacted: note.added)", {})


def test_content_that_was_erased_without_a_word_shows() -> None:
    events = with_a_note(chain(), 2)
    events[1], events[2] = events[1].redacted(), events[2].redacted()
    assert chain_problems(events) == ["the content of event 3 was erased, and no later event says so"]


def test_an_event_that_says_beforehand_that_another_is_erased_does_not_count() -> None:
    events = with_a_note(chain(1), 3)
    events = [*events, append(INCIDENT_ID, events[-1], fact(text="last"), recorded_at=NOW, salt="d" * 32)]
    events[2] = events[2].redacted()
    assert chain_problems(events) == ["the content of event 3 was erased, and no later event says so"]


def test_content_that_was_changed_and_its_salt_removed_shows() -> None:
    events = chain()
    events[1] = events[1].changed(content={"text": "nothing happened", "payload": {}}, salt=None)
    assert chain_problems(events) == ["the content of event 2 was changed after it was recorded"]


def test_text_with_half_a_surrogate_pair_can_be_recorded() -> None:
    event = append(INCIDENT_ID, None, fact(text="broken \ud83d text"), recorded_at=NOW, salt="0" * 32)
    assert chain_problems([event]) == []
