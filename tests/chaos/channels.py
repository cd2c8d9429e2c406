"""What stands in the workspace's channels, read with the bot's token, as anybody with a client could.

Messages are what counts, not the record of requests: a post whose answer was lost stands there too.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping

import httpx

from bot.domain.values import JsonObject
from bot.workspace.client import Person
from bot.workspace.seed import DEFAULT_SEED

_PATIENCE_SECONDS = 60
_INCIDENT = re.compile(r"inc-(\d+)-")


class Channels:
    """The workspace's public channels."""

    def __init__(self, workspace_url: str, reader: Person) -> None:
        """Take where the workspace answers and somebody who reads what is shown."""
        token = DEFAULT_SEED.app.bot_token
        self._http = httpx.AsyncClient(
            base_url=f"{workspace_url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )
        self._reader = reader

    async def close(self) -> None:
        """Let the connection go."""
        await self._http.aclose()

    async def of_incidents(self) -> Counter[int]:
        """Return how many channels each incident's number has."""
        found = await self._all("conversations.list", "channels", {})
        return Counter(int(match[1]) for each in found if (match := _INCIDENT.match(str(each["name"]))))

    async def keys(self, channel: str) -> Counter[str]:
        """Return how often each delivery's key stands in a channel's history."""
        return Counter(key for key, _ in await self._marked(channel))

    async def shown(self, channel: str) -> Mapping[str, str]:
        """Return what the reader sees of each delivery, by its key."""
        visible = {str(each["ts"]): str(each["visible"]) for each in await self._reader.messages(channel)}
        return {key: visible.get(ts, "") for key, ts in await self._marked(channel)}

    async def _marked(self, channel: str) -> list[tuple[str, str]]:
        given = {"channel": channel, "include_all_metadata": "true"}
        messages = await self._all("conversations.history", "messages", given)
        payloads = [((each.get("metadata") or {}).get("event_payload") or {}, str(each["ts"])) for each in messages]
        return [(str(payload["key"]), ts) for payload, ts in payloads if "key" in payload]

    async def _all(self, method: str, what: str, given: Mapping[str, str]) -> list[JsonObject]:
        found: list[JsonObject] = []
        cursor = ""
        while True:
            page = await self._call(method, {**given, "limit": "200", "cursor": cursor})
            found += page[what]
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return found

    async def _call(self, method: str, given: Mapping[str, str]) -> JsonObject:
        """Call until it is answered: the faults that are meant for Stanch may meet this call."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = await self._http.get(f"/{method}", params=given)
            body: JsonObject = answer.json()
            if body["ok"]:
                return body
            if time.monotonic() > deadline:
                raise RuntimeError(f"{method}: {body}")
            await asyncio.sleep(0.2)
