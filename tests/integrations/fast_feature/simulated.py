"""A simulated fast-feature on the contract's world, with what tests ask of it."""

import copy

import httpx

from bot.sdk import Action, JsonObject, Proposal, Simulator
from integrations.fast_feature import INTEGRATION
from integrations.fast_feature.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.fast_feature.contract import FLAG
from tests.integrations.wire import Wire
from tests.integrations.world import MemoryWorld

SETTINGS = Settings.model_validate(INTEGRATION.simulated)
REF = {"flag": "f"}


class SimulatedFastFeature:
    """Has one flag, `f`, which is the contract's with other fields."""

    def __init__(self, **fields: object) -> None:
        self.world = MemoryWorld({"fast_feature": {"flags": {"f": {**copy.deepcopy(FLAG), **fields}}}})
        assert INTEGRATION.simulator
        self.wire = Wire(INTEGRATION.simulator(Simulator("fast_feature", self.world, lambda: NOW)))
        self.client = httpx.AsyncClient(transport=self.wire, base_url=SETTINGS.url)

    def action(self, name: str) -> Action:
        return next(each for each in INTEGRATION.actions if each.name == name)(SETTINGS, self.client)

    async def plan(self, name: str, **params: object) -> Proposal | None:
        action = self.action(name)
        return action.plan(REF, params, await action.read(REF))

    async def carry_out(self, name: str, **params: object) -> Proposal:
        proposal = await self.plan(name, **params)
        assert proposal
        await self.action(name).apply(REF, proposal.before, proposal.after, key="k")
        return proposal

    async def evaluate(self, **context: object) -> JsonObject:
        """Return what an application is told."""
        answer = await self.client.post("/ofrep/v1/evaluate/flags/f", json={"context": context})
        told: JsonObject = answer.json()
        return told

    async def served(self, **context: object) -> list[str]:
        """Return the variant of each of 400 users."""
        users = (f"user-{number}" for number in range(400))
        return [str((await self.evaluate(targetingKey=user, userId=user, **context))["variant"]) for user in users]

    @property
    def flag(self) -> JsonObject:
        flag: JsonObject = self.world.document("fast_feature")["flags"]["f"]
        return flag
