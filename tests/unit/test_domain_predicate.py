"""Conditions answer yes, no, or unknown, and say what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.domain.predicate import Facts, Predicate

ADAPTER: TypeAdapter[Predicate] = TypeAdapter(Predicate)


def condition(data: object) -> Predicate:
    return ADAPTER.validate_python(data)


def label(name: str, *values: str) -> dict[str, object]:
    return {"label_is": {"name": name, "any_of": list(values) or ["yes"]}}


YES, NO, UNKNOWN = label("yes"), label("no"), label("unknown")
FACTS = Facts(labels={"yes": "yes", "no": "no"})


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (YES, True),
        (NO, False),
        (UNKNOWN, None),
        ({"all": [YES, YES]}, True),
        ({"all": [YES, UNKNOWN]}, None),
        ({"all": [NO, UNKNOWN]}, False),
        ({"any": [NO, NO]}, False),
        ({"any": [NO, UNKNOWN]}, None),
        ({"any": [YES, UNKNOWN]}, True),
        ({"not": YES}, False),
        ({"not": NO}, True),
        ({"not": UNKNOWN}, None),
        ({"tier_at_most": 1}, None),
        ({"text_mentions": ["harm"]}, False),
    ],
)
def test_a_missing_label_is_unknown_unless_another_part_decides(data: object, answer: bool | None) -> None:  # noqa: FBT001
    assert condition(data).holds(FACTS) is answer


@pytest.mark.parametrize(("tier", "answer"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_tier_at_most_holds_for_more_critical_systems(tier: int, answer: bool) -> None:  # noqa: FBT001
    assert condition({"tier_at_most": 1}).holds(Facts(tier=tier)) is answer


@pytest.mark.parametrize(
    ("phrase", "text", "answer"),
    [
        ("harmful answer", "A HARMFUL answer was seen", True),
        ("harm", "pharmacy", False),
        ("PII", "PIIs", False),
        ("C++", "leaks in C++ code", True),
        ("#ask", "see #ask", True),
        ("a.c", "abc", False),
        ("customer's", "another customer's data", True),
    ],
)
def test_words_are_found_whole_and_in_whatever_case(phrase: str, text: str, answer: bool) -> None:  # noqa: FBT001
    assert condition({"text_mentions": [phrase]}).holds(Facts(text=text)) is answer


def test_only_what_is_not_known_is_missing() -> None:
    asked = condition({"all": [YES, {"not": UNKNOWN}, {"any": [{"tier_at_most": 0}, NO]}]})

    assert asked.missing(FACTS) == ["label `unknown`", "the system's tier"]


def test_a_condition_is_said_in_words() -> None:
    data = {
        "all": [label("reach", "mass", "public"), {"not": {"any": [{"text_mentions": ["x"]}, {"tier_at_most": 1}]}}]
    }

    assert condition(data).describe() == (
        "label `reach` is `mass` or `public` and not (the text mentions `x` or the system is tier 1 or more critical)"
    )


@pytest.mark.parametrize(
    "data",
    [
        True,
        "always",
        {},
        {"matches": ".*"},
        {**YES, "tier_at_most": 1},
        {"all": []},
        {"any": [YES, "never"]},
        {"text_mentions": [""]},
        {"tier_at_most": 4},
        {"label_is": {"name": "x", "any_of": []}},
        {"not": []},
    ],
)
def test_what_is_no_condition_is_refused(data: object) -> None:
    with pytest.raises(ValidationError):
        condition(data)


conditions = st.recursive(
    st.sampled_from(
        [label("a", "1"), label("b", "1", "2"), {"tier_at_most": 1}, {"text_mentions": ["x"]}],
    ),
    lambda part: st.one_of(
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        part.map(lambda inner: {"not": inner}),
    ),
    max_leaves=6,
)
values = st.sampled_from(["1", "2", "3"])
facts = st.builds(
    Facts,
    labels=st.fixed_dictionaries({}, optional={"a": values, "b": values}),
    tier=st.none() | st.integers(0, 3),
    text=st.just("x"),
)


@given(data=conditions, known=facts, a=values, b=values, tier=st.integers(0, 3))
def test_learning_what_was_missing_never_changes_an_answer_that_was_given(
    data: object, known: Facts, a: str, b: str, tier: int
) -> None:
    asked = condition(data)
    learnt = known.changed(labels={"a": a, "b": b, **known.labels}, tier=tier if known.tier is None else known.tier)

    assert asked.holds(learnt) is not None
    if asked.holds(known) is not None:
        assert asked.holds(learnt) is asked.holds(known)
        return
    assert asked.missing(known)


@given(data=conditions)
def test_a_condition_reads_back_from_its_own_json(data: object) -> None:
    asked = condition(data)

    assert ADAPTER.validate_json(ADAPTER.dump_json(asked, by_alias=True)) == asked
