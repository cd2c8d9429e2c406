"""A rubric that would misjudge is refused: every mistake at once, with file and line."""

from pathlib import Path

import pytest

from bot.content import load
from tests.unit.content.sample import ACTIONS, RUBRIC, Mistake, change, problems, write

FILE = "playbooks/rules/severity.yaml"
MISTAKES = {
    "a dimension with a missing level": Mistake(
        FILE,
        "levels: [nobody, somebody, many]",
        "levels: [nobody, many]",
        "15: questions[1].levels",
        "there are 2 levels here and 3 in `severity_by_level`",
    ),
    "a floor that names an unknown fact": Mistake(
        FILE,
        "      fact: death\n",
        "      fact: deaths\n",
        "46: floors[0].when.fact",
        "there is no fact `deaths`",
    ),
    "a floor that names an unknown answer": Mistake(
        FILE,
        "      fact: death\n",
        "      answer_at_least: {people: 7}\n",
        "46: floors[0].when.answer_at_least.people",
        "`people` has no answer `7`; it has: 0, 1, 2",
    ),
    "a floor that would be lost with an answer that is no worse than none": Mistake(
        FILE,
        "      fact: death\n",
        "      answer_at_least: {people: 1}\n",
        "46: floors[0].when.answer_at_least.people",
        "a floor must ask for more than what counts while nobody answered",
    ),
    "a rule that names an unknown question": Mistake(
        FILE,
        "              - answer_at_least: {people: 1}\n",
        "              - answer_at_least: {persons: 1}\n",
        "40: raises.rules[0].when.all[1].any[0].answer_at_least.persons",
        "there is no question `persons`",
    ),
    "a fact that is asked like a question": Mistake(
        FILE,
        "              - answer_at_least: {people: 1}\n",
        "              - answer_at_least: {death: true}\n",
        "40: raises.rules[0].when.all[1].any[0].answer_at_least.death",
        "`death` is a fact; write `fact: death`",
    ),
    "a truth that is written as a number": Mistake(
        FILE,
        "    unknown_as: true\n",
        "    unknown_as: 1\n",
        "10: questions[0].unknown_as",
        "`reached` has no answer `1`; it has: false, true",
    ),
    "an answer that is a list": Mistake(
        FILE,
        "    unknown_as: true\n",
        "    unknown_as: [true]\n",
        "10: questions[0].unknown_as",
        "must be text, a whole number, true or false",
    ),
    "two answers that are the same": Mistake(
        FILE,
        "      - {value: true, means: somebody}\n",
        "      - {value: true, means: somebody}\n      - {value: true, means: everybody}\n",
        "10: questions[0].answers_from_mildest[2].value",
        "`true` is there already, at playbooks/rules/severity.yaml:9",
    ),
    "two facts with one name": Mistake(
        FILE,
        "  - {id: rumour, means: somebody heard of it}\n",
        "  - {id: rumour, means: somebody heard of it}\n  - {id: death, means: dead}\n",
        "19: facts[2].id",
        "`death` is there already, at playbooks/rules/severity.yaml:17",
    ),
    "two rules with one id": Mistake(
        FILE,
        "  - id: somebody-died\n",
        "  - id: known-outside\n",
        "43: floors[0].id",
        "`known-outside` is there already, at playbooks/rules/severity.yaml:34",
    ),
    "the name under which facts stand": Mistake(
        FILE,
        "  - {id: rumour, means: somebody heard of it}\n",
        "  - {id: rumour, means: somebody heard of it}\n  - {id: facts, means: any}\n",
        "19: facts[2].id",
        "`facts` is the name under which facts stand; choose another",
    ),
    "a level that is milder than the one before": Mistake(
        FILE,
        "severity_by_level: [SEV4, SEV3, SEV1]",
        "severity_by_level: [SEV3, SEV4, SEV1]",
        "19: severity_by_level[1]",
        "level 1 would be milder than level 0",
    ),
    "a near miss that is worse than the harm": Mistake(
        FILE,
        "  severity_by_level: [SEV4, SEV4, SEV3]",
        "  severity_by_level: [SEV4, SEV2, SEV1]",
        "29: near_miss.severity_by_level[1]",
        "a near miss of level 1 would be worse than the harm itself",
    ),
    "a near miss with a level too few": Mistake(
        FILE,
        "  severity_by_level: [SEV4, SEV4, SEV3]",
        "  severity_by_level: [SEV4, SEV4]",
        "29: near_miss.severity_by_level",
        "there are 2 levels here and 3 in `severity_by_level`",
    ),
    "a rule that begins at no level": Mistake(
        FILE,
        "      from_level: 1\n",
        "      from_level: 3\n",
        "35: raises.rules[0].from_level",
        "there is no level 3; the worst is 2",
    ),
    "an unknown that counts less where it should count more": Mistake(
        FILE,
        "  level: 0\n",
        "  level: 2\n",
        "23: unknown_dimension.worse.level",
        "it is milder than the usual level",
    ),
    "an unknown that rests on what may be unknown itself": Mistake(
        FILE,
        "    when:\n      answer_at_least: {reached: true}\n",
        "    when:\n      answer_at_least: {people: 2}\n",
        "24: unknown_dimension.worse.when",
        "what an unknown dimension counts as can rest on modifiers alone",
    ),
    "a contradiction with an answer that nobody can give": Mistake(
        FILE,
        "{death: true, reached: false}",
        "{death: 1, reached: false}",
        "50: contradictions[0].answers.death",
        "`death` is a fact: true or false",
    ),
    "a condition that does not exist": Mistake(
        FILE,
        "      fact: death\n",
        "      not: {fact: death}\n",
        "45: floors[0].when",
        "a condition has exactly one of the keys all, any, answer_at_least, fact",
    ),
    "a question of no kind": Mistake(
        FILE,
        "  - kind: dimension\n",
        "  - kind: feeling\n",
        "11: questions[1]",
        "the field `kind` must be one of 'dimension', 'modifier'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_at_its_line(root: Path, name: str) -> None:
    expected = MISTAKES[name].made_in(root)

    assert problems(root) == [expected]


def test_all_mistakes_of_a_rubric_come_at_once(root: Path) -> None:
    expected = [
        MISTAKES[name].made_in(root)
        for name in (
            "a dimension with a missing level",
            "an unknown that counts less where it should count more",
            "a rule that begins at no level",
            "two rules with one id",
            "a floor that names an unknown fact",
            "a contradiction with an answer that nobody can give",
        )
    ]

    assert problems(root) == expected


def test_a_rubric_without_a_dimension_is_a_mistake(root: Path) -> None:
    text = RUBRIC[: RUBRIC.index("  - kind: dimension")] + RUBRIC[RUBRIC.index("facts:") :]
    (root / FILE).write_text(text.replace("answer_at_least: {people: 1}", "fact: death"), encoding="utf-8")

    assert problems(root) == [f"{FILE}:2: questions: no question is a dimension: nothing could be harmed"]


def test_a_root_without_a_rubric_is_a_mistake(root: Path) -> None:
    (root / FILE).unlink()

    assert problems(root) == [f"{FILE}:1: file: it is missing: nobody could say how bad an incident is"]


def test_the_rubric_of_the_second_root_holds_instead_of_the_shipped_one(root: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own", {FILE: RUBRIC})
    change(own, FILE, "version: 1", "version: 7")

    assert load([root, own], ACTIONS).rubric.version == 7
