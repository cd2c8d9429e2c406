"""Who is in which Slack user group: asked of Slack at most once a minute, and remembered for when Slack is down.

A handle that no group has gives nobody a role. A group that was removed must not leave its rights behind.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Protocol

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.values import Now
from bot.errors import IntegrationError
from bot.slack.calls import calling

logger = logging.getLogger(__name__)

_FRESH = timedelta(seconds=60)
_SNAPSHOT_SERVES = timedelta(hours=24)

Membership = tuple[datetime, frozenset[str]]


class Snapshots(Protocol):
    """Where memberships are kept for when Slack is down."""

    async def save(self, handle: str, members: frozenset[str], at: datetime) -> None:
        """Keep a group's members."""
        ...

    async def load(self, handle: str) -> Membership | None:
        """Return when a group's members were last kept, and who they were."""
        ...


class SlackDirectory:
    """Implements the port `Directory`."""

    def __init__(self, client: AsyncWebClient, snapshots: Snapshots, *, now: Now) -> None:
        """Take the client, the snapshots and the clock."""
        self._client = client
        self._snapshots = snapshots
        self._now = now
        self._known: dict[str, Membership] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def members(self, handle: str) -> frozenset[str]:
        """Return the user ids of a user group by its handle; empty when there is no such group.

        Raises:
            IntegrationError: Slack cannot be asked and no snapshot of the last 24 hours exists.
        """
        async with self._asking[handle]:
            known = self._known.get(handle)
            if known is None or self._now() - known[0] >= _FRESH:
                members = await self._refreshed(handle)
                known = (self._now(), members)
                self._known[handle] = known
            return known[1]

    async def _refreshed(self, handle: str) -> frozenset[str]:
        try:
            members = await self._ask(handle)
        except IntegrationError as error:
            return await self._remembered(handle, error)
        await self._snapshots.save(handle, members, self._now())
        return members

    async def _remembered(self, handle: str, error: IntegrationError) -> frozenset[str]:
        snapshot = await self._snapshots.load(handle)
        if snapshot is None or self._now() - snapshot[0] > _SNAPSHOT_SERVES:
            raise error
        at, members = snapshot
        logger.warning("directory.snapshot_serves handle=%s since=%s: %s", handle, at.isoformat(), error)
        return members

    async def _ask(self, handle: str) -> frozenset[str]:
        with calling("usergroups.list"):
            groups = (await self._client.usergroups_list(include_disabled=False)).get("usergroups") or []
        group_id = next((str(group["id"]) for group in groups if group.get("handle") == handle), None)
        if group_id is None:
            logger.warning("directory.no_such_group handle=%s", handle)
            return frozenset()
        with calling("usergroups.users.list"):
            users = (await self._client.usergroups_users_list(usergroup=group_id)).get("users") or []
        return frozenset(str(user) for user in users)
