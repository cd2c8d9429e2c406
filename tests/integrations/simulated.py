"""An integration on its simulator, and what people and applications do with it in tests."""

from collections.abc import Callable, Mapping

import httpx

from bot.sdk import Action, Integration, JsonObject, Proposal, Simulator
from tests.integrations.contract import NOW
from tests.integrations.wire import Wire
from tests.integrations.world import MemoryWorld


class Simulated:
    """One target on a simulator.

    Attributes:
        world: Its document has the integration's name.
        wire: What passes between the actions and the simulator.
    """

    def __init__(self, integration: Integration, document: JsonObject, ref: JsonObject) -> None:
        assert integration.settings
        assert integration.simulator
        self._integration = integration
        self._settings = integration.settings.model_validate(integration.simulated)
        self.ref = ref
        self.world = MemoryWorld({integration.name: document})
        self.wire = Wire(integration.simulator(Simulator(integration.name, self.world, lambda: NOW)))
        self.client = httpx.AsyncClient(transport=self.wire, base_url=self._settings.url)

    def action(self, name: str, **settings: object) -> Action:
        """Return an action; `settings` are those that differ from the simulated ones."""
        given = type(self._settings).model_validate({**dict(self._settings), **settings})
        return next(each for each in self._integration.actions if each.name == name)(given, self.client)

    async def read(self, name: str = "switch_off") -> JsonObject:
        return await self.action(name).read(self.ref)

    async def plan(self, name: str, params: Mapping[str, object] | None = None) -> Proposal | None:
        return self.action(name).plan(self.ref, dict(params or {}), await self.read(name))

    async def planned(self, name: str, params: Mapping[str, object] | None = None) -> Proposal:
        proposal = await self.plan(name, params)
        assert proposal
        return proposal

    async def apply(self, name: str, proposal: Proposal) -> None:
        await self.action(name).apply(self.ref, proposal.before, proposal.after, key="one")

    async def carry_out(self, name: str, params: Mapping[str, object] | None = None) -> Proposal:
        """Plan and apply, and see that it reads as planned."""
        proposal = await self.planned(name, params)
        await self.apply(name, proposal)
        assert await self.read(name) == proposal.after
        return proposal

    async def undo(self, name: str, proposal: Proposal) -> None:
        """Undo, and see that it reads as before."""
        await self.action(name).apply(self.ref, proposal.after, proposal.before, key="two")
        assert await self.read(name) == proposal.before

    def disturb(self, change: Callable[[JsonObject], JsonObject]) -> None:
        """Change the simulator's document as somebody else would."""
        self.world.disturb(self._integration.name, change)

    @property
    def document(self) -> JsonObject:
        return self.world.document(self._integration.name)
