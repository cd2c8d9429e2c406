"""A simulated Unleash on the contract's world, with what tests ask of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from bot.sdk import Action, JsonObject, Proposal, Simulator
from integrations.unleash import INTEGRATION
from integrations.unleash.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.unleash.contract import WORLD
from tests.integrations.world import MemoryWorld

FRONTEND_TOKEN = "default:production.any-secret"
SETTINGS = Settings.model_validate(INTEGRATION.simulated)


class SimulatedUnleash:
    """Its clock moves on a minute with every look."""

    def __init__(self, document: JsonObject | None = None) -> None:
        self.world = MemoryWorld({"unleash": document or WORLD})
        self._at = NOW
        assert INTEGRATION.simulator
        app = INTEGRATION.simulator(Simulator("unleash", self.world, self._now))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SETTINGS.url)

    def _now(self) -> datetime:
        self._at += timedelta(minutes=1)
        return self._at

    def action(self, name: str) -> Action:
        return next(each for each in INTEGRATION.actions if each.name == name)(SETTINGS, self.client)

    async def plan(self, name: str, ref: JsonObject, **params: object) -> Proposal:
        action = self.action(name)
        proposal = action.plan(ref, params, await action.read(ref))
        assert proposal
        return proposal

    async def carry_out(self, name: str, ref: JsonObject, **params: object) -> Proposal:
        proposal = await self.plan(name, ref, **params)
        await self.action(name).apply(ref, proposal.before, proposal.after, key="k")
        return proposal

    async def get(self, path: str, token: str = FRONTEND_TOKEN, **params: str) -> httpx.Response:
        return await self.client.get(path, params=params, headers={"Authorization": token})

    def environment(self, feature: str) -> JsonObject:
        environment: JsonObject = self.world.document("unleash")["features"][feature]["environments"]["production"]
        return environment

    def edit(self, feature: str, change: Callable[[JsonObject], None]) -> None:
        """Change a flag's production environment as somebody else would."""

        def edited(document: JsonObject) -> JsonObject:
            change(document["features"][feature]["environments"]["production"])
            return document

        self.world.disturb("unleash", edited)
