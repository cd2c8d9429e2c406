"""A simulated world in memory, and somebody who writes in between."""

import json
from collections.abc import Callable

from bot.sdk import JsonObject

Change = Callable[[JsonObject], JsonObject]


class MemoryWorld:
    """The `World` port over a dict of JSON texts, so that nobody shares an object with it.

    A change in `meanwhile` lands between the reading and the writing of the next change, as another process would.
    """

    def __init__(self, documents: dict[str, JsonObject]) -> None:
        self._texts = {name: json.dumps(document) for name, document in documents.items()}
        self.meanwhile: list[tuple[str, Change]] = []

    async def read(self, connection: str) -> JsonObject:
        return self.document(connection)

    async def change(self, connection: str, change: Change) -> JsonObject:
        while True:
            seen = self._texts.get(connection, "{}")
            changed = json.dumps(change(json.loads(seen)))
            if self.meanwhile:
                name, interfere = self.meanwhile.pop(0)
                self._texts[name] = json.dumps(interfere(self.document(name)))
            if self._texts.get(connection, "{}") == seen:
                self._texts[connection] = changed
                return self.document(connection)

    def document(self, connection: str) -> JsonObject:
        document: JsonObject = json.loads(self._texts.get(connection, "{}"))
        return document

    def disturb(self, connection: str, change: Change) -> None:
        self._texts[connection] = json.dumps(change(self.document(connection)))
