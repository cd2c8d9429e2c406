"""A simulated GrowthBook with the contract's features, other fields where a test gives them, and an application."""

import copy
from collections.abc import Callable

from bot.sdk import JsonObject
from integrations.growthbook import INTEGRATION
from tests.integrations.growthbook.contract import PROMPT, WORLD
from tests.integrations.simulated import Simulated

HEADERS = {"Authorization": f"Bearer {INTEGRATION.simulated['token']}"}


class SimulatedGrowthBook(Simulated):
    """Fields given are those of the feature; `rules` are those of its production environment."""

    def __init__(
        self, feature: str = "assistant-prompt", rules: list[JsonObject] | None = None, **fields: object
    ) -> None:
        document = copy.deepcopy(WORLD)
        document["features"][feature].update(fields)
        if rules is not None:
            document["features"][feature]["environments"]["production"]["rules"] = rules
        super().__init__(INTEGRATION, document, {**PROMPT, "feature": feature})
        self._feature = feature

    @property
    def feature(self) -> JsonObject:
        feature: JsonObject = self.document["features"][self._feature]
        return feature

    def edit(self, change: Callable[[JsonObject], None]) -> None:
        """Change the document as somebody else would."""

        def edited(document: JsonObject) -> JsonObject:
            change(document)
            return document

        self.disturb(edited)

    async def rules(self) -> list[JsonObject]:
        """Return the rules of the production environment as the API shows them."""
        answer = await self.client.get(f"/api/v1/features/{self._feature}", headers=HEADERS)
        rules: list[JsonObject] = answer.json()["feature"]["environments"]["production"]["rules"]
        return rules

    async def value(self, environment: str = "production", **attributes: object) -> object:
        """Return what an application is told for a user; `None` where the feature is off."""
        answer = await self.client.post(f"/api/eval/sdk-{environment}", json={"attributes": {"id": "u", **attributes}})
        return answer.json()["features"].get(self._feature, {}).get("defaultValue")

    async def served(self) -> list[object]:
        """Return what 400 users are told."""
        return [await self.value(id=f"user-{number}") for number in range(400)]
