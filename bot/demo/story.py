"""The demo's story as data: what the simulated vendors hold when it begins, and the alert that tells of it.

This morning the support assistant's flag was moved to prompt v42. Since then it gives harmful advice.
"""

from datetime import datetime, timedelta

from bot.domain.values import JsonObject

PROMPT_FLAG = "support-assistant-prompt"
FEATURE_FLAG = "support-assistant"
GOOD_PROMPT = "v41"
BAD_PROMPT = "v42"
QUERY = "sum(rate(support_assistant_harmful_answers_total[1m])) / sum(rate(support_assistant_answers_total[1m])) * 1000"

THRESHOLD = 0.5  # as the registry says of this signal

_SINCE_RELEASE = timedelta(minutes=22)
_RULE_DELAY = timedelta(minutes=2)
_RELEASE_PLACE = "/features/support-assistant-prompt/environments/production/strategies/0/variants/1/weight"
_FEATURE_PLACE = "/features/support-assistant/environments/production/enabled"


def connections(now: datetime) -> JsonObject:
    """Return the connections file: Unleash, Prometheus and a pager, all simulated."""
    began = (now - _SINCE_RELEASE).isoformat()
    return {
        "unleash": {"integration": "unleash", "simulated": True, "world": _flags(began)},
        "prometheus": {"integration": "prometheus", "simulated": True, "world": _measurements(began)},
        "approvers": {"integration": "pagerduty", "simulated": True, "world": {}},
    }


def _flags(began: str) -> JsonObject:
    prompts = [_variant(GOOD_PROMPT, 0, "variable"), _variant(BAD_PROMPT, 1000, "fix")]
    return {
        "features": {
            PROMPT_FLAG: {"environments": {"production": _environment(began, variants=prompts)}},
            FEATURE_FLAG: {"environments": {"production": _environment(began, variants=[])}},
        }
    }


def _environment(began: str, *, variants: list[JsonObject]) -> JsonObject:
    strategy = {
        "name": "flexibleRollout",
        "parameters": {"rollout": "100", "stickiness": "default", "groupId": FEATURE_FLAG},
        "variants": variants,
    }
    return {"enabled": True, "changed_at": began, "strategies": [strategy]}


def _variant(name: str, weight: int, weight_type: str) -> JsonObject:
    return {
        "name": name,
        "weight": weight,
        "weightType": weight_type,
        "stickiness": "default",
        "payload": {"type": "string", "value": f"prompts/{name}"},
    }


def _measurements(began: str) -> JsonObject:
    harm_lasts_while = {
        "all_of": [
            {"connection": "unleash", "pointer": _RELEASE_PLACE, "equals": 1000},
            {"connection": "unleash", "pointer": _FEATURE_PLACE, "equals": True},
        ]
    }
    series = {"while": harm_lasts_while, "since": began, "harmful": 4.1, "clean": 0.08, "falls_within": 4}
    return {"series": {QUERY: series}}


def alert(now: datetime) -> JsonObject:
    """Return what Alertmanager posts about it."""
    labels = {
        "alertname": "HarmfulAdviceRateHigh",
        "service": "support-assistant",
        "failure_mode": "harmful-output",
        "harm_class": "medical",
        "release": f"prompt-{BAD_PROMPT}",
        "severity": "critical",
    }
    group = {"alertname": labels["alertname"], "service": labels["service"]}
    annotations = {
        "summary": f"Support assistant: 4.1 harmful answers per 1,000 since prompt {BAD_PROMPT}",
        "description": f"Graders mark answers as unsafe medical advice since this morning's prompt {BAD_PROMPT}.",
    }
    firing = {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": (now - _RULE_DELAY).isoformat().replace("+00:00", "Z"),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com/graph?g0.tab=1",
        "fingerprint": "8f1c0a52d3b7e694",
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HarmfulAdviceRateHigh", service="support-assistant"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "stanch",
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.example.com",
        "alerts": [firing],
    }
