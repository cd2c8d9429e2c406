"""Open Policy Agent for the contract suite: a guard with its data, and two revisions of it."""

import copy

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

THRESHOLD: JsonObject = {"path": "guardrails/toxicity/threshold", "stricter": "lower", "least": 0, "most": 1}
TOPICS: JsonObject = {"path": "guardrails/denied_topics"}
PATTERNS: JsonObject = {"path": "guardrails/denied_patterns"}
RULE: JsonObject = {"path": "guardrails/pii/enabled"}
SAMPLING: JsonObject = {"path": "logging/share"}
MODULE: JsonObject = {"policy": "assistant/guard.rego", "kept": "revisions/guard"}

OLD = """package guard

default allow := false

allow if input.score < data.guardrails.toxicity.threshold
"""
NEW = """package guard

default allow := true
"""


def document() -> JsonObject:
    return {
        "data": {
            "guardrails": {
                "toxicity": {"threshold": 0.8},
                "denied_topics": {"weapons": True, "gambling": False},
                "denied_patterns": ["(?i)napalm"],
                "pii": {"enabled": False},
            },
            "logging": {"share": 0.05},
            "revisions": {"guard": {"v9": OLD, "v10": NEW}},
        },
        "policies": {"assistant/guard.rego": NEW},
    }


def with_other_data(found: JsonObject) -> JsonObject:
    disturbed = copy.deepcopy(found)
    data = disturbed["data"]
    data["guardrails"]["toxicity"]["threshold"] = 0.4
    data["guardrails"]["denied_topics"]["chemistry"] = True
    data["guardrails"]["denied_patterns"].append("sarin")
    data["logging"]["share"] = 0.5
    del data["guardrails"]["pii"]["enabled"]
    disturbed["policies"]["assistant/guard.rego"] = OLD + "\ndefault deny := true\n"
    return disturbed


def _at_nothing(ref: JsonObject) -> JsonObject:
    return {**ref, "path": "guardrails/nothing"}


CONTRACT = Contract(
    world={"opa": document()},
    actions={
        "tighten_threshold": ActionCase(
            THRESHOLD,
            {"threshold": 0.5},
            with_other_data,
            _at_nothing(THRESHOLD),
            (
                {},
                {"threshold": "strict"},
                {"threshold": True},
                {"threshold": None},
                {"threshold": "nan"},
                {"threshold": -0.1},
                {"threshold": 0.9},
                {"threshold": 1.5},
            ),
        ),
        "deny_topic": ActionCase(
            TOPICS,
            {"topic": "self_harm"},
            with_other_data,
            _at_nothing(TOPICS),
            ({}, {"topic": ""}, {"topic": "  "}, {"topic": "a\nb"}, {"topic": "x" * 301}, {"topic": "gambling"}),
        ),
        "deny_pattern": ActionCase(
            PATTERNS,
            {"pattern": r"(?i)\bsarin\b"},
            with_other_data,
            _at_nothing(PATTERNS),
            (
                {},
                {"pattern": "("},
                {"pattern": ".*"},
                {"pattern": "(?=x)y"},
                {"pattern": r"(a)\1"},
                {"pattern": "a++"},
                {"pattern": "(?P<a>x)(?P=a)"},
                {"pattern": "(?<!x)y"},
            ),
        ),
        "enable_rule": ActionCase(RULE, {}, with_other_data, _at_nothing(RULE), ({"enabled": True},)),
        "raise_log_sampling": ActionCase(
            SAMPLING,
            {"share": 1},
            with_other_data,
            _at_nothing(SAMPLING),
            ({}, {"share": 0.01}, {"share": 1.1}, {"share": "all"}, {"share": True}),
        ),
        "roll_back_policy": ActionCase(
            MODULE,
            {"revision": "v9"},
            with_other_data,
            {**MODULE, "policy": "nothing.rego"},
            ({}, {"revision": "v8"}, {"revision": ""}, {"revision": 9}),
        ),
    },
)
