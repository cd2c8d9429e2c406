"""fast-feature for the contract suite: a flag with targeting and two prompt versions, and a kill switch."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

PROMPT = {"flag": "assistant-prompt"}
KILL_SWITCH = {"flag": "assistant-stopped"}
NOWHERE = {"flag": "no-such-flag"}

TARGETING: JsonObject = {
    "if": [
        {"in": [{"var": "plan"}, ["staff"]]},
        "v18",
        {"===": [{"var": "country"}, "NO"]},
        {"fractional": [{"var": "userId"}, ["v18", 40], ["v17", 20], ["off", 40]]},
    ]
}
FLAG: JsonObject = {
    "variants": {"v16": "prompts/16", "v17": "prompts/17", "v18": "prompts/18", "off": False},
    "default_variant": "v18",
    "targeting": TARGETING,
    "metadata": {"owner": "assistants"},
}
WORLD: JsonObject = {
    "flags": {
        "assistant-prompt": FLAG,
        "assistant-stopped": {"variants": {"on": True, "off": False}, "default_variant": "off"},
    }
}


def changing(flag: str, change: Callable[[JsonObject], None]) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of a flag."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        change(disturbed["flags"][flag])
        return disturbed

    return disturb


def _describe(flag: JsonObject) -> None:
    flag["metadata"] = {"owner": "somebody else"}


DESCRIBED = changing("assistant-prompt", _describe)
KILL_DESCRIBED = changing("assistant-stopped", _describe)

CONTRACT = Contract(
    world={"fast_feature": WORLD},
    secrets={"token": "of-the-guard-in-front"},
    actions={
        "switch_off": ActionCase(PROMPT, {}, DESCRIBED, NOWHERE, ({"off": "v99"}, {"off": ""}, {"percent": 1})),
        "set_rollout": ActionCase(
            PROMPT,
            {"percent": 10},
            DESCRIBED,
            NOWHERE,
            (
                {},
                {"percent": 250},
                {"percent": -5},
                {"percent": 9.5},
                {"percent": True},
                {"percent": "ten"},
                {"percent": None},
                {"percent": 10, "off": "v99"},
            ),
        ),
        "roll_back_variation": ActionCase(
            PROMPT, {"variation": "v17"}, DESCRIBED, NOWHERE, ({}, {"variation": "v99"}, {"variation": "off"})
        ),
        "switch_segment_off": ActionCase(
            PROMPT,
            {"field": "plan", "value": "free"},
            DESCRIBED,
            NOWHERE,
            ({}, {"field": "plan"}, {"field": "plan", "value": ""}, {"field": "$flag.key", "value": "x"}),
        ),
        "pull_kill_switch": ActionCase(KILL_SWITCH, {}, KILL_DESCRIBED, NOWHERE, ({"on": "v99"}, {"on": "off"})),
    },
)
