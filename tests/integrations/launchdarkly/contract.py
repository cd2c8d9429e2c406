"""LaunchDarkly for the contract suite: a prompt flag with targets, rules, shares and a segment that is kept out."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

PROMPT = {"project": "default", "flag": "assistant-prompt", "environment": "production"}
NOWHERE = {**PROMPT, "flag": "no-such-flag"}

VARIATIONS: list[JsonObject] = [
    {"name": "v16", "value": "prompts/16"},
    {"name": "v17", "value": "prompts/17"},
    {"name": "v18", "value": "prompts/18"},
    {"name": "off", "value": ""},
]
STAFF: JsonObject = {
    "description": "Staff first",
    "clauses": [{"contextKind": "user", "attribute": "plan", "op": "in", "negate": False, "values": ["staff"]}],
    "variation": 2,
}
NORWAY: JsonObject = {
    "clauses": [{"contextKind": "user", "attribute": "country", "op": "in", "negate": False, "values": ["NO", "SE"]}],
    "rollout": {
        "variations": [
            {"variation": 1, "weight": 20_000},
            {"variation": 2, "weight": 40_000},
            {"variation": 3, "weight": 40_000},
        ],
        "bucketBy": "key",
        "contextKind": "user",
    },
}
OLD_PILOT: JsonObject = {
    "description": "Old pilot",
    "disabled": True,
    "clauses": [
        {"contextKind": "user", "attribute": "email", "op": "endsWith", "negate": False, "values": ["@pilot.example"]}
    ],
    "variation": 2,
}
PRODUCTION: JsonObject = {
    "on": True,
    "version": 41,
    "offVariation": 3,
    "fallthrough": {"variation": 2},
    "rules": [STAFF, NORWAY, OLD_PILOT],
    "targets": [{"variation": 1, "values": ["tester-2", "tester-1"], "contextKind": "user"}],
    "prerequisites": [{"key": "assistant", "variation": 0}],
}
WORLD: JsonObject = {
    "flags": {
        "assistant-prompt": {
            "variations": VARIATIONS,
            "environments": {"production": PRODUCTION, "test": {"on": False, "offVariation": 3}},
        }
    },
    "segments": {"free-tier": ["free-1"]},
}


def changing(change: Callable[[JsonObject], None]) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of the flag's production environment, which grows its version as LaunchDarkly does."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        environment = disturbed["flags"]["assistant-prompt"]["environments"]["production"]
        change(environment)
        environment["version"] += 1
        return disturbed

    return disturb


def _target(environment: JsonObject) -> None:
    environment["targets"][0]["values"] = ["tester-3"]


TARGETED = changing(_target)

CONTRACT = Contract(
    world={"launchdarkly": WORLD},
    actions={
        "switch_off": ActionCase(PROMPT, {}, TARGETED, NOWHERE, ({"percent": 1},)),
        "set_rollout": ActionCase(
            PROMPT,
            {"percent": 10},
            TARGETED,
            NOWHERE,
            (
                {},
                {"percent": 250},
                {"percent": -1},
                {"percent": 9.5},
                {"percent": True},
                {"percent": "all"},
                {"percent": None},
                {"percent": 10, "context_kind": "a user"},
            ),
        ),
        "roll_back_variation": ActionCase(
            PROMPT,
            {"variation": "v17"},
            TARGETED,
            NOWHERE,
            ({}, {"variation": ""}, {"variation": "v19"}, {"variation": "off"}, {"variation": 17}),
        ),
        "switch_segment_off": ActionCase(
            PROMPT,
            {"field": "plan", "value": "free"},
            TARGETED,
            NOWHERE,
            (
                {},
                {"field": "plan"},
                {"value": "free"},
                {"field": "", "value": "free"},
                {"field": "plan", "value": ""},
                {"segment": "free-tier", "field": "plan", "value": "free"},
                {"segment": "../free"},
            ),
        ),
    },
)
