"""GrowthBook for the contract suite: a prompt feature with rules of several kinds, and one that is true or false."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

PROMPT = {"feature": "assistant-prompt", "environment": "production"}
NOWHERE = {**PROMPT, "feature": "no-such-feature"}

STAFF: JsonObject = {
    "id": "fr_staff",
    "type": "force",
    "description": "Staff first",
    "condition": '{"plan": "staff"}',
    "value": "prompts/18",
}
HALF: JsonObject = {
    "id": "fr_half",
    "type": "rollout",
    "coverage": 0.5,
    "hashAttribute": "id",
    "hashVersion": 2,
    "value": "prompts/18",
    "scheduleType": "none",
    "scheduleRules": [],
}
OLD: JsonObject = {
    "id": "fr_old",
    "type": "rollout",
    "enabled": False,
    "coverage": 1,
    "hashAttribute": "id",
    "value": "prompts/15",
}
TRIAL: JsonObject = {
    "id": "fr_trial",
    "type": "experiment-ref",
    "savedGroupTargeting": [{"matchType": "any", "savedGroups": ["grp_beta"]}],
    "experimentId": "exp_1",
    "variations": [{"value": "prompts/17", "variationId": "0"}, {"value": "prompts/19", "variationId": "1"}],
}
WORLD: JsonObject = {
    "features": {
        "assistant-prompt": {
            "value_type": "string",
            "default": "prompts/16",
            "prerequisites": ["assistant"],
            "environments": {
                "production": {"enabled": True, "rules": [STAFF, TRIAL, HALF, OLD]},
                "dev": {"enabled": True, "rules": [STAFF]},
            },
            "version": 3,
            "revisions": [{"version": 1, "default": "prompts/14"}, {"version": 2, "default": "prompts/15"}],
        },
        "assistant": {
            "environments": {
                "production": {
                    "enabled": True,
                    "rules": [
                        {"id": "fr_all", "type": "rollout", "coverage": 1, "hashAttribute": "id", "value": "true"}
                    ],
                }
            }
        },
    },
    "groups": {"grp_free": {"values": ["free-1"]}, "grp_beta": {"values": ["beta-1"]}},
}


def changing(change: Callable[[JsonObject], None]) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of the feature's production environment."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        change(disturbed["features"]["assistant-prompt"]["environments"]["production"])
        return disturbed

    return disturb


def _widen(environment: JsonObject) -> None:
    environment["rules"][-1]["coverage"] = 0.75


WIDENED = changing(_widen)

CONTRACT = Contract(
    world={"growthbook": WORLD},
    actions={
        "switch_off": ActionCase(PROMPT, {}, WIDENED, NOWHERE, ({"percent": 1},)),
        "set_rollout": ActionCase(
            PROMPT,
            {"percent": 10},
            WIDENED,
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
            PROMPT, {"value": "prompts/17"}, WIDENED, NOWHERE, ({}, {"value": ""}, {"value": None}, {"value": ["x"]})
        ),
        "switch_segment_off": ActionCase(
            PROMPT,
            {"field": "plan", "value": "free", "off": "prompts/16"},
            WIDENED,
            NOWHERE,
            (
                {},
                {"field": "plan", "off": "x"},
                {"field": "plan", "value": "free"},
                {"field": "$or", "value": "free", "off": "x"},
                {"field": "plan", "value": "", "off": "x"},
                {"group": "grp_free", "field": "plan", "value": "free", "off": "x"},
                {"group": "../x", "off": "x"},
            ),
        ),
    },
)
