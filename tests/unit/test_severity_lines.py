"""`stanch severity`: every line of answers gets a line, and one that cannot be answered spoils no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SettingsError
from bot.severity_lines import grade_lines
from tests.builders import rubric
from tests.unit.test_command_line import stanch

CROSS_USER = "personal data across users or tenants, credentials, health data or another special category"


def graded(file: Path, *lines: str | bytes) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status and what was said about each line."""
    file.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    written: list[str] = []
    status = grade_lines(rubric(), str(file), written.append)
    return status, [json.loads(line) for line in written]


def test_a_line_of_answers_gets_a_line_that_explains_its_severity(tmp_path: Path) -> None:
    line = {
        "id": "a",
        "answers": {
            "people": 1,
            "rights": 0,
            "data": 3,
            "action": 0,
            "operations": None,
            "spread": "few",
            "growing": False,
            "tier": 2,
            "containment": "contained",
            "reached_anyone": True,
            "facts": {"cross_user_pii_confirmed": True, "death": False},
        },
    }

    status, said = graded(tmp_path / "answers", json.dumps(line))

    assert status == 0
    assert said == [
        {
            "id": "a",
            "severity": "SEV2",
            "provisional": True,
            "rules": [
                "cross-user-data: SEV2, personal data or credentials of one user reached another",
                f"data-3: SEV2, Data 3: {CROSS_USER}",
            ],
            "unknown": ["operations", "exploitability"],
            "would_change": [
                "Sev-1 if `data` is 4 (special categories in bulk, model weights, or secrets that open further doors)",
            ],
        }
    ]


@pytest.mark.parametrize(
    ("line", "name", "error"),
    [
        ('{"id": "a", "answers": {"people": 2, "people": 0}}', None, "given more than once: people"),
        (
            '{"id": "a", "answers": {"containment": "auto_blocked", "reached_anyone": true}}',
            "a",
            "the answers contradict each other: Was it blocked before any user",
        ),
        ('{"id": "a", "answers": {"people": 2', None, "it is not JSON: "),
        ('{"id": "a", "answers": {"people": NaN}}', None, "it is not JSON: NaN is no JSON"),
        (b'{"id": "\xff"}', None, "it is not JSON: "),
        ('{"id": "a", "answers": ' + '{"facts":' * 100_000, None, "it is nested too deep"),
        ('{"id": "a", "answers": {"people": ' + "1" * 5000 + "}}", None, "it is not JSON: "),
        ('{"id": "a", "answers": {"people": "' + "x" * (1 << 20) + '"}}', None, "the line is longer than 1 MiB"),
        ('{"id": "a", "answers": {"people": "' + "x" * 999 + '"}}', "a", "people must be one of 0, 1, 2, 3, 4"),
        ('{"id": "a"}', "a", "a line needs `answers`"),
        ('{"id": "a", "answers": []}', "a", "a line needs `answers`"),
        ('{"answers": {}}', None, "a line needs an `id`"),
        ('{"id": true, "answers": {}}', None, "a line needs an `id`"),
        ("[]", None, "a line must be a JSON object"),
    ],
)
def test_a_line_that_cannot_be_answered_says_why_and_the_rest_is_answered(
    tmp_path: Path, line: str | bytes, name: str | None, error: str
) -> None:
    status, said = graded(tmp_path / "answers", line, "", '{"id": 7, "answers": {}}')

    assert status == 1
    assert [each["id"] for each in said] == [name, 7]
    assert said[0].keys() == {"id", "error"}
    assert said[0]["error"].startswith(error)
    assert len(said[0]["error"]) < 300
    assert said[1]["severity"] == "SEV3"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nothing cannot be read: No such file or directory"):
        grade_lines(rubric(), str(tmp_path / "nothing"), print)


def test_answers_come_from_standard_input_and_the_status_says_whether_all_were_answered() -> None:
    fine = stanch("severity", "--answers", "-", said='{"id": "a", "answers": {"people": 4}}\n')
    wrong = stanch("severity", "--answers", "-", said='{"id": "a", "answers": {"people": 5}}\n')

    assert (fine.returncode, fine.stderr, json.loads(fine.stdout)["severity"]) == (0, "", "SEV1")
    assert (wrong.returncode, wrong.stderr, json.loads(wrong.stdout)["id"]) == (1, "", "a")
