"""Everything the workspace remembers, with the look-ups and the ids.

Timestamps (`ts`) are unique and rising in the whole workspace, because Slack names a message by channel and `ts`.
"""

import itertools
from collections.abc import Callable
from datetime import datetime

from bot.workspace.files import Files
from bot.workspace.model import Channel, ChannelKind, Member, Message, View
from bot.workspace.seed import Seed
from bot.workspace.wire import Json, Refused

Clock = Callable[[], datetime]

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_LENGTH = 9


class State:
    """The users, channels, files and open views of one workspace."""

    def __init__(self, seed: Seed, now: Clock, files: Files) -> None:
        self.seed = seed
        self.now = now
        self._counter = itertools.count(1)
        self._last_ts = 0
        self.members: dict[str, Member] = {}
        self.channels: dict[str, Channel] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.files = files
        self.suggested: dict[tuple[str, str, str], dict[str, Json]] = {}
        self._plant()

    def _plant(self) -> None:
        for account in self.seed.accounts:
            self.members[account.id] = Member(
                account.id, account.name, account.real_name, title=account.title, email=account.email, tz=account.tz
            )
        app = self.seed.app
        self.members[app.bot_user_id] = Member(app.bot_user_id, app.bot_name, app.name, is_bot=True)
        creator = self.seed.accounts[0].id
        for planted in self.seed.channels:
            channel = self.add_channel(planted.name, "channel", creator, id_=planted.id)
            channel.members = list(self.members)
            channel.topic = self.note(planted.topic, creator)
            channel.purpose = self.note(planted.purpose, creator)

    @property
    def bot(self) -> Member:
        """The bot user of the installed app."""
        return self.members[self.seed.app.bot_user_id]

    def seconds(self) -> int:
        """Return the time in whole seconds since the epoch."""
        return int(self.now().timestamp())

    def next_id(self, prefix: str) -> str:
        """Return a new id in Slack's form: a letter and capitals or digits."""
        number, digits = next(self._counter), ""
        for _ in range(_ID_LENGTH):
            number, digit = divmod(number, len(_DIGITS))
            digits = _DIGITS[digit] + digits
        return f"{prefix}{digits}"

    def next_ts(self) -> str:
        """Return a message timestamp, later than all before it."""
        micros = int(self.now().timestamp() * 1_000_000)
        self._last_ts = max(micros, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def note(self, value: str, creator: str) -> dict[str, str | int]:
        """Return a topic or purpose as Slack shows it."""
        return {"value": value, "creator": creator if value else "", "last_set": self.seconds() if value else 0}

    def add_channel(self, name: str, kind: ChannelKind, creator: str, *, id_: str | None = None) -> Channel:
        """Create a conversation and return it; the creator is not yet a member."""
        prefix = "D" if kind == "im" else "C"
        channel = Channel(id_ or self.next_id(prefix), name, kind, creator, self.seconds())
        channel.topic, channel.purpose = self.note("", ""), self.note("", "")
        self.channels[channel.id] = channel
        return channel

    def channel(self, reference: str) -> Channel:
        """Return a conversation by id or by name (with or without `#`); raise `Refused`."""
        found = self.channels.get(reference) or self.named(reference.removeprefix("#"))
        if found is None:
            raise Refused("channel_not_found")
        return found

    def named(self, name: str) -> Channel | None:
        """Return the channel with this name, if there is one."""
        return next((one for one in self.channels.values() if one.kind != "im" and one.name == name), None)

    def direct(self, user: str) -> Channel:
        """Return the direct conversation between the app and an account, opening it if needed."""
        pair = {user, self.bot.id}
        for channel in self.channels.values():
            if channel.kind == "im" and set(channel.members) == pair:
                return channel
        channel = self.add_channel("", "im", self.bot.id)
        channel.members = [self.bot.id, user]
        return channel

    def member(self, reference: str) -> Member:
        """Return a user by id; raise `Refused`."""
        if reference not in self.members:
            raise Refused("user_not_found")
        return self.members[reference]

    def person(self, reference: str) -> Member:
        """Return a human account by name or id; raise `Refused`."""
        for member in self.members.values():
            if reference in (member.id, member.name) and not member.is_bot:
                return member
        raise Refused("user_not_found", status=404)

    def message(self, channel: Channel, ts: str) -> Message:
        """Return a message that everybody in the channel sees; raise `Refused`."""
        found = channel.messages.get(ts)
        if found is None or found.only_for is not None:
            raise Refused("message_not_found")
        return found

    def view(self, view_id: str) -> View | None:
        """Return an open view by its id or by the external id that the app gave it."""
        views = [*self.homes.values(), *(view for stack in self.modals.values() for view in stack)]
        return next((one for one in views if view_id in (one.id, one.payload.get("external_id"))), None)
