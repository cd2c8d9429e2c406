"""HAProxy for the contract suite: a backend of two servers, a deny list of addresses and one of tenants, a map."""

import copy

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

BACKEND: JsonObject = {"backend": "assistant"}
CLIENTS: JsonObject = {"acl": "/etc/haproxy/blocked-clients.acl"}
TENANTS: JsonObject = {"acl": "/etc/haproxy/blocked-tenants.acl"}
LIMIT: JsonObject = {"map": "/etc/haproxy/limits.map", "key": "assistant"}

WORLD: JsonObject = {
    "backends": {"assistant": {"servers": {"old": {"weight": 75}, "new": {"weight": 25}}}},
    "acls": {CLIENTS["acl"]: ["192.0.2.1"], TENANTS["acl"]: []},
    "maps": {LIMIT["map"]: ["assistant 1000", "search 50"]},
}


def with_other_servers(document: JsonObject) -> JsonObject:
    disturbed = copy.deepcopy(document)
    disturbed["backends"]["assistant"]["servers"]["old"].update(weight=10, state="maint")
    return disturbed


def with_other_entries(document: JsonObject) -> JsonObject:
    disturbed = copy.deepcopy(document)
    for entries in disturbed["acls"].values():
        entries.append("198.51.100.1")
    return disturbed


def with_other_limit(document: JsonObject) -> JsonObject:
    return {**document, "maps": {LIMIT["map"]: ["assistant 7"]}}


NO_SERVER: tuple[JsonObject, ...] = ({}, {"server": "nobody"}, {"server": "new; show acl"}, {"server": "a b"})

CONTRACT = Contract(
    world={"haproxy": WORLD},
    actions={
        "set_weight": ActionCase(
            BACKEND,
            {"server": "new", "weight": 0},
            with_other_servers,
            {"backend": "nothing"},
            (
                *NO_SERVER,
                {"server": "new"},
                {"server": "new", "weight": -1},
                {"server": "new", "weight": 257},
                {"server": "new", "weight": "many"},
                {"server": "new", "weight": 2.5},
                {"server": "new", "weight": True},
                {"server": "nobody", "weight": 1},
            ),
        ),
        "drain": ActionCase(BACKEND, {"server": "new"}, with_other_servers, {"backend": "nothing"}, NO_SERVER),
        "take_out": ActionCase(BACKEND, {"server": "new"}, with_other_servers, {"backend": "nothing"}, NO_SERVER),
        "block_client": ActionCase(
            CLIENTS,
            {"client": "203.0.113.7"},
            with_other_entries,
            {"acl": "/nothing"},
            (
                {},
                {"client": "0.0.0.0/0"},
                {"client": "203.0.113.7/24"},
                {"client": "everybody"},
                {"client": "::/0"},
                {"client": "203.0.113.7; shutdown sessions server assistant/new"},
            ),
        ),
        "block_value": ActionCase(
            TENANTS,
            {"value": "tenant-12"},
            with_other_entries,
            {"acl": "/nothing"},
            ({}, {"value": ""}, {"value": "a b"}, {"value": "a;b"}, {"value": "a\nb"}, {"value": "<<"}),
        ),
        "set_limit": ActionCase(
            LIMIT,
            {"limit": 40},
            with_other_limit,
            {"map": "/nothing", "key": "assistant"},
            ({}, {"limit": -5}, {"limit": "many"}, {"limit": 2.5}, {"limit": None}, {"limit": 1_000_000_001}),
        ),
    },
)
