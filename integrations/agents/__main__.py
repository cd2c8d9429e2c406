"""Runs the reference server: `python -m integrations.agents --world agents.json --token-file token --port 8090`.

The world is a file, so that what was paused stays paused when the server is started again; one server a file.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from bot.sdk import JsonObject, Simulator
from integrations.agents.server import simulator


class FileWorld:
    """A world of one document, in a JSON file that is replaced whole."""

    def __init__(self, file: Path, token: str) -> None:
        """Take the file, and the token that the server asks for; it is not written to the file."""
        self._file = file
        self._token = token
        self._lock = asyncio.Lock()

    async def read(self, connection: str) -> JsonObject:  # noqa: ARG002 - there is one
        """Return the document."""
        return {**self._stored(), "token": self._token}

    async def change(self, connection: str, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """Replace the document by `change(document)`, durably before it returns."""
        async with self._lock:
            changed = change(await self.read(connection))
            stored = {name: value for name, value in changed.items() if name != "token"}
            if stored != self._stored():
                written = self._file.with_suffix(".new")
                written.write_text(json.dumps(stored, indent=2), encoding="utf-8")
                written.replace(self._file)
            return changed

    def _stored(self) -> JsonObject:
        stored: JsonObject = json.loads(self._file.read_text(encoding="utf-8"))
        return stored


def main(arguments: list[str]) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m integrations.agents", description=__doc__)
    parser.add_argument("--world", type=Path, required=True, help="JSON file with the agents")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the bearer token to ask for")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    given = parser.parse_args(arguments)
    token = given.token_file.read_text(encoding="utf-8").strip()
    if len(token) < 16:
        parser.error("the token must have 16 characters or more")
    world = FileWorld(given.world, token)
    app = simulator(Simulator(connection="agents", world=world, now=lambda: datetime.now(UTC)))
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1:])
