"""A declared API on its simulator, with operations of a test's own."""

from collections.abc import Callable
from typing import Any

import httpx

from bot.sdk import Action, JsonObject, Proposal, Simulator
from integrations.http import INTEGRATION
from integrations.http.settings import Settings
from tests.integrations.contract import NOW
from tests.integrations.wire import Wire
from tests.integrations.world import MemoryWorld

ITEM = "/v1/items/${ref.item}"
TEXT = {"type": "text"}


def reading(operation: str = "set", **at: object) -> JsonObject:
    """Return a target's ref."""
    return {"operation": operation, "at": at}


def setting(**parts: object) -> JsonObject:
    """Return an operation that sets one value of an item; `parts` replace its own."""
    return {
        "title": "Set a value",
        "level": "L4",
        "ref": {"item": TEXT},
        "params": {"value": {"type": "integer", "minimum": 0, "maximum": 100}},
        "read": {"path": ITEM, "values": {"value": "/value"}},
        "sets": {"value": "${params.value}"},
        "apply": {"method": "PATCH", "path": ITEM, "body": {"value": "${values.value}"}},
        **parts,
    }


class DeclaredApi:
    """One declared operation, called `set`, on the simulator, and what passes on the wire."""

    def __init__(self, operation: JsonObject, world: JsonObject, **settings: Any) -> None:
        self.world = MemoryWorld({"http": world})
        assert INTEGRATION.simulator
        self.wire = Wire(INTEGRATION.simulator(Simulator("http", self.world, lambda: NOW)))
        given = {**settings, "operations": {"set": operation}, **INTEGRATION.simulated}
        self.settings = Settings.model_validate(given)
        self.client = httpx.AsyncClient(transport=self.wire, base_url=self.settings.url)

    def action(self, level: str = "L4") -> Action:
        made = next(each for each in INTEGRATION.actions if each.lowest_level.value == level)
        return made(self.settings, self.client)

    async def plan(self, ref: JsonObject, **params: object) -> Proposal:
        proposal = self.action().plan(ref, params, await self.action().read(ref))
        assert proposal
        return proposal

    async def carry_out(self, ref: JsonObject, **params: object) -> Proposal:
        proposal = await self.plan(ref, **params)
        await self.action().apply(ref, proposal.before, proposal.after, key="k")
        return proposal

    async def undo(self, ref: JsonObject, proposal: Proposal) -> None:
        await self.action().apply(ref, proposal.after, proposal.before, key="k")

    @property
    def document(self) -> JsonObject:
        return self.world.document("http")

    def disturb(self, change: Callable[[JsonObject], None]) -> None:
        def disturbed(document: JsonObject) -> JsonObject:
            change(document)
            return document

        self.world.disturb("http", disturbed)
