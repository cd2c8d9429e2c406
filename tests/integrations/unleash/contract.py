"""Unleash for the contract suite: a flag with constraints, segments and variations, and a fresh kill switch."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

PROMPT = {"project": "default", "feature": "support-assistant-prompt", "environment": "production"}
KILL_SWITCH = {"project": "default", "feature": "support-assistant-off", "environment": "production"}
NOWHERE = {"project": "default", "feature": "no-such-flag", "environment": "production"}

VARIANTS: list[JsonObject] = [
    {"name": "v17", "weight": 100, "weightType": "variable", "payload": {"type": "string", "value": "prompt 17"}},
    {"name": "v18", "weight": 900, "weightType": "fix", "payload": {"type": "string", "value": "prompt 18"}},
]
STRATEGIES: list[JsonObject] = [
    {
        "title": "Staff first",
        "parameters": {"groupId": "support-assistant-prompt", "rollout": "100", "stickiness": "userId"},
        "constraints": [{"contextName": "plan", "operator": "IN", "values": ["staff"]}],
        "variants": VARIANTS,
    },
    {
        "sortOrder": 1,
        "parameters": {"groupId": "support-assistant-prompt", "rollout": "50", "stickiness": "default"},
        "segments": [2, 1],
        "variants": [{**variant, "stickiness": "userId"} for variant in VARIANTS],
    },
    {"sortOrder": 2, "title": "Old pilot", "disabled": True, "parameters": {"rollout": "5"}},
]
WORLD: JsonObject = {
    "features": {
        "support-assistant-prompt": {
            "environments": {"development": {}, "production": {"enabled": True, "strategies": STRATEGIES}}
        },
        "support-assistant-off": {"type": "kill-switch", "environments": {"production": {}}},
    }
}


def changing(feature: str, change: Callable[[JsonObject], None]) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of a flag's production environment."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        change(disturbed["features"][feature]["environments"]["production"])
        return disturbed

    return disturb


def _narrow_second(environment: JsonObject) -> None:
    environment["strategies"][1]["parameters"]["rollout"] = "25"


def _add_strategy(environment: JsonObject) -> None:
    environment["strategies"] = [{"parameters": {"rollout": "1"}}]


NARROWED = changing("support-assistant-prompt", _narrow_second)
TARGETED = changing("support-assistant-off", _add_strategy)

CONTRACT = Contract(
    world={"unleash": WORLD},
    actions={
        "switch_off": ActionCase(PROMPT, {}, NARROWED, NOWHERE, ({"percent": 1},)),
        "set_rollout": ActionCase(
            PROMPT,
            {"percent": 10},
            NARROWED,
            NOWHERE,
            (
                {},
                {"percent": 250},
                {"percent": -1},
                {"percent": 9.5},
                {"percent": True},
                {"percent": "all"},
                {"percent": None},
            ),
        ),
        "roll_back_variation": ActionCase(
            PROMPT,
            {"variation": "v17"},
            NARROWED,
            NOWHERE,
            ({}, {"variation": ""}, {"variation": "v16"}, {"variation": 17}),
        ),
        "switch_segment_off": ActionCase(
            PROMPT,
            {"field": "plan", "value": "free"},
            NARROWED,
            NOWHERE,
            ({}, {"field": "plan"}, {"field": "", "value": "free"}, {"field": "plan", "value": ""}),
        ),
        "pull_kill_switch": ActionCase(KILL_SWITCH, {}, TARGETED, NOWHERE, ({"variation": "v17"},)),
    },
)
