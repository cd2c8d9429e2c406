"""What the `stanch` command answers before anything runs: its exit status and its words."""

import os
import subprocess
import sys
from pathlib import Path


def stanch(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with none of its settings; `said` is what it reads."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STANCH_")}
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, env=environment, input=said, capture_output=True, text=True, timeout=60, check=False)


def test_mistakes_in_content_are_all_told_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "broken.yaml").write_text("id: broken\n  title: [\n", encoding="utf-8")
    (tmp_path / "runbooks" / "foreign.yaml").write_text("id: another\ncolour: red\n", encoding="utf-8")
    checked = stanch("check", "--content", str(tmp_path))
    assert checked.returncode == 1
    assert "runbooks/broken.yaml:2: " in checked.stderr
    assert "runbooks/foreign.yaml:2: colour" in checked.stderr
    assert "problem(s) found." in checked.stderr.splitlines()[-1]


def test_content_without_mistakes_is_counted() -> None:
    checked = stanch("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.endswith("no problem.\n")


def test_settings_that_are_missing_are_named_with_what_to_set() -> None:
    started = stanch("run")
    assert started.returncode == 1
    for name in ("STANCH_SLACK_BOT_TOKEN", "STANCH_SLACK_APP_TOKEN", "STANCH_TIMELINE_KEY"):
        assert name in started.stderr
    assert "Traceback" not in started.stderr


def test_words_that_are_no_command_are_refused() -> None:
    refused = stanch("explode")
    assert refused.returncode == 2
    assert "invalid choice: 'explode'" in refused.stderr


def test_the_bot_does_not_load_the_local_workspace() -> None:
    loaded = "import sys, bot.commands; sys.exit('bot.workspace.server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], timeout=60, check=False).returncode == 0


def test_the_workspace_is_a_program_of_its_own_under_the_same_name() -> None:
    asked = stanch("workspace", "--help")
    assert asked.returncode == 0
    assert "Serve a local Slack workspace on loopback." in asked.stdout
