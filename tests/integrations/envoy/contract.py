"""Envoy for the contract suite: a listener with a split, a canary, a local rate limit and a fault filter."""

import copy
from collections.abc import Callable
from typing import Any

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

SPLIT: JsonObject = {"runtime_key_prefix": "routing.split"}
CANARY: JsonObject = {"runtime_key": "routing.canary"}
LIMIT: JsonObject = {"runtime_key": "limit.enabled"}
ENFORCED: JsonObject = {"runtime_key": "limit.enforced"}
ABORT: JsonObject = {"runtime_key": "fault.http.abort.abort_percent"}

_TYPES = "type.googleapis.com/envoy.extensions.filters"


def fraction(key: str, percent: int) -> JsonObject:
    return {"runtime_key": key, "default_value": {"numerator": percent}}


def routes(split: dict[str, int] | None = None) -> list[Any]:
    clusters = [{"name": name, "weight": weight} for name, weight in (split or {"old": 75, "new": 25}).items()]
    canary = {"prefix": "/canary", "runtime_fraction": fraction("routing.canary", 50)}
    return [
        {"match": canary, "route": {"cluster": "new"}},
        {"match": {"prefix": "/canary"}, "route": {"cluster": "old"}},
        {
            "match": {"prefix": "/"},
            "route": {"weighted_clusters": {"clusters": clusters, "runtime_key_prefix": "routing.split"}},
        },
    ]


def filters() -> list[Any]:
    limit = {
        "@type": f"{_TYPES}.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "limit",
        "token_bucket": {"max_tokens": 10, "tokens_per_fill": 10, "fill_interval": "600s"},
        "filter_enabled": fraction("limit.enabled", 0),
        "filter_enforced": fraction("limit.enforced", 100),
    }
    fault = {
        "@type": f"{_TYPES}.http.fault.v3.HTTPFault",
        "abort": {"http_status": 503, "percentage": {"numerator": 0}},
    }
    return [
        {"name": "envoy.filters.http.local_ratelimit", "typed_config": limit},
        {"name": "envoy.filters.http.fault", "typed_config": fault},
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"},
        },
    ]


def listener(port: int = 8080, route_list: list[Any] | None = None, filter_list: list[Any] | None = None) -> JsonObject:
    """Return a listener as a bootstrap file has it, and as Envoy shows it again."""
    host = {"name": "assistant", "domains": ["*"], "routes": routes() if route_list is None else route_list}
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "public",
        "route_config": {"name": "public", "virtual_hosts": [host]},
        "http_filters": filters() if filter_list is None else filter_list,
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"name": "public", "address": address, "filter_chains": [chain]}


def world(listeners: list[Any] | None = None, **values: JsonObject) -> JsonObject:
    """Return a document; `values` are those of the layers `static`, `admin` and `last`, if that is wanted."""
    names = ["static", "admin", *(["last"] if "last" in values else [])]
    given = [{"name": name, "admin": name == "admin", "values": values.get(name, {})} for name in names]
    return {"layers": given, "listeners": [listener()] if listeners is None else listeners}


def setting(**values: str) -> Callable[[JsonObject], JsonObject]:
    """Return what somebody else does who sets runtime values; `__` stands for a dot."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        disturbed["layers"][1]["values"].update({key.replace("__", "."): value for key, value in values.items()})
        return disturbed

    return disturb


NO_SHARES: tuple[JsonObject, ...] = (
    {},
    {"percent": -1},
    {"percent": 101},
    {"percent": 2.5},
    {"percent": "many"},
    {"percent": True},
    {"percent": "{numerator: 5, denominator: MILLION}"},
)

CONTRACT = Contract(
    world={"envoy": world()},
    secrets={"token": "token-of-the-proxy-in-front"},
    actions={
        "set_weight": ActionCase(
            SPLIT,
            {"cluster": "new", "weight": 0},
            setting(routing__split__old="7"),
            {"runtime_key_prefix": "routing.nothing"},
            (
                {},
                {"cluster": "new"},
                {"cluster": "new", "weight": -1},
                {"cluster": "new", "weight": "notanumber"},
                {"cluster": "new", "weight": 2.5},
                {"cluster": "new", "weight": True},
                {"cluster": "new", "weight": 1_000_001},
                {"cluster": "nobody", "weight": 1},
            ),
        ),
        "set_share": ActionCase(
            CANARY, {"percent": 0}, setting(routing__canary="7"), {"runtime_key": "routing.split"}, NO_SHARES
        ),
        "limit_rate": ActionCase(
            LIMIT,
            {"percent": 100},
            setting(limit__enabled="7"),
            {"runtime_key": "routing.canary"},
            (*NO_SHARES, {"percent": 0}),
        ),
        "abort_requests": ActionCase(
            {},
            {"percent": 100},
            setting(fault__http__abort__abort_percent="7"),
            {"runtime_key": "limit.enabled"},
            (*NO_SHARES, {"percent": 0}),
        ),
    },
)
