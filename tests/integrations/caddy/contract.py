"""Caddy for the contract suite: one server with a weighted balancer of two upstreams."""

import copy

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

BALANCER: JsonObject = {"id": "assistant"}
SERVER: JsonObject = {"server": "main"}
PATH: JsonObject = {"server": "main", "path": "/assistant/*"}
OLD, NEW = "127.0.0.1:9001", "127.0.0.1:9002"


def config(old: str = OLD, new: str = NEW, **server: object) -> JsonObject:
    """Return a configuration whose new upstream gets a quarter of the traffic."""
    selection = {"policy": "weighted_round_robin", "weights": [3, 1]}
    balancer = {
        "@id": "assistant",
        "handler": "reverse_proxy",
        "load_balancing": {"selection_policy": selection, "retries": 1},
        "upstreams": [{"dial": old, "max_requests": 100}, {"dial": new}],
    }
    servers = {"main": {"listen": ["127.0.0.1:8080"], "routes": [{"handle": [balancer]}], **server}}
    return {"apps": {"http": {"servers": servers}}}


def with_other_weights(document: JsonObject) -> JsonObject:
    disturbed = copy.deepcopy(document)
    balancer = disturbed["config"]["apps"]["http"]["servers"]["main"]["routes"][-1]["handle"][0]
    balancer["load_balancing"]["selection_policy"]["weights"] = [50, 50]
    balancer["upstreams"].append({"dial": "127.0.0.1:9003"})
    return disturbed


def with_route_in_front(document: JsonObject) -> JsonObject:
    """Put a route of somebody else's, and a block of somebody else's before ours."""
    disturbed = copy.deepcopy(document)
    server = disturbed["config"]["apps"]["http"]["servers"]["main"]
    ours = [route for route in server["routes"] if route.get("@id", "").startswith("stanch-")]
    theirs = ours or [{"@id": "stanch-blocked-main", "match": [{"client_ip": {"ranges": ["192.0.2.1/32"]}}]}, _CUT]
    rest = [route for route in server["routes"] if route not in ours]
    server["routes"] = [{"handle": [{"handler": "vars"}]}, *theirs, *rest]
    return disturbed


_CUT: JsonObject = {"@id": "stanch-cut-off-7af1905b4aff"}

CONTRACT = Contract(
    world={"caddy": {"config": config()}},
    secrets={"token": "token-of-the-proxy-in-front"},
    actions={
        "set_weight": ActionCase(
            BALANCER,
            {"upstream": NEW, "weight": 0},
            with_other_weights,
            {"id": "nothing"},
            (
                {},
                {"upstream": NEW},
                {"upstream": NEW, "weight": -5},
                {"upstream": NEW, "weight": "many"},
                {"upstream": NEW, "weight": 2.5},
                {"upstream": NEW, "weight": True},
                {"upstream": NEW, "weight": 10_001},
                {"upstream": "127.0.0.1:9", "weight": 1},
            ),
        ),
        "drain": ActionCase(BALANCER, {"upstream": NEW}, with_other_weights, {"id": "nothing"}, ({}, {"upstream": ""})),
        "block_client": ActionCase(
            SERVER,
            {"client": "203.0.113.7"},
            with_route_in_front,
            {"server": "nothing"},
            ({}, {"client": "0.0.0.0/0"}, {"client": "203.0.113.7/24"}, {"client": "everybody"}, {"client": "::/0"}),
        ),
        "cut_off": ActionCase(
            PATH, {}, with_route_in_front, {"server": "nothing", "path": "/assistant/*"}, ({"client": "x"},)
        ),
    },
)
