"""Agents for the contract suite: one agent with a credential, a tool and a memory."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from tests.integrations.contract import ActionCase, Contract

WORLD: JsonObject = {
    "agents": {
        "refund-agent": {
            "control": {"state": "running", "about": "refunds up to 200 EUR without asking"},
            "credentials": {"payments-writer": {"state": "valid", "about": "may pay out"}},
            "tools": {"issue_refund": {"state": "enabled"}, "look_up": {"state": "enabled"}},
        }
    }
}
AGENT = {"agent": "refund-agent"}
NOBODY = {"agent": "no-such-agent"}
CREDENTIAL = {**AGENT, "credential": "payments-writer"}
TOOL = {**AGENT, "tool": "issue_refund"}


def changing(*way: str) -> Callable[[JsonObject], JsonObject]:
    """Return a disturbance of one control: somebody describes it anew."""

    def disturb(document: JsonObject) -> JsonObject:
        disturbed = copy.deepcopy(document)
        control = disturbed["agents"]["refund-agent"]
        for name in way:
            control = control.setdefault(name, {"state": "writable"})
        control.update(about="looked after by somebody else", version=control.get("version", 1) + 1)
        return disturbed

    return disturb


BAD = ({"reason": "x"},)
CONTRACT = Contract(
    world={"agents": WORLD},
    actions={
        "pause": ActionCase(AGENT, {}, changing("control"), NOBODY, BAD),
        "revoke_credential": ActionCase(
            CREDENTIAL, {}, changing("credentials", "payments-writer"), {**AGENT, "credential": "none"}, BAD
        ),
        "disable_tool": ActionCase(TOOL, {}, changing("tools", "issue_refund"), {**AGENT, "tool": "none"}, BAD),
        "stop_memory_writes": ActionCase(AGENT, {}, changing("memory"), NOBODY, BAD),
    },
)
