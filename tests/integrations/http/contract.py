"""A declared API for the contract suite: an operation at every level of the ladder, over one document a tenant."""

from bot.sdk import JsonObject, Level
from tests.integrations.contract import ActionCase, Contract

TENANT = "/v1/tenants/acme"
NAMES = {
    Level.L0: "preserve",
    Level.L1: "block",
    Level.L2: "tighten",
    Level.L3: "disable",
    Level.L4: "limit",
    Level.L5: "roll_back",
    Level.L6: "switch_off",
    Level.L7: "revoke",
}


def operation(level: Level, **more: object) -> JsonObject:
    """Return an operation that lowers a limit and flags the tenant; `more` replaces parts."""
    return {
        "title": "Limit a tenant",
        "level": level.value,
        "ref": {"tenant": {"type": "text", "pattern": "[a-z-]+"}},
        "params": {"per_minute": {"type": "integer", "minimum": 0, "maximum": 1_000}},
        "touches": ["everybody who works for the tenant"],
        "read": {
            "path": "/v1/tenants/${ref.tenant}",
            "values": {"per_minute": "/limits/requests", "burst": "/limits/burst", "flagged": "/flagged"},
        },
        "sets": {"per_minute": "${params.per_minute}", "flagged": True},
        "apply": {
            "method": "PATCH",
            "path": "/v1/tenants/${ref.tenant}",
            "body": {"limits": {"requests": "${values.per_minute}"}, "flagged": "${values.flagged}"},
        },
        "if_match": True,
        **more,
    }


OPERATIONS = {f"limit_at_{level.value.lower()}": operation(level) for level in Level}
SETTINGS: JsonObject = {"operations": OPERATIONS, "headers": {"X-Reason": "incident"}}
WORLD: JsonObject = {
    "documents": {TENANT: {"limits": {"requests": 600, "burst": 20}, "flagged": False, "plan": "team"}}
}


def disturb(document: JsonObject) -> JsonObject:
    document["documents"][TENANT]["limits"]["burst"] = 21
    return document


def case(level: Level) -> ActionCase:
    name = f"limit_at_{level.value.lower()}"
    bad = (
        {},
        {"per_minute": -5},
        {"per_minute": 1_001},
        {"per_minute": "lots"},
        {"per_minute": True},
        {"per_minute": 1.5},
    )
    return ActionCase(
        ref={"operation": name, "at": {"tenant": "acme"}},
        params={"per_minute": 10},
        disturb=disturb,
        missing={"operation": name, "at": {"tenant": "nobody"}},
        bad_params=bad,
        open_params=True,
    )


CONTRACT = Contract(world={"http": WORLD}, settings=SETTINGS, actions={NAMES[level]: case(level) for level in Level})
