"""`stanch deadlines`: every line of facts gets a line, and whoever runs it reads that it is not legal advice."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.deadline_lines import state_lines
from bot.domain.deadline import NOT_LEGAL_ADVICE
from tests.builders import deadlines
from tests.unit.test_command_line import stanch

CASE = {
    "id": "a",
    "clock": "gdpr_art33",
    "now": "2026-03-02T09:00:00Z",
    "tz": "Europe/Berlin",
    "scope": True,
    "aware_at": "2026-03-01T09:00:00+01:00",
}


def stated(file: Path, *cases: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status and what was said about each case."""
    file.write_text("\n".join(json.dumps(case) for case in cases), encoding="utf-8")
    written: list[str] = []
    status = state_lines(deadlines(), str(file), written.append)
    return status, [json.loads(line) for line in written]


def test_a_line_of_facts_gets_the_state_of_every_stage(tmp_path: Path) -> None:
    act = {**CASE, "id": 2, "clock": "cra_art14", "manufacturer": True, "now": "2026-12-02T09:00:00Z", "stage": None}
    status, said = stated(tmp_path / "facts", CASE, {**act, "aware_at": "2026-12-01T10:00:00Z"})

    assert status == 0
    assert said == [
        {
            "id": "a",
            "deadlines": [
                {"clock": "gdpr_art33", "stage": None, "state": "due", "due_utc": "2026-03-04T08:00:00Z"},
            ],
        },
        {
            "id": 2,
            "deadlines": [
                {"clock": "cra_art14", "stage": "early_warning", "state": "due", "due_utc": "2026-12-02T10:00:00Z"},
                {"clock": "cra_art14", "stage": "notification", "state": "due", "due_utc": "2026-12-04T10:00:00Z"},
                {"clock": "cra_art14", "stage": "final_vulnerability", "state": "not-started", "due_utc": None},
                {"clock": "cra_art14", "stage": "final_incident", "state": "not-started", "due_utc": None},
            ],
        },
    ]


def test_one_stage_is_told_alone(tmp_path: Path) -> None:
    _, said = stated(
        tmp_path / "facts",
        {**CASE, "clock": "cra_art14", "stage": "final_incident"},
        {**CASE, "clock": "circia", "stage": "x"},
    )

    assert [[each["stage"] for each in case["deadlines"]] for case in said] == [["final_incident"], [None]]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"clock": "gdpr"}, "clock must be one of eu_ai_act_art73_2, "),
        ({"clock": ["gdpr_art33"]}, "clock must be one of eu_ai_act_art73_2, "),
        (
            {"clock": "cra_art14", "stage": "first"},
            "cra_art14 has no such stage; it has: early_warning, notification, ",
        ),
        ({"stage": "first"}, "gdpr_art33 has no such stage; it has: none with a name"),
        ({"now": None}, "now must be an instant like 2026-03-02T09:00:00Z"),
        ({"now": "2026-03-02T09:00:00"}, "now must say its offset from UTC, like 2026-03-02T09:00:00Z"),
        ({"tz": "Mars/Olympus"}, "tz must be a time zone like Europe/Berlin"),
        ({"tz": "../../etc/passwd"}, "tz must be a time zone like Europe/Berlin"),
        ({"tz": "Europe"}, "tz must be a time zone like Europe/Berlin"),
        ({"tz": 1}, "tz must be a time zone like Europe/Berlin"),
        ({"aware_at": "2026-03-02T09:00:01Z"}, "aware_at lies in the future"),
        (
            {"filed": {"cra_art14": []}},
            "filed: there is no `cra_art14` to file; its stages are cra_art14:early_warning, ",
        ),
    ],
)
def test_a_line_that_cannot_be_says_why_and_the_rest_is_answered(
    tmp_path: Path, given: dict[str, Any], error: str
) -> None:
    status, said = stated(tmp_path / "facts", {**CASE, **given}, {**CASE, "id": "b"})

    assert status == 1
    assert said[0]["id"] == "a"
    assert said[0]["error"].startswith(error)
    assert said[1]["deadlines"][0]["state"] == "due"


def test_the_command_says_that_it_is_not_legal_advice() -> None:
    asked = stanch("deadlines", "--facts", "-", said=json.dumps(CASE))

    assert (asked.returncode, asked.stderr) == (0, f"{NOT_LEGAL_ADVICE}\n")
    assert json.loads(asked.stdout)["deadlines"][0]["state"] == "due"
    assert NOT_LEGAL_ADVICE in " ".join(stanch("deadlines", "--help").stdout.split())


def test_nothing_else_loads_the_calendars() -> None:
    loaded = "import sys, bot.__main__; sys.exit('holidays' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", loaded], timeout=60, check=False).returncode == 0
