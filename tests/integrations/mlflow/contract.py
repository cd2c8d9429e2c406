"""MLflow for the contract suite: a model with an alias, an endpoint with a fallback, a budget."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

WORLD: JsonObject = {
    "models": {
        "assistant": {
            "aliases": {"production": "3"},
            "versions": {"1": {"tags": {"stanch": "bad"}}, "2": {"tags": {"team": "support"}}, "3": {}},
        }
    },
    "endpoints": {
        "assistant": {
            "links": [
                {"model": "gpt-main", "weight": 0.7},
                {"model": "gpt-next", "weight": 0.2},
                {"model": "gpt-small", "weight": 0.1},
                {"model": "gpt-small", "linkage_type": "FALLBACK", "fallback_order": 1},
                {"model": "gpt-old", "linkage_type": "FALLBACK", "fallback_order": 2},
            ],
            "fallback_config": {"strategy": "SEQUENTIAL", "max_attempts": 2},
        }
    },
    "budgets": {"bp-assistant": {"budget_amount": 200.0, "target_scope": "ENDPOINT", "target_value": "e-assistant"}},
}
ALIAS = {"model": "assistant", "alias": "production"}
ENDPOINT = {"endpoint": "assistant"}
BUDGET = {"budget": "bp-assistant"}


def changing(change: Callable[[JsonObject], None]) -> Callable[[JsonObject], JsonObject]:
    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        change(disturbed)
        return disturbed

    return disturb


def _somebody_marks_another(document: JsonObject) -> None:
    document["models"]["assistant"]["versions"]["2"]["tags"]["stanch"] = "bad"


def _somebody_retries_more(document: JsonObject) -> None:
    document["endpoints"]["assistant"]["fallback_config"] = {"strategy": "SEQUENTIAL", "max_attempts": 3}


def _somebody_spends_more(document: JsonObject) -> None:
    document["budgets"]["bp-assistant"]["budget_amount"] = 300.0


NO_NUMBERS = ("all", None, True, "nan", "inf")
CONTRACT = Contract(
    world={"mlflow": WORLD},
    actions={
        "move_alias": ActionCase(
            ALIAS,
            {"version": "2"},
            changing(_somebody_marks_another),
            {"model": "no-such-model", "alias": "production"},
            tuple({"version": bad} for bad in ("1", "4", "0", "-1", "two", "", None, 2.5)),
        ),
        "shift_traffic": ActionCase(
            ENDPOINT,
            {"model": "gpt-main", "percent": 10},
            changing(_somebody_retries_more),
            {"endpoint": "no-such-endpoint"},
            (
                {},
                {"model": "gpt-main"},
                {"model": "gpt-none", "percent": 10},
                *({"model": "gpt-main", "percent": bad} for bad in (-1, 101, 250, 9.5, *NO_NUMBERS)),
            ),
        ),
        "drop_fallback": ActionCase(
            ENDPOINT,
            {"model": "gpt-small"},
            changing(_somebody_retries_more),
            {"endpoint": "no-such-endpoint"},
            ({}, {"model": ""}, {"model": 1}),
        ),
        "cap_budget": ActionCase(
            BUDGET,
            {"amount": 50},
            changing(_somebody_spends_more),
            {"budget": "bp-none"},
            ({}, *({"amount": bad} for bad in (-5, 201, *NO_NUMBERS))),
        ),
    },
)
