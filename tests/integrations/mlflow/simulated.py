"""A simulated MLflow on the contract's world, with what tests ask of it; its clock is moved by them."""

from collections import Counter
from datetime import timedelta

import httpx

from bot.sdk import Action, JsonObject, Proposal, Simulator
from integrations.mlflow import INTEGRATION
from integrations.mlflow.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.mlflow.contract import WORLD
from tests.integrations.wire import Wire
from tests.integrations.world import MemoryWorld

SETTINGS = Settings.model_validate(INTEGRATION.simulated)


class SimulatedMLflow:
    def __init__(self) -> None:
        self.world = MemoryWorld({"mlflow": WORLD})
        self.now = NOW
        assert INTEGRATION.simulator
        self.wire = Wire(INTEGRATION.simulator(Simulator("mlflow", self.world, lambda: self.now)))
        self.client = httpx.AsyncClient(transport=self.wire, base_url=SETTINGS.url)

    def later(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def action(self, name: str) -> Action:
        return next(each for each in INTEGRATION.actions if each.name == name)(SETTINGS, self.client)

    async def plan(self, name: str, ref: JsonObject, **params: object) -> Proposal:
        proposal = self.action(name).plan(ref, params, await self.action(name).read(ref))
        assert proposal
        return proposal

    async def carry_out(self, name: str, ref: JsonObject, **params: object) -> Proposal:
        proposal = await self.plan(name, ref, **params)
        await self.action(name).apply(ref, proposal.before, proposal.after, key="k")
        return proposal

    async def undo(self, name: str, ref: JsonObject, proposal: Proposal) -> None:
        await self.action(name).apply(ref, proposal.after, proposal.before, key="u")

    async def traffic(self, requests: int = 100) -> Counter[str]:
        """Ask the gateway as its users do, and count which models answer."""
        answered: Counter[str] = Counter()
        headers = {"Authorization": f"Bearer {SETTINGS.token.get_secret_value()}"}
        for number in range(requests):
            body = {"messages": [{"role": "user", "content": f"question {number}"}]}
            answer = await self.client.post("/gateway/assistant/mlflow/invocations", json=body, headers=headers)
            answered[answer.json()["model"]] += 1
        return answered

    def document(self) -> JsonObject:
        return self.world.document("mlflow")
