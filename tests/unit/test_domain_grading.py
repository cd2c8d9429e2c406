"""The shipped rubric, judged by hand: each row of the tables was worked out on paper from the rubric's text."""

import itertools
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.answers import Answers, contradictions, read_answers
from bot.domain.grading import assumed_ranks, classify_answers, grade, revised
from bot.domain.questions import classify, open_questions
from bot.domain.severity import Severity
from bot.errors import BadCommand
from tests.builders import rubric

RUBRIC = rubric()
SEV1, SEV2, SEV3, SEV4 = Severity
HARMLESS: dict[str, Any] = {
    "tier": 2,
    "reached_anyone": True,
    "people": 0,
    "rights": 0,
    "data": 0,
    "action": 0,
    "operations": 0,
    "containment": "none",
    "spread": "few",
    "growing": False,
    "exploitability": "accident",
}
PEOPLE = (
    "nothing",
    "inconvenience that is easily put right",
    "an injury that is not grave, serious distress, or dangerous advice that nobody followed",
    "a grave injury, a credible link to self-harm or violence, a minor sexualised, or one plausible death",
    "a death, or many people gravely injured",
)
FEW_RECIPIENTS = "personal or confidential data, to few recipients who are known"
DIMENSIONS = ("people", "rights", "data", "action", "operations")
LAST = {question.id: len(question.answers) - 1 for question in RUBRIC.questions}
FACTS = [fact.id for fact in RUBRIC.facts]
some_ranks = st.fixed_dictionaries({}, optional={name: st.integers(0, last) for name, last in LAST.items()})
some_facts = st.frozensets(st.sampled_from(FACTS), max_size=2)


def answers(**given: Any) -> Answers:
    return read_answers(RUBRIC, given)


def severity(**given: Any) -> Severity:
    return classify_answers(RUBRIC, answers(**given)).severity


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize(("level", "expected"), [(0, SEV4), (1, SEV4), (2, SEV3), (3, SEV2), (4, SEV1)])
def test_the_worst_dimension_sets_the_severity(dimension: str, level: int, expected: Severity) -> None:
    assert severity(**{**HARMLESS, dimension: level}) is expected


def test_many_small_harms_are_not_added_up() -> None:
    assert severity(**{**HARMLESS, **dict.fromkeys(DIMENSIONS, 2)}) is SEV3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # What makes it worse does so by one level, from level 2 on, and only while it is not known to be contained.
        ({"people": 2, "spread": "mass"}, SEV2),
        ({"people": 2, "spread": "public"}, SEV2),
        ({"people": 2, "spread": "many"}, SEV3),
        ({"people": 2, "spread": None}, SEV3),
        ({"people": 2, "growing": True}, SEV2),
        ({"people": 2, "growing": True, "containment": "partial"}, SEV2),
        ({"people": 2, "growing": True, "containment": None}, SEV2),
        ({"people": 2, "growing": True, "containment": "contained"}, SEV3),
        ({"people": 1, "growing": True, "spread": "public"}, SEV4),
        ({"people": 2, "tier": 0}, SEV2),
        ({"people": 2, "tier": 1}, SEV3),
        ({"people": 2, "tier": 0, "containment": "contained"}, SEV3),
        ({"people": 2, "tier": 0, "growing": True, "spread": "public"}, SEV2),
        ({"people": 4, "tier": 0, "growing": True}, SEV1),
        # An unknown dimension counts 2, and 3 where the tier is 0 or 1.
        ({"people": None}, SEV3),
        ({"people": None, "tier": None}, SEV3),
        ({"people": None, "tier": 3}, SEV3),
        ({"people": None, "tier": 1}, SEV2),
        ({"people": None, "tier": 0}, SEV1),
        ({"people": None, "tier": 0, "containment": "contained"}, SEV2),
        # What reached nobody is a hazard, whatever surrounds it.
        ({"people": 3, "reached_anyone": False, "growing": True, "tier": 0}, SEV4),
        ({"people": 4, "reached_anyone": False, "growing": True, "tier": 0}, SEV3),
        ({"people": None, "tier": 0, "reached_anyone": False}, SEV4),
        ({"people": 4, "reached_anyone": None}, SEV1),
        # Data of the worst level is Sev-1 in the wild although it reached nobody that was asked about.
        ({"data": 4, "reached_anyone": False, "exploitability": "wild_interaction"}, SEV1),
        ({"data": 4, "reached_anyone": False, "exploitability": "wild_zero_click"}, SEV1),
        ({"data": 4, "reached_anyone": False, "exploitability": "researcher"}, SEV3),
        ({"data": 4, "reached_anyone": False, "exploitability": None}, SEV3),
        ({"data": 3, "reached_anyone": False, "exploitability": "wild_zero_click"}, SEV4),
    ],
)
def test_what_surrounds_the_harm(given: dict[str, Any], expected: Severity) -> None:
    assert severity(**{**HARMLESS, **given}) is expected


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("death", SEV1),
        ("grave_injury", SEV1),
        ("minor_sexual_content", SEV1),
        ("critical_infrastructure", SEV1),
        ("weights_exfiltrated", SEV1),
        ("agent_uncontained_irreversible", SEV1),
        ("zero_click_exfiltration_confirmed", SEV1),
        ("cross_user_pii_confirmed", SEV2),
        ("protected_group_systematic", SEV2),
        ("malicious_artifact_executed", SEV2),
        ("universal_jailbreak_public", SEV2),
        ("red_team_reproduced_in_prod", SEV3),
        ("guardrail_fail_open", SEV4),
    ],
)
def test_a_confirmed_fact_wins_over_answers_and_over_reaching_nobody(fact: str, expected: Severity) -> None:
    harmless = {**HARMLESS, "reached_anyone": False, "containment": "auto_blocked"}

    assert severity(**harmless, facts={fact: True}) is expected
    assert severity(**harmless, facts={fact: False}) is SEV4
    assert severity(**harmless, facts={fact: None}) is SEV4


@pytest.mark.parametrize(("tier", "expected"), [(0, SEV2), (1, SEV2), (2, SEV4), (3, SEV4), (None, SEV4)])
def test_a_guardrail_that_fails_open_is_sev_2_on_a_critical_system(tier: int | None, expected: Severity) -> None:
    assert severity(**{**HARMLESS, "tier": tier}, facts={"guardrail_fail_open": True}) is expected


def test_the_shipped_table_covers_every_fact() -> None:
    assert len(FACTS) == 13


def test_a_severity_is_explained() -> None:
    given = {
        **HARMLESS,
        "people": 3,
        "rights": 2,
        "tier": 0,
        "spread": None,
        "facts": {"cross_user_pii_confirmed": True},
    }

    found = classify(RUBRIC, answers(**given))

    assert found.severity is SEV1
    assert [(rule.id, rule.severity) for rule in found.rules] == [
        ("most-critical-system", SEV1),
        ("cross-user-data", SEV2),
        ("people-3", SEV2),
    ]
    assert found.unknown == ("spread",)
    assert found.provisional
    assert found.rubric_version == RUBRIC.version
    used = {each.question: each.answer for each in found.answers}
    assert used == {
        **{name: value for name, value in given.items() if name not in {"spread", "facts"}},
        **given["facts"],
    }


def test_an_unknown_dimension_says_what_it_counts_as() -> None:
    rule = next(rule for rule in classify(RUBRIC, answers(tier=1)).rules if rule.id == "data-unknown")

    assert rule.because == (
        "Data: nobody answered, which counts as 3 (personal data across users or tenants, credentials, health data or "
        "another special category)"
    )


def test_what_reached_nobody_says_so() -> None:
    found = classify(RUBRIC, answers(**{**HARMLESS, "people": 4, "reached_anyone": False}))

    assert [(rule.id, rule.severity) for rule in found.rules] == [("near-miss", SEV3), ("people-4", SEV3)]
    assert not found.provisional


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"people": 2},
            [
                f"Sev-2 if `people` is 3 ({PEOPLE[3]})",
                "Sev-2 if `growing` is true (it still grows)",
                "Sev-4 if `reached_anyone` is false (it was stopped before it reached anybody or anything)",
                "Sev-4 if `people` is 1 (inconvenience that is easily put right)",
            ],
        ),
        (
            {"people": 3, "data": 3, "containment": "contained"},
            [
                "Sev-1 if `people` is 4 (a death, or many people gravely injured)",
                "Sev-1 if `data` is 4 (special categories in bulk, model weights, or secrets that open further doors)",
                f"Sev-3 if `people` is 2 ({PEOPLE[2]}) and `data` is 2 ({FEW_RECIPIENTS})",
            ],
        ),
        ({"facts": {"death": True}}, ["Sev-4 if `death` is withdrawn (somebody died)"]),
        (
            {"reached_anyone": False, "people": 2},
            [
                "Sev-3 if `reached_anyone` is true (it reached somebody or something)",
            ],
        ),
    ],
)
def test_the_smallest_change_that_would_move_it(given: dict[str, Any], expected: list[str]) -> None:
    found = classify(RUBRIC, answers(**{**HARMLESS, **given}))

    assert list(found.would_change) == expected


@given(ranks=some_ranks, facts=some_facts, data=st.data())
def test_a_worse_answer_never_lowers_severity(
    ranks: dict[str, int], facts: frozenset[str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(LAST)))
    milder = data.draw(st.integers(0, LAST[name] - 1))
    before = grade(RUBRIC, {**ranks, name: milder}, facts).severity

    assert grade(RUBRIC, {**ranks, name: milder + 1}, facts).severity.at_least(before)


@given(ranks=some_ranks, facts=some_facts, fact=st.sampled_from(FACTS))
def test_confirming_a_fact_never_lowers_severity(ranks: dict[str, int], facts: frozenset[str], fact: str) -> None:
    assert grade(RUBRIC, ranks, facts | {fact}).severity.at_least(grade(RUBRIC, ranks, facts).severity)


@given(ranks=some_ranks, facts=some_facts, name=st.sampled_from(sorted(LAST)))
def test_withdrawing_an_answer_at_most_its_default_never_lowers_severity(
    ranks: dict[str, int], facts: frozenset[str], name: str
) -> None:
    without = {each: rank for each, rank in ranks.items() if each != name}
    assume(name in ranks and ranks[name] <= assumed_ranks(RUBRIC, without)[name])

    before = grade(RUBRIC, ranks, facts).severity

    assert grade(RUBRIC, without, facts).severity.at_least(before)


@given(ranks=some_ranks, facts=some_facts)
def test_floors_hold(ranks: dict[str, int], facts: frozenset[str]) -> None:
    found = grade(RUBRIC, ranks, facts)

    assert all(found.severity.at_least(floor.at_least) for floor in found.floors)
    if facts & {"death", "weights_exfiltrated"}:
        assert found.severity is SEV1


@given(ranks=some_ranks, facts=some_facts, data=st.data())
def test_the_order_of_answers_is_irrelevant(ranks: dict[str, int], facts: frozenset[str], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(sorted(ranks.items()))))
    in_other_order = Answers(ranks=shuffled, facts=dict.fromkeys(sorted(facts, reverse=True), True))

    assert classify(RUBRIC, in_other_order) == classify(
        RUBRIC, Answers(ranks=ranks, facts=dict.fromkeys(sorted(facts), True))
    )


@given(ranks=some_ranks, facts=some_facts)
def test_what_would_change_it_names_other_severities_alone(ranks: dict[str, int], facts: frozenset[str]) -> None:
    found = classify(RUBRIC, Answers(ranks=ranks, facts=dict.fromkeys(facts, True)))

    assert not any(each.startswith(found.severity.label) for each in found.would_change)
    assert found.severity is SEV1 or found.would_change


few_unknown = st.lists(st.sampled_from(sorted(LAST)), min_size=1, max_size=4, unique=True)
all_ranks = st.fixed_dictionaries({name: st.integers(0, last) for name, last in LAST.items()})


@given(ranks=all_ranks, unknown=few_unknown, facts=some_facts)
def test_exactly_the_questions_that_can_change_the_result_are_open(
    ranks: dict[str, int], unknown: list[str], facts: frozenset[str]
) -> None:
    known = Answers(
        ranks={name: rank for name, rank in ranks.items() if name not in unknown}, facts=dict.fromkeys(facts, True)
    )
    results = {
        combination: grade(RUBRIC, {**known.ranks, **dict(zip(unknown, combination, strict=True))}, facts).severity
        for combination in itertools.product(*(range(LAST[name] + 1) for name in unknown))
    }
    matters = {
        name
        for place, name in enumerate(unknown)
        if any(results[each] is not results[(*each[:place], 0, *each[place + 1 :])] for each in results)
    }

    assert {question.id for question in open_questions(RUBRIC, known)} == matters


def test_nothing_is_asked_once_a_death_is_confirmed() -> None:
    assert open_questions(RUBRIC, answers(facts={"death": True})) == ()


def test_questions_are_asked_in_the_rubrics_order_and_the_tier_first() -> None:
    asked = [question.id for question in open_questions(RUBRIC, Answers())]

    assert asked == [question.id for question in RUBRIC.questions]
    assert asked[0] == "tier"


def test_answers_that_cannot_both_be_true_are_asked_about() -> None:
    asked = contradictions(RUBRIC, answers(**{**HARMLESS, "containment": "auto_blocked"}))

    assert [each.split("(")[0] for each in asked] == ["Was it blocked before any user "]
    assert contradictions(RUBRIC, answers(containment="auto_blocked", reached_anyone=False)) == ()
    assert contradictions(RUBRIC, answers(containment="auto_blocked")) == ()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"people": 5}, "people must be one of 0, 1, 2, 3, 4, or null while it is unknown, not 5"),
        ({"people": True}, "people must be one of 0, 1, 2, 3, 4, or null while it is unknown, not true"),
        ({"people": 3.0}, "people must be one of 0, 1, 2, 3, 4, or null while it is unknown, not 3.0"),
        ({"growing": 1}, "growing must be one of false, true, or null while it is unknown, not 1"),
        ({"tier": "0"}, 'tier must be one of 3, 2, 1, 0, or null while it is unknown, not "0"'),
        ({"facts": ["death"]}, "facts must be an object of facts that are true or false"),
        ({"facts": {"death": "yes"}}, 'the fact death must be true, false or null, not "yes"'),
    ],
)
def test_an_answer_that_does_not_exist_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadCommand) as refused:
        answers(**given)

    assert str(refused.value) == problem


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadCommand) as refused:
        answers(poeple=1, data=9, facts={"deaths": True})

    assert [problem.split(";")[0].split(",")[0] for problem in str(refused.value).split("; ")] == [
        'there is no question "poeple"',
        "there are: tier",
        "data must be one of 0",
        'there is no fact "deaths"',
        "there are: agent_uncontained_irreversible",
    ]


def test_severity_rises_at_once_and_falls_by_one_level_on_evidence() -> None:
    assert revised(RUBRIC, SEV4, answers(**{**HARMLESS, "people": 4}), "") is SEV1
    assert revised(RUBRIC, SEV1, answers(**HARMLESS), "the log shows that nobody saw it") is SEV2
    assert revised(RUBRIC, SEV2, answers(**HARMLESS), "the log shows that nobody saw it") is SEV3
    assert revised(RUBRIC, SEV4, answers(**HARMLESS), "") is SEV4


def test_severity_does_not_fall_without_evidence() -> None:
    with pytest.raises(BadCommand, match="Say what new evidence makes it milder"):
        revised(RUBRIC, SEV1, answers(**HARMLESS), " \u200b")


def test_severity_does_not_fall_below_a_floor_that_still_holds() -> None:
    assert revised(RUBRIC, SEV1, answers(**HARMLESS, facts={"death": True}), "he may have died otherwise") is SEV1
