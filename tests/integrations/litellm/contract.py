"""LiteLLM for the contract suite: keys, a team, models of both kinds, a guardrail, a policy with kept versions."""

import copy
import hashlib
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

ASSISTANT_KEY, BATCH_KEY = "sk-assistant-of-the-tests", "sk-batch-of-the-tests"
ASSISTANT = hashlib.sha256(ASSISTANT_KEY.encode()).hexdigest()
BATCH = hashlib.sha256(BATCH_KEY.encode()).hexdigest()

KEY: JsonObject = {"alias": "assistant"}
TEAM: JsonObject = {"team": "support"}
DEPLOYMENT: JsonObject = {"deployment": "main-1"}
ROUTE: JsonObject = {"model": "assistant-main"}
GUARDRAIL: JsonObject = {"guardrail": "words"}
OFF: JsonObject = {"guardrail": "pii"}
POLICY: JsonObject = {"policy": "baseline"}
SETTING: JsonObject = {"setting": "store_prompts_in_spend_logs"}

WORLD: JsonObject = {
    "keys": {
        ASSISTANT: {"key_alias": "assistant", "models": ["assistant-main"], "rpm_limit": 100, "max_budget": 50.0},
        BATCH: {"key_alias": "batch", "team_id": "support"},
    },
    "teams": {"support": {"team_alias": "Support", "tpm_limit": 10_000, "max_budget": 500.0}},
    "deployments": {
        "main-1": {"model_name": "assistant-main", "upstream": "main", "rpm": 60, "tpm": 6_000},
        "backup-1": {"model_name": "assistant-backup", "upstream": "backup"},
        "file-1": {"model_name": "assistant-file", "upstream": "file", "db_model": False},
    },
    "guardrails": {
        "words": {
            "params": {
                "default_on": True,
                "blocked_words": [{"keyword": "napalm", "action": "BLOCK", "description": "weapons"}],
                "patterns": [
                    {
                        "pattern_type": "regex",
                        "pattern_name": None,
                        "pattern": "ACCT-[0-9]+",
                        "name": "account",
                        "action": "MASK",
                    }
                ],
                "categories": [
                    {
                        "category": "harmful_self_harm",
                        "enabled": True,
                        "action": "BLOCK",
                        "severity_threshold": "high",
                        "category_file": None,
                    }
                ],
            }
        },
        "pii": {"params": {"blocked_words": [{"keyword": "passport", "action": "BLOCK", "description": None}]}},
        "filed": {"from_file": True, "params": {}},
        "vendor": {"params": {"guardrail": "bedrock"}},
    },
    "policies": {
        "baseline": [
            {"version_number": 1, "guardrails_add": ["pii"], "production_at": "2026-11-01T00:00:00Z"},
            {"version_number": 2, "guardrails_add": ["pii", "words"], "production_at": "2026-11-10T00:00:00Z"},
            {
                "version_number": 3,
                "version_status": "production",
                "description": "Looser",
                "production_at": "2026-11-20T00:00:00Z",
            },
            {"version_number": 4, "version_status": "draft"},
        ]
    },
    "topics": {
        "denied_medical_advice": {"high": ["prescribe"], "medium": ["dosage"], "low": ["pill"]},
        "harmful_self_harm": {"high": ["how to die"], "medium": ["suicide"], "low": ["hopeless"]},
    },
}


def disturbing(change: Callable[[JsonObject], None]) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of the document."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        change(disturbed)
        return disturbed

    return disturb


RAISED = disturbing(lambda document: document["keys"][ASSISTANT].update(rpm_limit=90, max_budget=49.0))
TEAM_RAISED = disturbing(lambda document: document["teams"]["support"].update(tpm_limit=9_000, max_budget=499.0))
MODEL_RAISED = disturbing(lambda document: document["deployments"]["main-1"].update(rpm=50))
REROUTED = disturbing(
    lambda document: document.update(
        router={
            **document.get("router", {}),
            "model_group_alias": {"assistant-main": "assistant-file"},
            "fallbacks": [{"assistant-main": ["assistant-file"]}],
        }
    )
)
OTHER_WORD = disturbing(
    lambda document: document["guardrails"]["words"]["params"].update(
        blocked_words=[{"keyword": "sarin", "action": "BLOCK", "description": None}]
    )
)
OTHER_MODE = disturbing(lambda document: document["guardrails"]["pii"]["params"].update(mode="post_call"))
OTHER_VERSION = disturbing(lambda document: document["policies"]["baseline"][0].update(guardrails_add=["words"]))
SWITCHED_FALSE = disturbing(lambda document: document.update(settings={"store_prompts_in_spend_logs": False}))

BAD_LIMITS: tuple[JsonObject, ...] = (
    {},
    {"requests_per_minute": -5},
    {"requests_per_minute": "many"},
    {"requests_per_minute": 2.5},
    {"requests_per_minute": True},
    {"tokens_per_minute": -1},
    {"tokens_per_minute": 10**12},
)
BAD_BUDGETS: tuple[JsonObject, ...] = (
    {},
    {"dollars": -1},
    {"dollars": "nan"},
    {"dollars": "inf"},
    {"dollars": True},
    {"dollars": 60_000},
)
BAD_ROUTES: tuple[JsonObject, ...] = ({}, {"to": ""}, {"to": "assistant-main"}, {"to": 7})
NO_PARAMS: tuple[JsonObject, ...] = ({"unknown": 1},)

CONTRACT = Contract(
    world={"litellm": WORLD},
    actions={
        "limit_key": ActionCase(KEY, {"requests_per_minute": 5}, RAISED, {"alias": "nobody"}, BAD_LIMITS),
        "limit_team": ActionCase(TEAM, {"tokens_per_minute": 100}, TEAM_RAISED, {"team": "nobody"}, BAD_LIMITS),
        "limit_model": ActionCase(
            DEPLOYMENT, {"requests_per_minute": 5}, MODEL_RAISED, {"deployment": "none"}, BAD_LIMITS
        ),
        "block_key": ActionCase({"hash": ASSISTANT}, {}, RAISED, {"hash": "0" * 64}, NO_PARAMS),
        "block_model": ActionCase(DEPLOYMENT, {}, MODEL_RAISED, {"deployment": "none"}, NO_PARAMS),
        "cap_key_budget": ActionCase(KEY, {"dollars": 2.5}, RAISED, {"alias": "nobody"}, BAD_BUDGETS),
        "cap_team_budget": ActionCase(TEAM, {"dollars": 0}, TEAM_RAISED, {"team": "nobody"}, BAD_BUDGETS),
        "switch_route": ActionCase(ROUTE, {"to": "assistant-backup"}, REROUTED, {"model": "none"}, BAD_ROUTES),
        "set_fallback": ActionCase(ROUTE, {"to": "assistant-backup"}, REROUTED, {"model": "none"}, BAD_ROUTES),
        "deny_pattern": ActionCase(
            GUARDRAIL,
            {"pattern": "SSN-[0-9]{9}"},
            OTHER_WORD,
            {"guardrail": "none"},
            (
                {},
                {"word": "a"},
                {"word": "   "},
                {"pattern": "("},
                {"pattern": ".*"},
                {"pattern": "x" * 501},
                {"word": "sarin", "pattern": "sarin"},
            ),
        ),
        "deny_topic": ActionCase(
            GUARDRAIL,
            {"topic": "denied_medical_advice"},
            OTHER_WORD,
            {"guardrail": "none"},
            ({}, {"topic": "no_such_topic"}, {"topic": "../etc"}, {"topic": ""}),
        ),
        "tighten_threshold": ActionCase(
            GUARDRAIL,
            {"topic": "harmful_self_harm", "severity": "low"},
            OTHER_WORD,
            {"guardrail": "none"},
            (
                {},
                {"topic": "denied_medical_advice", "severity": "low"},
                {"topic": "harmful_self_harm", "severity": "high"},
                {"topic": "harmful_self_harm", "severity": 0.5},
            ),
        ),
        "enable_guardrail": ActionCase(OFF, {}, OTHER_MODE, {"guardrail": "none"}, NO_PARAMS),
        "roll_back_policy": ActionCase(
            POLICY,
            {"version": 2},
            OTHER_VERSION,
            {"policy": "none"},
            ({}, {"version": 9}, {"version": 4}, {"version": -1}, {"version": "two"}),
        ),
        "log_prompts": ActionCase(SETTING, {}, SWITCHED_FALSE, {"setting": "store_nothing_in_spend_logs"}, NO_PARAMS),
    },
)
