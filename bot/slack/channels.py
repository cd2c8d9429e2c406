"""Slack channels: the incident's own, made once and kept up to date, and the triage channel by its name.

A newcomer would take any channel of the right name for the incident's: it must have been made by this bot and carry the
incident's id in its purpose, else somebody else's members would read along.
"""

import logging
from collections.abc import Awaitable

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.incident import Incident
from bot.domain.values import JsonObject
from bot.errors import Rejected
from bot.slack.calls import SLACK, calling, refused_as
from bot.slack.text import TOPIC, mention, one_line

logger = logging.getLogger(__name__)

_MOST_NAMES = 20
_PAGE = 500
# https://docs.slack.dev/reference/methods/conversations.invite
_MOST_INVITED = 100


class Channels:
    """Finds, makes and keeps channels."""

    def __init__(self, client: AsyncWebClient, triage_channel: str) -> None:
        """Take the client, and the triage channel as a name or an id."""
        self._client = client
        self._triage_channel = triage_channel.removeprefix("#")
        self._triage_id: str | None = None
        self._bot_user: str | None = None
        self._topics: dict[str, str] = {}

    async def triage(self) -> str:
        """Return the triage channel's id; it is looked up, and entered, once.

        Raises:
            Rejected: There is no such channel.
        """
        if self._triage_id is None:
            found = await self._named(self._triage_channel, or_id=True)
            if found is None:
                detail = (
                    f"there is no channel `{self._triage_channel}` that Stanch can see: create it, or invite Stanch"
                )
                raise Rejected(SLACK, "conversations.list", status=404, detail=detail)
            if not found.get("is_member"):
                with calling("conversations.join"):
                    await self._client.conversations_join(channel=found["id"])
            self._triage_id = str(found["id"])
        return self._triage_id

    async def ensure(self, incident: Incident, members: frozenset[str]) -> str:
        """Return the id of an incident's channel, made if it is not there, with purpose, topic and members."""
        channel = incident.channel or await self._made(incident)
        setting = self._client.conversations_setPurpose(channel=channel, purpose=_purpose(incident))
        await _optional("conversations.setPurpose", setting)
        await self.refresh(incident, channel)
        declarer = {incident.opened_by.id} if incident.opened_by.is_person else set()
        await self._invite(channel, *sorted(members | declarer))
        return channel

    async def refresh(self, incident: Incident, channel: str) -> None:
        """Bring the topic up to date, and the commander in, when either changed."""
        topic = _topic(incident)
        if self._topics.get(channel) is None:
            self._topics[channel] = await self._topic_of(channel)
        if self._topics[channel] == topic:
            return
        if incident.commander is not None:
            await self._invite(channel, incident.commander.id)
        await _optional("conversations.setTopic", self._client.conversations_setTopic(channel=channel, topic=topic))
        self._topics[channel] = topic

    async def pin(self, channel: str, ts: str) -> None:
        """Pin a message; one that is pinned already stays so."""
        await _optional("pins.add", self._client.pins_add(channel=channel, timestamp=ts))

    async def _made(self, incident: Incident) -> str:
        """Create the channel, or find the one that an interrupted attempt made."""
        for number in range(1, _MOST_NAMES):
            name = incident.channel_name if number == 1 else f"{incident.channel_name}-{number}"
            try:
                with calling("conversations.create"):
                    created = await self._client.conversations_create(name=name)
                return str(created["channel"]["id"])
            except Rejected as error:
                if not refused_as(error, "name_taken"):
                    raise
            taken = await self._named(name)
            if taken is not None and await self._is_own(taken, incident):
                return str(taken["id"])
        detail = f"#{incident.channel_name} and the {_MOST_NAMES} names like it are taken"
        raise Rejected(SLACK, "conversations.create", status=409, detail=detail)

    async def _is_own(self, channel: JsonObject, incident: Incident) -> bool:
        """Tell whether this bot made a channel for this incident; without a purpose it was interrupted right after."""
        if self._bot_user is None:
            with calling("auth.test"):
                self._bot_user = str((await self._client.auth_test())["user_id"])
        purpose = str((channel.get("purpose") or {}).get("value") or "")
        mine = channel.get("creator") == self._bot_user and not channel.get("is_archived")
        return mine and (not purpose or incident.id in purpose)

    async def _named(self, name: str, *, or_id: bool = False) -> JsonObject | None:
        cursor: str | None = None
        while True:
            with calling("conversations.list"):
                page = await self._client.conversations_list(types="public_channel", limit=_PAGE, cursor=cursor)
            for channel in page.get("channels") or []:
                if channel.get("name") == name or (or_id and channel["id"] == name):
                    return dict(channel)
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None

    async def _topic_of(self, channel: str) -> str:
        with calling("conversations.info"):
            found = (await self._client.conversations_info(channel=channel))["channel"]
        return str((found.get("topic") or {}).get("value") or "")

    async def _invite(self, channel: str, *users: str) -> None:
        """Invite people; one who cannot be invited does not keep the others out."""
        for start in range(0, len(users), _MOST_INVITED):
            some = list(users[start : start + _MOST_INVITED])
            invitation = self._client.conversations_invite(channel=channel, users=some, force=True)
            await _optional("conversations.invite", invitation)


async def _optional(method: str, call: Awaitable[object]) -> None:
    """Make a call that the incident can do without: a refusal is logged and does not hold it up.

    Raises:
        IntegrationError: It may succeed later.
    """
    try:
        with calling(method):
            await call
    except Rejected as error:
        if not refused_as(error, "already_in_channel", "already_pinned"):
            logger.warning("slack.not_done: %s", error)


def _topic(incident: Incident) -> str:
    commander = mention(incident.commander.id) if incident.commander else "nobody yet"
    return f"{incident.label} · {incident.severity.label} · {incident.status.value} · commander: {commander}"


def _purpose(incident: Incident) -> str:
    lead = f"AI incident {incident.label} ({incident.id}): "
    return lead + one_line(incident.title, TOPIC - len(lead))
