"""The entities of the workspace: channels, messages, views, as they change while it runs.

Unlike everything else in the product these are mutable: this is a simulated server's memory, lost when it stops.
"""

from dataclasses import dataclass, field
from typing import Literal

from bot.workspace.wire import Json

ChannelKind = Literal["channel", "group", "im"]


@dataclass(slots=True)
class Member:
    """A user of the workspace, human or bot."""

    id: str
    name: str
    real_name: str
    title: str = ""
    email: str = ""
    tz: str = "Etc/UTC"
    is_bot: bool = False


@dataclass(slots=True)
class Message:
    """One message; an ephemeral one has the account that sees it in `only_for`.

    `chosen` holds what each account has selected in its elements, as Slack's `state.values`.
    """

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    subtype: str | None = None
    username: str | None = None
    by_app: bool = False
    edited: Json | None = None
    files: list[str] = field(default_factory=list)
    only_for: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    chosen: dict[str, Json] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Tell whether the message stands in a thread and is not its first message."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(slots=True)
class Channel:
    """A conversation; `members` keeps the order of joining, `read` the last message each account has seen.

    `threads` indexes the replies by the message that starts their thread: use `add` and `drop`, not `messages` itself.
    """

    id: str
    name: str
    kind: ChannelKind
    creator: str
    created: int
    members: list[str] = field(default_factory=list)
    topic: Json = field(default_factory=dict)
    purpose: Json = field(default_factory=dict)
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[Message]] = field(default_factory=dict)
    pins: list[Json] = field(default_factory=list)
    bookmarks: list[Json] = field(default_factory=list)
    read: dict[str, str] = field(default_factory=dict)
    former_names: list[str] = field(default_factory=list)

    @property
    def scope(self) -> str:
        """The prefix of the scopes that govern this kind of conversation."""
        return {"channel": "channels", "group": "groups", "im": "im"}[self.kind]

    def add(self, message: Message) -> None:
        """Put a message at the end."""
        self.messages[message.ts] = message
        if message.is_reply and message.only_for is None:
            self.threads.setdefault(str(message.thread_ts), []).append(message)

    def drop(self, message: Message) -> None:
        """Take a message out, and its pin with it."""
        del self.messages[message.ts]
        thread = self.threads.get(str(message.thread_ts), [])
        if message in thread:
            thread.remove(message)
        self.pins = [pin for pin in self.pins if pin["ts"] != message.ts]

    def replies(self, ts: str) -> list[Message]:
        """Return the public replies in the thread that `ts` starts, oldest first."""
        return self.threads.get(ts, [])


@dataclass(slots=True)
class View:
    """A modal or a Home tab, open for one account; `values` is what was filled in, as Slack's `state.values`."""

    id: str
    user: str
    payload: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    values: Json = field(default_factory=dict)
