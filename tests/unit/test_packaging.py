"""What is shipped: the image holds all that Stanch reads, and image, compose file and chart agree with the settings."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.content.files import KINDS
from bot.settings import PATTERNS, PREFIX, SETTINGS

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CHART = ROOT / "deploy" / "helm" / "stanch"
NAMES = {f"{setting.variable}{twin}" for setting in SETTINGS for twin in ("", "_FILE" if setting.secret else "")}
FAMILIES = tuple(setting.variable.partition("<")[0] for setting in PATTERNS)


def copied() -> list[str]:
    """Return what the build stage copies into the program's folder."""
    stage = DOCKERFILE.split("WORKDIR /app", 1)[1].split("FROM ", 1)[0]
    return [source for line in re.findall(r"^COPY (.+)$", stage, re.MULTILINE) for source in line.split()[:-1]]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The program's folder as the image has it."""
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    return tmp_path


def program(python: Path | str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Stanch's in a folder, without the settings of this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    required = {"STANCH_SLACK_BOT_TOKEN": "xoxb-1", "STANCH_SLACK_APP_TOKEN": "xapp-1", "STANCH_TIMELINE_KEY": "k" * 16}
    nowhere = {"STANCH_SLACK_API_URL": "http://127.0.0.1:9/api/", "STANCH_DATABASE_URL": "sqlite:////nowhere/stanch.db"}
    return subprocess.run(
        [python, "-m", "bot", *words],
        cwd=folder,
        env={**kept, **required, **nowhere},
        check=False,
        capture_output=True,
        text=True,
    )


def names_in(text: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", text))


def test_the_image_has_every_content_folder_and_what_is_beside_the_program() -> None:
    folders = {kind.folder.partition("/")[0] for kind in KINDS}
    assert {"bot", "integrations", "postmortems", "slack-manifest.yaml", *folders} <= set(copied())
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [source for source in (*copied(), "requirements.lock") if f"!{source}" not in ignored] == []


def test_what_is_in_the_image_is_enough_to_check_and_to_examine(image: Path) -> None:
    checked = program(sys.executable, image, "check")
    assert (checked.returncode, "no problem" in checked.stdout) == (0, True), checked.stderr
    examined = program(sys.executable, image, "doctor")
    assert "ok       content: " in examined.stdout, examined.stderr
    assert "problem  slack bot: slack: auth.test: no answer from Slack" in examined.stdout


@pytest.mark.real
def test_the_pinned_dependencies_alone_are_enough(image: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pinned = ["--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pinned], check=True)
    subprocess.run([python, "-m", "compileall", "-q", "bot", "integrations"], check=True, cwd=image)
    checked = program(python, image, "check")
    assert (checked.returncode, "no problem" in checked.stdout) == (0, True), checked.stderr


def test_the_image_runs_as_nobody_in_particular_and_asks_for_its_health() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    health = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert health is not None
    _, flag, script = json.loads(health[1])
    assert flag == "-c"
    compile(script, "healthcheck", "exec")


def test_the_image_sets_nothing_that_a_secret_file_would_contradict() -> None:
    secret = {setting.variable for setting in SETTINGS if setting.secret}
    assert names_in(DOCKERFILE) & secret == set()


@pytest.mark.parametrize("path", ["Dockerfile", "compose.yaml", "deploy/helm/stanch/values.yaml", "docs/operating.md"])
def test_only_settings_that_exist_are_named(path: str) -> None:
    named = names_in((ROOT / path).read_text(encoding="utf-8"))
    assert named
    assert sorted(name for name in named if name not in NAMES and not name.startswith(FAMILIES)) == []


def test_the_compose_file_gives_every_setting_that_must_be_set_as_a_secret() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    stanch = compose["services"]["stanch"]
    given = stanch["environment"]
    needed = [f"{setting.variable}_FILE" for setting in SETTINGS if setting.default is None]
    assert [name for name in needed if name not in given] == []
    files = [value for name, value in given.items() if name.endswith("_FILE")]
    assert sorted(files) == sorted(f"/run/secrets/{name}" for name in stanch["secrets"])
    used = {secret for service in compose["services"].values() for secret in service["secrets"]}
    assert used == set(compose["secrets"])
    assert stanch["read_only"] is True


def test_every_value_of_the_chart_is_used_and_none_is_missing() -> None:
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    templates = "".join(path.read_text(encoding="utf-8") for path in sorted((CHART / "templates").iterdir()))
    used = set(re.findall(r"\.Values\.(\w+)", templates))
    assert used == set(values)
    nested = {(outer, inner) for outer, inner in re.findall(r"\.Values\.(\w+)\.(\w+)", templates)}
    assert [f"{outer}.{inner}" for outer, inner in nested if inner not in values[outer]] == []


def test_the_chart_keeps_the_cluster_from_setting_settings() -> None:
    """A Service named `stanch` has the cluster set STANCH_PORT for every pod that does not refuse it."""
    deployment = (CHART / "templates" / "deployment.yaml").read_text(encoding="utf-8")
    assert "enableServiceLinks: false" in deployment
    assert "readOnlyRootFilesystem: true" in deployment
    assert "runAsNonRoot: true" in deployment


def test_chart_and_program_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert declared is not None
    assert {chart["version"], chart["appVersion"]} == {declared[1]}
