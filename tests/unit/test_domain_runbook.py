"""A runbook's level, its inputs, and the durations that it offers."""

from datetime import timedelta
from itertools import pairwise

import pytest
from pydantic import ValidationError

from bot.domain.runbook import End, Level, Runbook, Step, TextInput
from bot.domain.values import JsonObject


def step(*, level: Level = Level.L3, **params: object) -> Step:
    return Step(id="step", action="flags.set", level=level, target="feature", params=dict(params))


def runbook(*steps: Step) -> Runbook:
    return Runbook(
        id="example",
        version=1,
        title="Example",
        summary="An example.",
        steps=list(steps),
        ends=End(after="4h", at_most="24h"),
        expected_effect="Less harm.",
        risk_if_wrong="Less use.",
    )


def test_the_highest_level_of_the_steps_is_the_runbooks_level() -> None:
    assert runbook(step(level=Level.L2), step(level=Level.L6), step(level=Level.L5)).level is Level.L6


def test_the_ladder_rises_from_l0_to_l7_and_every_level_has_a_meaning() -> None:
    assert [level.rank for level in Level] == list(range(8))
    assert all(first.meaning != second.meaning for first, second in pairwise(Level))


def test_an_input_replaces_a_whole_value_and_nothing_else() -> None:
    asked = step(to="${inputs.version}", note="x ${inputs.version}", percent=5, nested={"to": "${inputs.version}"})

    assert asked.inputs_used() == {"version"}
    assert asked.resolved_params({"version": "${inputs.other}"}) == {
        "to": "${inputs.other}",
        "note": "x ${inputs.version}",
        "percent": 5,
        "nested": {"to": "${inputs.version}"},
    }


@pytest.mark.parametrize(
    ("after", "at_most", "hours"),
    [("4h", "24h", [1, 4, 12, 24]), ("2h", "3h", [1, 2, 3]), ("1h", "1h", [1]), ("24h", "72h", [1, 4, 12, 24, 72])],
)
def test_the_form_offers_usual_durations_up_to_the_longest(after: str, at_most: str, hours: list[int]) -> None:
    assert End(after=after, at_most=at_most).offered() == [timedelta(hours=each) for each in hours]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Example"},
        {"id": "a--b"},
        {"version": 0},
        {"title": ""},
        {"title": "x" * 76},
        {"steps": []},
        {"extra": 1},
        {"inputs": {"x": {"type": "secret", "label": "X"}}},
        {"inputs": {"x": {"type": "choice", "label": "X", "options": []}}},
        {"inputs": {"x-y": {"type": "text", "label": "X"}}},
        {"steps": [{"id": "a", "action": "flags", "level": "L1", "target": "t"}]},
    ],
)
def test_a_runbook_that_could_not_be_shown_or_run_is_refused(wrong: JsonObject) -> None:
    with pytest.raises(ValidationError):
        Runbook.model_validate({**runbook(step()).model_dump(mode="json"), **wrong})


def test_a_text_input_has_a_limit_unless_told() -> None:
    assert TextInput(type="text", label="Reason").max_length == 200
