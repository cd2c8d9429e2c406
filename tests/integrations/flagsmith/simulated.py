"""A simulated Flagsmith with the contract's features, other fields where a test gives them, and an application."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from integrations.flagsmith import INTEGRATION
from tests.integrations.flagsmith.contract import PROMPT, WORLD
from tests.integrations.simulated import Simulated


class SimulatedFlagsmith(Simulated):
    """Fields given are those of the feature in its environment; `environment` holds those of the environment."""

    def __init__(
        self, feature: str = "assistant-prompt", environment: JsonObject | None = None, **fields: object
    ) -> None:
        document = copy.deepcopy(WORLD)
        document["environments"]["production-key"].update(environment or {})
        document["features"][feature]["environments"]["production-key"].update(fields)
        super().__init__(INTEGRATION, document, {**PROMPT, "feature": feature})
        self._feature = feature

    @property
    def served(self) -> JsonObject:
        served: JsonObject = self.document["features"][self._feature]["environments"]["production-key"]
        return served

    def edit(self, change: Callable[[JsonObject], None]) -> None:
        """Change the document as somebody else would."""

        def edited(document: JsonObject) -> JsonObject:
            change(document)
            return document

        self.disturb(edited)

    async def serves(self, identity: str) -> object:
        """Return the value that an application is told for an identity; `None` where the feature is off."""
        headers = {"X-Environment-Key": "production-key"}
        answer = await self.client.get("/api/v1/identities/", params={"identifier": identity}, headers=headers)
        (flag,) = (each for each in answer.json()["flags"] if each["feature"]["name"] == self._feature)
        return flag["feature_state_value"] if flag["enabled"] else None

    async def serves_users(self) -> list[object]:
        """Return what 400 identities of no segment are told."""
        return [await self.serves(f"user-{number}") for number in range(400)]
