"""Taking back the lower of two changes of one target."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.stack import take_from_under
from bot.domain.values import JsonObject
from tests.builders import change

STATES = st.fixed_dictionaries(
    {"enabled": st.booleans(), "weights": st.dictionaries(st.sampled_from("abc"), st.integers(0, 3))}
)


def test_what_the_younger_one_wrote_stays_and_its_undo_leads_to_what_the_older_one_found() -> None:
    older = change(before={"variation": "v42", "on": True}, after={"variation": "v41", "on": True})
    younger = change(before={"variation": "v41", "on": True}, after={"variation": "v40", "on": True})
    found = take_from_under(older, [younger])
    assert found.target == {"variation": "v40", "on": True}
    assert found.above[0].before == {"variation": "v42", "on": True}
    assert found.above[0].after == {"variation": "v40", "on": True}


def test_what_only_the_older_one_wrote_goes_back() -> None:
    older = change(before={"variation": "v42", "on": True}, after={"variation": "v41", "on": True})
    younger = change(before={"variation": "v41", "on": True}, after={"variation": "v41", "on": False})
    found = take_from_under(older, [younger])
    assert found.target == {"variation": "v42", "on": False}
    assert found.above[0].before == {"variation": "v42", "on": True}
    assert found.above[0].after == {"variation": "v42", "on": False}


def test_a_leaf_that_the_older_one_added_is_gone_again() -> None:
    older = change(before={"rules": {}}, after={"rules": {"block": "x"}})
    younger = change(before={"rules": {"block": "x"}}, after={"rules": {"block": "x", "limit": 3}})
    found = take_from_under(older, [younger])
    assert found.target == {"rules": {"limit": 3}}
    assert found.above[0].before == {"rules": {}}


@given(first=STATES, second=STATES, third=STATES, fourth=STATES)
def test_undoing_what_is_left_leads_back_to_the_beginning(
    first: JsonObject, second: JsonObject, third: JsonObject, fourth: JsonObject
) -> None:
    older = change(before=first, after=second)
    stack = [change(before=second, after=third), change(before=third, after=fourth)]
    found = take_from_under(older, stack)
    assert found.above[0].before == first
    assert found.above[0].after == found.above[1].before
    assert found.above[1].after == found.target


@given(first=STATES, second=STATES, third=STATES)
def test_taking_back_a_change_that_did_nothing_changes_nothing(
    first: JsonObject, second: JsonObject, third: JsonObject
) -> None:
    younger = change(before=first, after=second)
    found = take_from_under(change(before=first, after=first), [younger, change(before=second, after=third)])
    assert found.target == third
    assert found.above[0] == younger
