"""The words of the terminal, and how little is loaded before they are understood."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import TERMINAL_SETTINGS
from bot.terminal.words import COMMANDS, parser

ROOT = Path(__file__).resolve().parents[2]


def test_the_terminal_loads_neither_the_server_nor_what_it_is_made_of() -> None:
    heavy = ("bot.app", "bot.commands", "slack_bolt", "sqlalchemy", "fastapi", "dbos", "bot.workspace.server")
    loaded = f"import sys, bot.__main__, bot.terminal.program; sys.exit(any(each in sys.modules for each in {heavy}))"
    assert subprocess.run([sys.executable, "-c", loaded], timeout=60, check=False).returncode == 0


def test_the_readme_lists_every_command_setting_and_status_of_the_terminal() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("## From a terminal")[1].split("\n## ")[0]
    assert [name for name in COMMANDS if f"`stanch {name}" not in readme] == []
    assert [each.variable for each in TERMINAL_SETTINGS if f"`{each.variable}`" not in readme] == []
    assert re.findall(r"^\| (\d) \|", readme, re.MULTILINE) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["incidents", "INC-7"], {"incident": 7}),
        (["approve", "7", "c-2"], {"incident": 7, "containment": 2}),
        (["declare", "it", "lies", "--severity", "sev-1"], {"title": ["it", "lies"], "severity": "SEV1"}),
        (["plan", "INC-7", "x", "--input", "a=b=c", "--input", "d="], {"inputs": [("a", "b=c"), ("d", "")]}),
    ],
)
def test_words_are_read_as_people_write_them(words: list[str], read: dict[str, object]) -> None:
    parsed = vars(parser().parse_args(words))
    assert {name: parsed[name] for name in read} == read


@pytest.mark.parametrize(
    "words",
    [
        ["incidents", "INC-0"],
        ["approve", "INC-7"],
        ["approve", "INC-7", "C-٣"],
        ["approve", "INC-7", "C-1", "--fingerprint", "abc"],
        ["approve", "INC-7", "C-1", "--yes"],
        ["plan", "INC-7", "x", "--input", "novalue"],
        ["plan", "INC-7", "x", "--for", "4 hours"],
        ["apply", "INC-7", "C-1", "--wait", "0s"],
        ["undo", "INC-7", "C-1"],
        ["declare"],
        ["declare", "x", "--severity", "sev9"],
        ["declare", "x", "--key", "short"],
    ],
)
def test_words_that_mean_nothing_are_refused_with_status_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(words)
    assert refused.value.code == 2
    assert "usage: stanch" in capsys.readouterr().err
