"""What the workspace holds when it starts, as data: accounts, groups, channels, the app with its tokens and scopes.

Accounts are named by the role they play; none stands for a person. Another app brings its own `Seed`.
"""

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Account(_Frozen):
    """A human account. `title` is the role shown beside the name, empty for none; `tz` a zone such as `Asia/Tokyo`."""

    id: str
    name: str
    real_name: str
    title: str = ""
    tz: str = "Etc/UTC"

    @field_validator("tz")
    @classmethod
    def _known(cls, tz: str) -> str:
        try:
            return ZoneInfo(tz).key
        except (OSError, ValueError, ZoneInfoNotFoundError) as exc:
            raise ValueError(f"{tz} is no time zone") from exc

    @property
    def email(self) -> str:
        """The account's address, in a domain reserved for examples."""
        return f"{self.name}@example.com"


class UserGroup(_Frozen):
    """A group that can be mentioned; `members` are account ids."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...]


class SeedChannel(_Frozen):
    """A public channel; every account and the bot are its members."""

    id: str
    name: str
    topic: str = ""
    purpose: str = ""


class SlashCommand(_Frozen):
    """A slash command that the app has registered."""

    command: str
    description: str
    usage_hint: str = ""


class Shortcut(_Frozen):
    """A shortcut that the app has registered: global, or on a message."""

    type: Literal["global", "message"]
    callback_id: str
    name: str


class SlackApp(_Frozen):
    """The app that is installed: identity, credentials, scopes, subscriptions (`events` as in Slack's app settings)."""

    id: str = "A0STANCH"
    name: str = "Stanch"
    bot_user_id: str = "U0STANCH"
    bot_id: str = "B0STANCH"
    bot_name: str = "stanch"
    bot_token: str = "xoxb-local"  # noqa: S105 - made up, accepted on loopback only
    app_token: str = "xapp-local"  # noqa: S105 - made up, accepted on loopback only
    signing_secret: str = "local-signing-secret"  # noqa: S105 - made up, accepted on loopback only
    client_id: str = "local-client"
    client_secret: str = "local-client-secret"  # noqa: S105 - made up, accepted on loopback only
    scopes: tuple[str, ...]
    events: tuple[str, ...]
    commands: tuple[SlashCommand, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()


class Seed(_Frozen):
    """A whole workspace at its start; `person` and `channel` are what the page shows first."""

    team_id: str = "T0LOCAL"
    team_name: str = "Local workspace"
    domain: str = "local"
    app: SlackApp
    accounts: tuple[Account, ...]
    groups: tuple[UserGroup, ...] = ()
    channels: tuple[SeedChannel, ...]
    person: str
    channel: str


BOT_SCOPES = (
    "app_mentions:read",
    "bookmarks:read",
    "bookmarks:write",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "pins:read",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)

BOT_EVENTS = (
    "app_home_opened",
    "app_mention",
    "channel_archive",
    "channel_created",
    "channel_rename",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "reaction_added",
)

DEFAULT_SEED = Seed(
    app=SlackApp(
        scopes=BOT_SCOPES,
        events=BOT_EVENTS,
        commands=(
            SlashCommand(
                command="/incident",
                description="Declare, contain and follow AI incidents",
                usage_hint="declare | list | status | token | help",
            ),
        ),
    ),
    accounts=(
        Account(id="U0COMMANDER", name="commander", real_name="Commander", title="incident commander"),
        Account(id="U0RESPONDER", name="responder", real_name="Responder", title="incident responder"),
        Account(id="U0OWNER", name="owner", real_name="Owner", title="support assistant owner"),
        Account(id="U0LEADER", name="leader", real_name="Leader", title="incident lead"),
        Account(id="U0NEWCOMER", name="newcomer", real_name="Newcomer"),
    ),
    groups=(
        UserGroup(id="S0LEADS", handle="incident-leads", name="Incident leads", members=("U0COMMANDER", "U0LEADER")),
        UserGroup(
            id="S0OWNERS", handle="support-assistant-owners", name="Support assistant owners", members=("U0OWNER",)
        ),
        UserGroup(
            id="S0RESPONDERS",
            handle="incident-responders",
            name="Incident responders",
            members=("U0COMMANDER", "U0RESPONDER", "U0OWNER"),
        ),
    ),
    channels=(
        SeedChannel(id="C0GENERAL", name="general", purpose="What everybody should know"),
        SeedChannel(id="C0AIALERTS", name="ai-alerts", topic="Alerts from the AI systems in production"),
    ),
    person="commander",
    channel="ai-alerts",
)
