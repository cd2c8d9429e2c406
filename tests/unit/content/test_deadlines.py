"""Deadlines that nobody could meet, or that would be told wrongly, are refused: all at once, with file and line."""

from pathlib import Path

import pytest

from bot.content import load
from tests.unit.content.sample import ACTIONS, DEADLINES, Mistake, change, problems, write

FILE = "playbooks/rules/deadlines.yaml"
MISTAKES = {
    "a fact that nobody declares": Mistake(
        FILE,
        "fact_is_not: {role: [guest]}",
        "fact_is_not: {rule: [guest]}",
        "13: deadlines[0].binds.fact_is_not.rule",
        "there is no fact `rule`; declare it under `facts`",
    ),
    "a value of another type": Mistake(
        FILE,
        "            - fact_is: {leaked: [true]}\n",
        '            - fact_is: {leaked: ["true"]}\n',
        "18: deadlines[0].applies_from[0].when.all[0].fact_is.leaked",
        "`leaked` is true or false",
    ),
    "a text that is compared like a number": Mistake(
        FILE,
        "fact_below: {people: 500}",
        "fact_below: {role: 500}",
        "20: deadlines[0].applies_from[0].when.all[1].any[0].fact_below.role",
        "`role` is text",
    ),
    "a deadline without an anchor": Mistake(
        FILE,
        "          - anchor: {instant: [aware_at]}\n            period: {hours: 24}\n",
        "          - period: {hours: 24}\n",
        "27: deadlines[0].stages[0].limits[0]",
        "the field `anchor` is missing",
    ),
    "an anchor that nobody declares": Mistake(
        FILE,
        "{instant: [aware_at]}",
        "{instant: [aware]}",
        "27: deadlines[0].stages[0].limits[0].anchor.instant[0]",
        "there is no instant `aware`; declare it under `instants`",
    ),
    "an anchor of two kinds": Mistake(
        FILE,
        "{instant: [aware_at]}",
        "{instant: [aware_at], end_of_year_of: aware_at}",
        "27: deadlines[0].stages[0].limits[0].anchor",
        "an anchor has exactly one of the keys instant, filing, end_of_year_of",
    ),
    "a year that ends nowhere": Mistake(
        FILE,
        "{end_of_year_of: aware_at}",
        "{end_of_year_of: born_at}",
        "38: deadlines[0].stages[2].limits[0].anchor.end_of_year_of",
        "there is no instant `born_at`; declare it under `instants`",
    ),
    "a limit that is gone by nothing": Mistake(
        FILE,
        "gone_if_passed_by: aware_at",
        "gone_if_passed_by: classified_at",
        "29: deadlines[0].stages[0].limits[0].gone_if_passed_by",
        "there is no instant `classified_at`; declare it under `instants`",
    ),
    "a period of no kind": Mistake(
        FILE,
        "period: {hours: 24}",
        "period: {weeks: 1}",
        "28: deadlines[0].stages[0].limits[0].period",
        "a period has exactly one of the keys hours, days, months, business_days, at_once",
    ),
    "a filing that does not exist": Mistake(
        FILE,
        "[first_law:warning]",
        "[first_law]",
        "33: deadlines[0].stages[1].limits[0].anchor.filing[0]",
        "there is no `first_law` to file",
    ),
    "a stage that runs from itself": Mistake(
        FILE,
        "[first_law:warning]",
        "[first_law:report]",
        "33: deadlines[0].stages[1].limits[0].anchor",
        "a stage that runs from its own filing needs `repeats_until`",
    ),
    "two stages with one name": Mistake(
        FILE,
        "- id: yearly\n",
        "- id: report\n",
        "35: deadlines[0].stages[2].id",
        "`first_law:report` is there already, at playbooks/rules/deadlines.yaml:30",
    ),
    "two deadlines with one id": Mistake(
        FILE,
        "  - id: second_law\n",
        "  - id: first_law\n",
        "40: deadlines[1].id",
        "`first_law` is there already, at playbooks/rules/deadlines.yaml:9",
    ),
    "what is unconfirmed and computed": Mistake(
        FILE,
        "verified: text",
        "verified: unconfirmed",
        "11: deadlines[0].verified",
        "what is unconfirmed is not computed; say so in `disabled_because`, or verify it",
    ),
    "a deadline without a stage": Mistake(
        FILE,
        "    verified: unconfirmed\n    disabled_because: nobody knows\n",
        "    verified: text\n",
        "40: deadlines[1]",
        "it has no stage: nothing would ever be due; add `stages` or `disabled_because`",
    ),
    "an unknown that counts as something else": Mistake(
        FILE,
        "{id: people, type: number, means: how many}",
        "{id: people, type: number, means: how many, unknown_as: many}",
        "5: facts[2].unknown_as",
        "`people` is a whole number",
    ),
    "a fact with a name that is taken": Mistake(
        FILE,
        "id: aware_at, means",
        "id: scope, means",
        "7: instants[0].id",
        "`scope` has a meaning already; choose another name",
    ),
    "a fact and an instant with one name": Mistake(
        FILE,
        "{id: people, type: number, means: how many}",
        "{id: people, type: number, means: how many}\n  - {id: aware_at, type: truth, means: aware}",
        "8: instants[0].id",
        "`aware_at` is there already, at playbooks/rules/deadlines.yaml:6",
    ),
}


@pytest.mark.parametrize("name", [name for name in MISTAKES if "taken" not in name])
def test_a_mistake_is_told_at_its_line(root: Path, name: str) -> None:
    expected = MISTAKES[name].made_in(root)

    assert problems(root) == [expected]


def test_a_name_that_is_taken_is_told(root: Path) -> None:
    expected = MISTAKES["a fact with a name that is taken"].made_in(root)

    assert expected in problems(root)


def test_all_mistakes_of_deadlines_come_at_once(root: Path) -> None:
    names = ("a fact that nobody declares", "a limit that is gone by nothing", "a filing that does not exist")
    expected = [MISTAKES[name].made_in(root) for name in names]

    assert problems(root) == expected


def test_a_stage_that_nobody_can_file_starts_nothing(root: Path) -> None:
    change(root, FILE, "verified: text\n", "verified: text\n    disabled_because: not yet\n")

    where = f"{FILE}:34: deadlines[0].stages[1].limits[0].anchor.filing[0]"
    assert problems(root) == [f"{where}: `first_law:warning` is disabled, so nobody could file it"]


def test_a_root_without_deadlines_is_a_mistake(root: Path) -> None:
    (root / FILE).unlink()

    assert problems(root) == [f"{FILE}:1: file: it is missing: nobody could say what must be reported by when"]


def test_the_deadlines_of_the_second_root_hold_instead_of_the_shipped_ones(root: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own", {FILE: DEADLINES.replace("version: 1", "version: 7")})

    assert load([root, own], ACTIONS).deadlines.version == 7
