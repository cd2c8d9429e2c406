"""A simulated LiteLLM on the contract's world, with what tests ask of it."""

from datetime import datetime, timedelta

import httpx

from bot.sdk import Action, JsonObject, Proposal, Simulator
from integrations.litellm import INTEGRATION
from integrations.litellm.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.litellm.contract import ASSISTANT_KEY, WORLD
from tests.integrations.world import MemoryWorld

SETTINGS = Settings.model_validate(INTEGRATION.simulated)


class SimulatedLiteLlm:
    """Its clock stands still until it is told to go on."""

    def __init__(self, **parts: object) -> None:
        self.world = MemoryWorld({"litellm": {**WORLD, **parts}})
        self.at = NOW
        assert INTEGRATION.simulator
        app = INTEGRATION.simulator(Simulator("litellm", self.world, self._now))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SETTINGS.url)

    def _now(self) -> datetime:
        return self.at

    def pass_time(self, by: timedelta) -> None:
        self.at += by

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

    async def undo(self, name: str, ref: JsonObject, done: Proposal) -> None:
        await self.action(name).apply(ref, done.after, done.before, key="u")

    async def ask(self, said: str = "hello", model: str = "assistant-main", key: str = ASSISTANT_KEY) -> httpx.Response:
        """Call the proxy as an application does."""
        body = {"model": model, "messages": [{"role": "user", "content": said}]}
        return await self.client.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})

    async def heard(self, said: str = "hello", model: str = "assistant-main", key: str = ASSISTANT_KEY) -> object:
        """Return what an application gets: the answer, or the status of a refusal."""
        answer = await self.ask(said, model, key)
        if answer.status_code != 200:
            return answer.status_code
        return answer.json()["choices"][0]["message"]["content"]

    def document(self) -> JsonObject:
        return self.world.document("litellm")
