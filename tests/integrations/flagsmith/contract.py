"""Flagsmith for the contract suite: a feature with variants and overrides, in an environment without versions."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

PROMPT = {"environment": "production-key", "feature": "assistant-prompt"}
NOWHERE = {**PROMPT, "feature": "no-such-feature"}

FEATURE: JsonObject = {
    "id": 11,
    "options": [{"id": 33, "value": "prompts/17"}, {"id": 34, "value": "prompts/18"}],
    "environments": {
        "production-key": {
            "default": {"enabled": True, "value": "prompts/16", "shares": {"33": 10, "34": 80.5}},
            "overrides": {
                "5": {"enabled": True, "value": "prompts/16", "shares": {"33": 0, "34": 100}},
                "6": {"enabled": False, "value": "prompts/16", "shares": {"33": 50, "34": 50}},
            },
        }
    },
}
WORLD: JsonObject = {
    "environments": {"production-key": {"id": 7}, "staging-key": {"id": 8, "name": "Staging", "versioned": True}},
    "features": {
        "assistant": {"id": 10, "environments": {}},
        "assistant-prompt": FEATURE,
        "assistant-model": {
            "id": 12,
            "environments": {
                "production-key": {"default": {"enabled": True, "value": "large"}},
                "staging-key": {
                    "default": {"enabled": True, "value": "large"},
                    "overrides": {"5": {"enabled": True, "value": "huge"}},
                },
            },
        },
    },
    "segments": {
        "4": {"name": "free tier", "identities": ["free-1", "both-1"]},
        "5": {"name": "staff", "identities": ["staff-1", "both-1"]},
        "6": {"name": "trial", "identities": ["trial-1"]},
    },
}


def changing(
    change: Callable[[JsonObject], None], environment: str = "production-key"
) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of the feature in an environment."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        change(disturbed["features"]["assistant-prompt"]["environments"][environment])
        return disturbed

    return disturb


def _revalue(served: JsonObject) -> None:
    served["default"]["value"] = "prompts/15"


REVALUED = changing(_revalue)

CONTRACT = Contract(
    world={"flagsmith": WORLD},
    actions={
        "switch_off": ActionCase(PROMPT, {}, REVALUED, NOWHERE, ({"percent": 1},)),
        "set_rollout": ActionCase(
            PROMPT,
            {"percent": 10},
            REVALUED,
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
        "roll_back_value": ActionCase(
            PROMPT,
            {"value": "prompts/17"},
            REVALUED,
            NOWHERE,
            ({}, {"value": ""}, {"value": "prompts/19"}, {"value": None}, {"value": 17}),
        ),
        "switch_segment_off": ActionCase(
            PROMPT,
            {"segment": "4 free tier"},
            REVALUED,
            NOWHERE,
            ({}, {"segment": "free tier"}, {"segment": "0"}, {"segment": ""}, {"segment": "4free"}, {"segment": None}),
        ),
    },
)
