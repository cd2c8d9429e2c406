"""Every action of every integration can be a step of a runbook: content alone reaches it, no code."""

from pathlib import Path

import pytest
import yaml

from bot.app import load_catalog
from tests.integrations.bench import NAMES, contract_of, declared_by

ACTIONS = [(name, action.name) for name in NAMES for action in declared_by(name).actions]


@pytest.mark.parametrize(("name", "action"), ACTIONS, ids=[".".join(each) for each in ACTIONS])
def test_a_runbook_can_name_it_for_a_target_of_the_registry(tmp_path: Path, name: str, action: str) -> None:
    made = next(each for each in declared_by(name).actions if each.name == action)
    case = contract_of(name).actions[action]
    step = {
        "id": "contain",
        "action": f"{name}.{action}",
        "level": made.lowest_level.value,
        "target": "contained",
        "params": case.params,
    }
    runbook = {
        "id": "contain-by-content",
        "version": 1,
        "title": "Contain by content",
        "summary": "Names one action.",
        "steps": [step],
        "ends": {"after": "1h", "at_most": "1h"},
        "expected_effect": "The harm stops.",
        "risk_if_wrong": "It goes on.",
    }
    system = {
        "id": "contained-system",
        "title": "Contained system",
        "tier": 1,
        "owners": "support-assistant-owners",
        "match": {"service": ["contained-system"]},
        "targets": {"contained": {"connection": name, "ref": case.ref}},
    }
    _write(tmp_path / "runbooks/contain-by-content.yaml", runbook)
    _write(tmp_path / "playbooks/rules/systems.yaml", {"systems": [system]})
    assert load_catalog(tmp_path).runbooks["contain-by-content"].steps[0].action == f"{name}.{action}"


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
