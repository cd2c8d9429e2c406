"""The canary for the contract suite: it only measures by trying, which `test_canary.py` tests."""

from tests.integrations.contract import Contract

PROBES = {
    "orders": {
        "path": "/v1/answers",
        "body": {"question": "whose orders?"},
        "harmful_if": "order #[0-9]+",
        "clean_statuses": [503],
    }
}

CONTRACT = Contract(
    world={
        "canary": {
            "answers": {
                "/v1/answers": {
                    "harmful": "Here is ORDER #7 of somebody else.",
                    "clean": "I cannot do that.",
                    "harmful_while": {"connection": "flags", "pointer": "/assistant/enabled", "equals": True},
                }
            }
        },
        "flags": {"assistant": {"enabled": True}},
    },
    settings={"probes": PROBES},
)
