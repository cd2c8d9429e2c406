"""Prometheus for the contract suite: one query whose harm lasts while a flag of another connection is on."""

from tests.integrations.contract import Contract, SignalCase

QUERY = "sum(rate(harmful_answers_total[1m]))"

CONTRACT = Contract(
    world={
        "prometheus": {
            "series": {
                QUERY: {
                    "while": {"connection": "flags", "pointer": "/assistant/enabled", "equals": True},
                    "since": "2026-11-24T08:40:00Z",
                    "harmful": 4.0,
                    "clean": 0.1,
                    "falls_within": 60,
                }
            }
        },
        "flags": {"assistant": {"enabled": True, "changed_at": "2026-11-20T00:00:00Z"}},
    },
    secrets={"token": "prometheus-token-of-a-test"},
    signals=SignalCase(query=QUERY, empty="up{job='nobody'}", wrong="sum("),
)
