"""How long it takes from an alert to its card in Slack, beside the same card posted by a bare Slack client.

Usage: `python -m benchmarks.card [--rounds N]`. Both end at the instant at which the local workspace has answered
`chat.postMessage`. The floor posts, into another channel, the card that Stanch has just posted; the difference is
what Stanch adds: taking the alert in, committing it, rendering, and the pump.
"""

import asyncio
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.alerts import webhook
from benchmarks.stage import (
    ALERT_TOKEN,
    fresh_database,
    rounds,
    running,
    stanch_settings,
    tell_latencies,
    workspace,
)
from bot.domain.values import JsonObject
from bot.workspace.seed import DEFAULT_SEED

_CARDS = 20
_POST = "chat.postMessage"
# Slack takes about one message a second in a channel, and Stanch keeps to that.
_PACE_SECONDS = 1.3
_PATIENCE_SECONDS = 30


class Watch:
    """Looks at what the workspace was asked to post."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Take a client of the workspace."""
        self._client = client
        self._seen = 0

    async def posted(self, text: str) -> JsonObject:
        """Return the request that posted a message with this text.

        Raises:
            TimeoutError: Nothing did.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                answer = await self._client.get("/_workspace/requests", params={"method": _POST, "after": self._seen})
                for request in answer.json()["requests"]:
                    self._seen = request["number"]
                    if text in json.dumps(request["arguments"]):
                        found: JsonObject = request
                        return found
                await asyncio.sleep(0.02)


def _fresh_alert(title: str) -> JsonObject:
    """Return an alert in a group of its own that no playbook knows."""
    posted = webhook(0, 1, datetime.now(UTC).isoformat())
    posted["groupKey"] = title
    posted["alerts"][0]["fingerprint"] = secrets.token_hex(8)
    posted["alerts"][0]["annotations"] = {"summary": title}
    return posted


async def _carded(stanch: httpx.AsyncClient, watch: Watch) -> tuple[float, JsonObject]:
    """Send an alert; return seconds until its card was posted, and what was posted."""
    title = f"Answers flagged {secrets.token_hex(6)}"
    began = time.time()
    (await stanch.post("/alerts/alertmanager", json=_fresh_alert(title))).raise_for_status()
    request = await watch.posted(title)
    return datetime.fromisoformat(request["at"]).timestamp() - began, request["arguments"]


async def _posted(slack: AsyncWebClient, watch: Watch, card: JsonObject) -> float:
    """Post a card; return seconds until it was."""
    mark = secrets.token_hex(6)
    blocks: Any = card["blocks"]
    began = time.time()
    await slack.chat_postMessage(channel="general", text=mark, blocks=blocks)
    return datetime.fromisoformat((await watch.posted(mark))["at"]).timestamp() - began


async def main(count: int) -> None:
    """Alternate the two and print both."""
    floor: list[list[float]] = [[] for _ in range(count)]
    stanch: list[list[float]] = [[] for _ in range(count)]
    with fresh_database("sqlite") as database:
        async with (
            workspace() as slack,
            running("bot", "run", settings=stanch_settings(slack.url, database)) as program,
            httpx.AsyncClient(base_url=slack.url, trust_env=False) as records,
            httpx.AsyncClient(
                base_url=program.url, trust_env=False, headers={"Authorization": f"Bearer {ALERT_TOKEN}"}
            ) as client,
        ):
            watch, bare = Watch(records), AsyncWebClient(DEFAULT_SEED.app.bot_token, base_url=f"{slack.url}/api/")
            _, card = await _carded(client, watch)  # the first one also finds the channel
            for index in range(count):
                for _ in range(_CARDS):
                    floor[index].append(await _posted(bare, watch, card))
                    await asyncio.sleep(_PACE_SECONDS)
                    seconds, card = await _carded(client, watch)
                    stanch[index].append(seconds)
    tell_latencies("alert to card", floor, stanch)


if __name__ == "__main__":
    asyncio.run(main(rounds(__doc__)))
