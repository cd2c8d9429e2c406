"""Content for the tests: one system with a flag in a real Unleash, one runbook that asks no harm signal."""

from typing import Any

from tests.real.unleash import ENVIRONMENT, PROJECT

RUNBOOK = "serve-another-variation"


def target(flag: str) -> dict[str, Any]:
    """Return a registry target for a flag."""
    return {"connection": "unleash", "ref": {"project": PROJECT, "feature": flag, "environment": ENVIRONMENT}}


def flagged(flag: str) -> dict[str, Any]:
    """Return the files of a content folder: a system that the label `service` selects, and a runbook for its flag."""
    system = {
        "id": flag,
        "title": "Flagged assistant",
        "tier": 1,
        "owners": "support-assistant-owners",
        "match": {"service": [flag]},
        "targets": {"variation": target(flag)},
    }
    return {
        "playbooks/rules/systems.yaml": {"systems": [system]},
        f"runbooks/{RUNBOOK}.yaml": _RUNBOOK,
    }


_RUNBOOK = {
    "id": RUNBOOK,
    "version": 1,
    "title": "Serve another variation",
    "summary": "Serves another variation to everybody; only a person can tell whether it helped.",
    "inputs": {"variation": {"type": "live_choice", "label": "Variation", "of_step": "serve"}},
    "steps": [
        {
            "id": "serve",
            "action": "unleash.roll_back_variation",
            "level": "L5",
            "target": "variation",
            "params": {"variation": "${inputs.variation}"},
        }
    ],
    "ends": {"after": "1h", "at_most": "4h"},
    "expected_effect": "Everybody is served the chosen variation.",
    "risk_if_wrong": "Everybody is served the wrong one.",
}
