"""One message for one delivery: posted once, then edited in place, whatever gets lost on the way.

A post whose answer was lost may be there. Before it would be posted again, the channel's history is searched for the
key in its metadata.
"""

import re
from datetime import timedelta
from typing import Any

from slack_sdk.models.metadata import Metadata
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.delivery import Delivery
from bot.domain.values import JsonObject, Now
from bot.errors import Rejected
from bot.services.ports import Posted
from bot.slack.calls import calling, refused_as, without_retries
from bot.slack.registered import as_registered
from bot.slack.text import FALLBACK
from bot.slack.views.card import MAX_BLOCKS, Card

EVENT_TYPE = "stanch_delivery"
_PAGE = 200
_LOOKS_BACK = timedelta(days=7)
_MENTION = re.compile(r"<@[A-Z0-9]{2,30}>")


class Posts:
    """Keeps messages as deliveries want them."""

    def __init__(self, client: AsyncWebClient, now: Now, command: str) -> None:
        """Take the client, whose retries are not used, the clock, and the slash command as it is registered."""
        self._command = command
        self._client = without_retries(client)
        self._now = now

    async def bring(self, delivery: Delivery, channel: str, card: Card, *, quietly: bool = True) -> Posted:
        """Make a delivery's message say what the card says, and return where it is.

        Args:
            delivery: Tells where the message is, and whether it may be there without our knowing.
            channel: Where a first post goes.
            card: What it says.
            quietly: Post it without mentions and add them by an edit, which notifies nobody.
        """
        channel = delivery.channel or channel
        if delivery.ts is not None and await self._edited(channel, delivery.ts, card):
            return Posted(channel=channel, ts=delivery.ts)
        found = await self._found(channel, delivery.key) if delivery.attempts > 1 or delivery.wanted > 1 else None
        if found is not None and await self._edited(channel, found, card):
            return Posted(channel=channel, ts=found)
        return Posted(channel=channel, ts=await self._posted(delivery, channel, card, quietly=quietly))

    async def _posted(self, delivery: Delivery, channel: str, card: Card, *, quietly: bool) -> str:
        blocks = self._blocks(card)
        quiet = _without_mentions(blocks) if quietly else blocks
        with calling("chat.postMessage"):
            answer = await self._client.chat_postMessage(
                channel=channel,
                text=self._text(card),
                blocks=quiet,
                metadata=Metadata(event_type=EVENT_TYPE, event_payload={"key": delivery.key}),
                unfurl_links=False,
                unfurl_media=False,
            )
        ts = str(answer["ts"])
        if quiet != blocks:
            await self._edited(channel, ts, card)
        return ts

    async def _edited(self, channel: str, ts: str, card: Card) -> bool:
        """Edit a message; return whether it still is there."""
        try:
            with calling("chat.update"):
                await self._client.chat_update(channel=channel, ts=ts, text=self._text(card), blocks=self._blocks(card))
        except Rejected as error:
            if refused_as(error, "message_not_found"):
                return False
            raise
        return True

    def _text(self, card: Card) -> str:
        return str(as_registered(card.text, self._command))[:FALLBACK]

    def _blocks(self, card: Card) -> list[JsonObject]:
        return [as_registered(block.to_dict(), self._command) for block in card.blocks[:MAX_BLOCKS]]

    async def _found(self, channel: str, key: str) -> str | None:
        """Search a week of the channel's history, newest first, for the message with a key."""
        oldest = str((self._now() - _LOOKS_BACK).timestamp())
        cursor: str | None = None
        while True:
            with calling("conversations.history"):
                page = await self._client.conversations_history(
                    channel=channel, include_all_metadata=True, limit=_PAGE, oldest=oldest, cursor=cursor
                )
            for message in page.get("messages") or []:
                if _key_of(message) == key:
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None


def _key_of(message: JsonObject) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return str((metadata.get("event_payload") or {}).get("key"))


def _without_mentions(node: Any) -> Any:
    """Return blocks in which people are not named."""
    if isinstance(node, str):
        return _MENTION.sub("somebody", node)
    if isinstance(node, list):
        return [_without_mentions(each) for each in node]
    if isinstance(node, dict):
        return {key: _without_mentions(value) for key, value in node.items()}
    return node
