"""Looks at Slack: token, scopes, how requests arrive, triage channel, user groups, clock.

Reads only: the triage channel is entered, and a socket is used, by `stanch run` alone.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.content import Catalog
from bot.doctor.findings import Finding, ok, problem, warning
from bot.domain.values import Now
from bot.errors import IntegrationError
from bot.settings import Settings
from bot.slack.calls import calling

# Slack refuses signatures that are five minutes old; what people compare on a timeline should agree to seconds.
_MOST_SKEW = timedelta(seconds=5)
_PAGE = 500

Json = Mapping[str, Any]


class SlackExamination:
    """Asks one workspace, as the bot."""

    def __init__(self, settings: Settings, catalog: Catalog | None, manifest: Path, now: Now) -> None:
        """Take the settings, the content if it checks, the app manifest and the clock."""
        self._settings = settings
        self._catalog = catalog
        self._manifest = manifest
        self._now = now
        self._client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=10
        )

    async def findings(self) -> AsyncIterator[Finding]:
        """Give one finding after the other; without a valid token there is one only."""
        asked_at = self._now()
        try:
            with calling("auth.test"):
                answer = await self._client.auth_test()
        except IntegrationError as error:
            yield problem("slack bot", f"{error}; see STANCH_SLACK_BOT_TOKEN and STANCH_SLACK_API_URL")
            return
        yield ok("slack bot", f"{answer['user']} in {answer['team']}")
        headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
        yield _clock(headers.get("date", ""), asked_at, self._now())
        yield self._scopes(headers.get("x-oauth-scopes"))
        for look in (self._requests, self._triage_channel, self._groups):
            try:
                for finding in await look():
                    yield finding
            except IntegrationError as error:
                yield problem("slack", f"{error}; it cannot be told whether this is as it should be")

    def _scopes(self, granted: str | None) -> Finding:
        if granted is None:
            return warning("slack scopes", "Slack did not say which scopes the token has")
        manifest = yaml.safe_load(self._manifest.read_text(encoding="utf-8"))
        needed = set(manifest["oauth_config"]["scopes"]["bot"])
        given = {each.strip() for each in granted.split(",") if each.strip()}
        if missing := sorted(needed - given):
            mend = f"bring the app up to date with {self._manifest.name} and install it again"
            return problem("slack scopes", f"the token lacks {', '.join(missing)}: {mend}")
        if more := sorted(given - needed):
            return warning("slack scopes", f"granted and not needed: {', '.join(more)}")
        return ok("slack scopes", f"all {len(needed)} that {self._manifest.name} asks for are granted")

    async def _requests(self) -> list[Finding]:
        about = "slack requests"
        if self._settings.slack_app_token is None:
            return [ok(about, "posted to /slack/events; the signing secret is set, and shows with the first request")]
        try:
            with calling("apps.connections.open"):
                await self._client.apps_connections_open(app_token=self._settings.slack_app_token.get_secret_value())
        except IntegrationError as error:
            mend = "set STANCH_SLACK_APP_TOKEN to an app-level token with the scope connections:write"
            return [problem(about, f"Socket Mode cannot be opened, {error}: {mend}")]
        return [ok(about, "Socket Mode opens")]

    async def _triage_channel(self) -> list[Finding]:
        name = self._settings.triage_channel
        about = f"slack channel {name}"
        channel = await self._channel(name)
        if channel is None:
            return [problem(about, "there is no such public channel: create it, or set STANCH_TRIAGE_CHANNEL")]
        if channel.get("is_archived"):
            return [problem(about, "it is archived: unarchive it, or set STANCH_TRIAGE_CHANNEL to another")]
        if not channel.get("is_member"):
            return [ok(about, "it is there; the bot enters it when it first posts")]
        return [ok(about, "the bot is a member")]

    async def _channel(self, name: str) -> Json | None:
        cursor: str | None = None
        while True:
            with calling("conversations.list"):
                page = await self._client.conversations_list(types="public_channel", limit=_PAGE, cursor=cursor)
            for channel in page.get("channels") or []:
                if name in {channel.get("name"), channel["id"]}:
                    return dict(channel)
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None

    async def _groups(self) -> list[Finding]:
        if self._catalog is None:
            return []
        with calling("usergroups.list"):
            listed = (await self._client.usergroups_list(include_users=True)).get("usergroups") or []
        members = {str(each.get("handle")): len(each.get("users") or ()) for each in listed}
        return [_group(handle, use, members.get(handle)) for handle, use in _handles(self._catalog).items()]


def _handles(catalog: Catalog) -> dict[str, str]:
    """Return the user groups that content names, each with what for."""
    groups = catalog.policy.groups
    uses: defaultdict[str, list[str]] = defaultdict(list)
    uses[groups.responders].append("may plan")
    uses[groups.leads].append("may approve")
    for system in catalog.systems.values():
        uses[system.owners].append(f"owns {system.id}")
    return {handle: ", ".join(each) for handle, each in uses.items()}


def _group(handle: str, use: str, members: int | None) -> Finding:
    about = f"slack group @{handle}"
    if members is None:
        return problem(about, f"there is no such user group, so nobody {use}: create it, or mend the content")
    if not members:
        return problem(about, f"it is empty, so nobody {use}: add its members in Slack")
    return ok(about, f"{members} member{'s' if members > 1 else ''} ({use})")


def _clock(date: str, asked_at: datetime, answered_at: datetime) -> Finding:
    """Return how far this clock is from Slack's, whose header has whole seconds."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return warning("clock", "Slack did not say what time it is")
    early, late = asked_at - theirs - timedelta(seconds=1), answered_at - theirs
    skew = early if early > timedelta(0) else min(late, timedelta(0))
    if abs(skew) > _MOST_SKEW:
        side = "ahead of" if skew > timedelta(0) else "behind"
        seconds = abs(skew).total_seconds()
        mend = "have this machine keep its time, or clocks on timelines are wrong and signatures are refused"
        return warning("clock", f"{seconds:.0f} s {side} Slack's: {mend}")
    return ok("clock", "agrees with Slack's")
