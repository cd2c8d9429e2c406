"""One root or two: they add up, all their mistakes come at once, and nothing in them is silently left out."""

from pathlib import Path

import pytest

from bot.content import load
from tests.unit.content.sample import ACTIONS, POLICY, RUNBOOK, SYSTEMS, change, problems, write


def test_content_without_mistakes_loads(root: Path) -> None:
    catalog = load([root], ACTIONS)

    assert list(catalog.playbooks) == ["bad-answers"]
    assert list(catalog.runbooks) == ["go-back"]
    assert list(catalog.systems) == ["assistant"]
    assert catalog.policy.version == 1


def test_mistakes_in_several_files_come_at_once(root: Path) -> None:
    change(root, "runbooks/go-back.yaml", "of_step: pick", "of_step: choose")
    change(root, "playbooks/bad-answers.yaml", "base: SEV3", "base: SEV9")
    change(root, "runbooks/rules/policy.yaml", "plan_expires_after: 15m", "plan_expires_after: soon")

    assert problems(root) == [
        "playbooks/bad-answers.yaml:13: severity.base: must be one of 'SEV1', 'SEV2', 'SEV3' or 'SEV4', not `SEV9`",
        "runbooks/go-back.yaml:9: inputs.version_wanted.of_step: no step is called `choose`",
        (
            "runbooks/rules/policy.yaml:5: plan_expires_after: "
            "'soon' is not a duration; write a number and s, m, h or d, like 15m"
        ),
    ]


def test_a_second_root_adds_to_the_first(root: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own", {"runbooks/go-home.yaml": RUNBOOK.replace("id: go-back", "id: go-home")})

    assert sorted(load([root, own], ACTIONS).runbooks) == ["go-back", "go-home"]


def test_an_id_that_both_roots_have_is_a_mistake_in_the_second(root: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own", {"runbooks/go-back.yaml": RUNBOOK, "playbooks/rules/systems.yaml": SYSTEMS})

    assert problems(root, own) == [
        (
            f"{own}/playbooks/rules/systems.yaml:2: systems[0].id: "
            "`assistant` is there already, at playbooks/rules/systems.yaml:2"
        ),
        (
            f"{own}/playbooks/rules/systems.yaml:6: systems[0].match: these labels select `assistant` too "
            "(playbooks/rules/systems.yaml:6); add a label to one of the two"
        ),
        f"{own}/runbooks/go-back.yaml:1: id: `go-back` is there already, at runbooks/go-back.yaml:1",
    ]


def test_the_policy_of_the_second_root_holds_instead_of_the_shipped_one(root: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own", {"runbooks/rules/policy.yaml": POLICY.replace("version: 1", "version: 7")})

    assert load([root, own], ACTIONS).policy.version == 7


def test_the_retention_policy_of_the_second_root_holds_instead_of_the_shipped_one(root: Path, tmp_path: Path) -> None:
    own = write(tmp_path / "own", {"playbooks/rules/retention.yaml": "version: 2\nkeep: {}\n"})

    retention = load([root, own], ACTIONS).retention

    assert retention.version == 2
    assert retention.keep.personal_data is None


def test_a_root_without_a_retention_policy_is_a_mistake(root: Path) -> None:
    (root / "playbooks/rules/retention.yaml").unlink()

    assert problems(root) == [
        "playbooks/rules/retention.yaml:1: file: it is missing: nobody could say how long anything is kept"
    ]


def test_the_same_root_twice_is_read_once(root: Path) -> None:
    assert list(load([root, root], ACTIONS).runbooks) == ["go-back"]


def test_a_root_without_a_policy_is_a_mistake(root: Path) -> None:
    (root / "runbooks/rules/policy.yaml").unlink()

    assert problems(root) == ["runbooks/rules/policy.yaml:1: file: it is missing: nothing could be approved"]


def test_a_root_that_does_not_exist_is_a_mistake(root: Path, tmp_path: Path) -> None:
    assert problems(root, tmp_path / "nowhere") == [f"{tmp_path}/nowhere:1: file: there is no such folder"]


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("runbooks/go-home.yml", "*.yaml"),
        ("playbooks/rules/polices.yaml", "systems.yaml, retention.yaml, severity.yaml, deadlines.yaml"),
    ],
)
def test_a_file_that_would_silently_not_be_read_is_a_mistake(root: Path, path: str, holds: str) -> None:
    write(root, {path: "id: x"})

    assert problems(root) == [f"{path}:1: file: it would not be read; this folder holds {holds}"]


def test_what_an_editor_hides_beside_a_file_is_not_content(root: Path) -> None:
    write(root, {"runbooks/.#go-back.yaml": "half written"})

    assert list(load([root], ACTIONS).runbooks) == ["go-back"]
