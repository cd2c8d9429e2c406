"""A simulated LaunchDarkly with the contract's flag, other fields where a test gives them, and an application."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from integrations.launchdarkly import INTEGRATION
from tests.integrations.launchdarkly.contract import PROMPT, WORLD
from tests.integrations.simulated import Simulated

FLAG = "assistant-prompt"
TOKEN = {"Authorization": str(INTEGRATION.simulated["token"])}


class SimulatedLaunchDarkly(Simulated):
    """Fields given are those of the flag's production environment."""

    def __init__(self, **fields: object) -> None:
        document = copy.deepcopy(WORLD)
        document["flags"][FLAG]["environments"]["production"].update(fields)
        super().__init__(INTEGRATION, document, PROMPT)

    @property
    def production(self) -> JsonObject:
        production: JsonObject = self.document["flags"][FLAG]["environments"]["production"]
        return production

    def edit(self, change: Callable[[JsonObject], None]) -> None:
        """Change the flag as somebody else would."""

        def edited(document: JsonObject) -> JsonObject:
            change(document["flags"][FLAG])
            return document

        self.disturb(edited)

    async def value(self, key: str = "user-1", **context: object) -> object:
        """Return what an application is served for a context."""
        path = "/api/v2/projects/default/environments/production/flags/evaluate"
        answer = await self.client.post(path, json={"kind": "user", "key": key, **context}, headers=TOKEN)
        (item,) = answer.json()["items"]
        return item["_value"]

    async def served(self, **context: object) -> list[object]:
        """Return the values that 400 users get."""
        return [await self.value(f"user-{number}", **context) for number in range(400)]
