"""AWS WAF for the contract suite: a web ACL with a rate-based rule, and an IP set of blocked clients."""

import copy

import httpx

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

ACL_ID, SET_ID = "1f2e3d4c-0000-4000-8000-00000000000a", "1f2e3d4c-0000-4000-8000-00000000000b"
RULE: JsonObject = {"scope": "REGIONAL", "name": "assistant", "id": ACL_ID, "rule": "per-client"}
BLOCKED: JsonObject = {"scope": "REGIONAL", "name": "blocked", "id": SET_ID}


def visible(name: str) -> JsonObject:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}


def rules() -> list[JsonObject]:
    """Return a rule that counts by address, and one that belongs to somebody else."""
    rate = {
        "Limit": 2000,
        "EvaluationWindowSec": 60,
        "AggregateKeyType": "IP",
        "ScopeDownStatement": {"GeoMatchStatement": {"CountryCodes": ["DE"]}},
    }
    return [
        {
            "Name": "geo",
            "Priority": 0,
            "Statement": {"GeoMatchStatement": {"CountryCodes": ["AQ"]}},
            "Action": {"Block": {}},
            "VisibilityConfig": visible("geo"),
        },
        {
            "Name": "per-client",
            "Priority": 1,
            "Statement": {"RateBasedStatement": rate},
            "Action": {"Block": {"CustomResponse": {"ResponseCode": 429}}},
            "VisibilityConfig": visible("per-client"),
        },
    ]


def document() -> JsonObject:
    return {
        "web_acls": {
            ACL_ID: {
                "Name": "assistant",
                "ARN": f"arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/assistant/{ACL_ID}",
                "Capacity": 3,
                "DefaultAction": {"Allow": {}},
                "Description": "In front of the assistant",
                "Rules": rules(),
                "VisibilityConfig": visible("assistant"),
                "TokenDomains": ["assistant.example.com"],
            }
        },
        "ip_sets": {
            SET_ID: {
                "Name": "blocked",
                "ARN": f"arn:aws:wafv2:eu-central-1:123456789012:regional/ipset/blocked/{SET_ID}",
                "Description": "Blocked clients",
                "IPAddressVersion": "IPV4",
                "Addresses": ["198.51.100.0/24"],
            }
        },
    }


def with_other_limits(found: JsonObject) -> JsonObject:
    disturbed = copy.deepcopy(found)
    disturbed["web_acls"][ACL_ID]["Rules"][1]["Statement"]["RateBasedStatement"]["EvaluationWindowSec"] = 300
    disturbed["ip_sets"][SET_ID]["Addresses"] = ["192.0.2.1/32"]
    return disturbed


def is_read(request: httpx.Request) -> bool:
    return ".Get" in request.headers["X-Amz-Target"]


CONTRACT = Contract(
    world={"aws_waf": document()},
    secrets={"session_token": "token-of-a-session"},
    actions={
        "lower_limit": ActionCase(
            RULE,
            {"limit": 100},
            with_other_limits,
            {**RULE, "rule": "nothing"},
            (
                {},
                {"limit": 9},
                {"limit": -5},
                {"limit": 2001},
                {"limit": "many"},
                {"limit": 99.5},
                {"limit": True},
                {"limit": 2_000_000_001},
            ),
        ),
        "block_client": ActionCase(
            BLOCKED,
            {"client": "203.0.113.7"},
            with_other_limits,
            {**BLOCKED, "id": "nothing"},
            (
                {},
                {"client": "everybody"},
                {"client": "0.0.0.0/0"},
                {"client": "203.0.113.7/24"},
                {"client": "2001:db8::1"},
            ),
        ),
    },
    is_read=is_read,
)
