"""What is asked of both, in order: each family of methods rightly, twice, and wrongly.

A name in braces stands for something that an earlier answer of the same side gave: `{channel}`, `{ts}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOWHERE = "C0NOWHERE"
NO_TS = "1.000001"


@dataclass(frozen=True)
class Step:
    """One call; `keep` names parts of its answer, as paths with dots, for later steps."""

    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)


def step(method: str, keep: Mapping[str, str] | None = None, **arguments: Any) -> Step:
    return Step(method, arguments, keep or {})


def modal(**more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []} | more


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*b*"}}
CARD = {"event_type": "card", "event_payload": {"n": 1}}
HOME = {"type": "home", "blocks": []}

PEOPLE = [
    step("auth.test"),
    step("team.info"),
    step("bots.info", bot="B0STANCH"),
    step("bots.info", bot="B0NOBODY"),
    step("users.list"),
    step("users.info", user="U0STANCH"),
    step("users.info", user="U0NOBODY"),
    step("users.info"),
    step("users.lookupByEmail", {"commander": "user.id"}, email="commander@example.com"),
    step("users.lookupByEmail", email="nobody@example.com"),
]
CONVERSATIONS = [
    step("conversations.create", {"channel": "channel.id"}, name="inc-1"),
    step("conversations.create", name="inc-1"),
    step("conversations.create", name="In C!"),
    step("conversations.create", name=""),
    step("conversations.create", name="x" * 81),
    step("conversations.create", name="secret", is_private=True),
    step("conversations.info", channel="{channel}"),
    step("conversations.info", channel=NOWHERE),
    step("conversations.list", limit=1),
    step("conversations.list", types="private_channel"),
    step("conversations.invite", channel="{channel}", users="{commander}"),
    step("conversations.invite", channel="{channel}", users="{commander}"),
    step("conversations.invite", channel="{channel}", users="U0NOBODY"),
    step("conversations.members", channel="{channel}"),
    step("conversations.setTopic", channel="{channel}", topic="The topic"),
    step("conversations.setTopic", channel="{channel}", topic="x" * 251),
    step("conversations.setPurpose", channel="{channel}", purpose="The purpose"),
    step("conversations.rename", channel="{channel}", name="inc-1-renamed"),
    step("conversations.rename", channel="{channel}", name="general"),
    step("conversations.kick", channel="{channel}", user="{commander}"),
    step("conversations.kick", channel="{channel}", user="{commander}"),
    step("conversations.kick", channel="{channel}", user="U0STANCH"),
    step("conversations.join", channel="{channel}"),
    step("conversations.open", users="{commander}"),
    step("conversations.open", users="{commander}"),
    step("conversations.open"),
]
MESSAGES = [
    step("chat.postMessage", {"ts": "ts"}, channel="{channel}", text="hello <b> & *you*"),
    step("chat.postMessage", channel="{channel}"),
    step("chat.postMessage", channel=NOWHERE, text="x"),
    step("chat.postMessage", text="x"),
    step("chat.postMessage", channel="{channel}", text="fallback", blocks=[SECTION], metadata=CARD),
    step("chat.postMessage", channel="{channel}", text="reply", thread_ts="{ts}"),
    step("chat.postEphemeral", channel="{channel}", user="U0STANCH", text="x"),
    step("chat.postEphemeral", channel="{channel}", user="{commander}", text="x"),
    step("chat.update", channel="{channel}", ts="{ts}", text="changed"),
    step("chat.update", channel="{channel}", ts=NO_TS, text="changed"),
    step("chat.getPermalink", channel="{channel}", message_ts="{ts}"),
    step("chat.getPermalink", channel="{channel}", message_ts=NO_TS),
    step("conversations.history", channel="{channel}"),
    step("conversations.history", channel="{channel}", limit=1, include_all_metadata=True),
    step("conversations.history", channel=NOWHERE),
    step("conversations.replies", channel="{channel}", ts="{ts}"),
    step("conversations.replies", channel="{channel}", ts=NO_TS),
]
MARKS = [
    step("reactions.add", channel="{channel}", timestamp="{ts}", name="eyes"),
    step("reactions.add", channel="{channel}", timestamp="{ts}", name="eyes"),
    step("reactions.add", channel="{channel}", timestamp=NO_TS, name="eyes"),
    step("reactions.get", channel="{channel}", timestamp="{ts}"),
    step("reactions.remove", channel="{channel}", timestamp="{ts}", name="eyes"),
    step("reactions.remove", channel="{channel}", timestamp="{ts}", name="eyes"),
    step("pins.add", channel="{channel}", timestamp="{ts}"),
    step("pins.add", channel="{channel}", timestamp="{ts}"),
    step("pins.list", channel="{channel}"),
    step("pins.remove", channel="{channel}", timestamp="{ts}"),
    step("pins.remove", channel="{channel}", timestamp="{ts}"),
    step(
        "bookmarks.add",
        {"bookmark": "bookmark.id"},
        channel_id="{channel}",
        title="D",
        type="link",
        link="https://x.test/",
    ),
    step("bookmarks.add", channel_id="{channel}", title="x", type="folder", link="https://x.test/"),
    step("bookmarks.add", channel_id="{channel}", title="x", type="link", link="nonsense"),
    step("bookmarks.edit", channel_id="{channel}", bookmark_id="{bookmark}", title="Other"),
    step("bookmarks.list", channel_id="{channel}"),
    step("bookmarks.remove", channel_id="{channel}", bookmark_id="{bookmark}"),
    step("bookmarks.remove", channel_id="{channel}", bookmark_id="{bookmark}"),
]
UPLOAD = "(upload)"
FILES = [
    step("files.getUploadURLExternal", {"file": "file_id", "url": "upload_url"}, filename="notes.txt", length=3),
    step("files.getUploadURLExternal", filename="notes.txt"),
    step(UPLOAD, url="{url}", content="all"),
    step("files.completeUploadExternal", files=[{"id": "{file}", "title": "Notes"}], channel_id="{channel}"),
    step("files.completeUploadExternal", files=[{"id": "F0NOTHING"}]),
    step("files.info", file="{file}"),
    step("files.info", file="F0NOTHING"),
    step("files.delete", file="{file}"),
    step("files.delete", file="F0NOTHING"),
]
VIEWS = [
    step("views.open", trigger_id="made-up", view=modal()),
    step("views.publish", {"view": "view.id"}, user_id="{commander}", view=HOME),
    step("views.update", view_id="{view}", view=HOME),
    step("views.update", view_id="{view}", hash="old", view=HOME),
    step("views.update", view_id="V0NOTHING", view=modal()),
]
END = [
    step("chat.delete", channel="{channel}", ts="{ts}"),
    step("chat.delete", channel="{channel}", ts=NO_TS),
    step("conversations.leave", channel="{channel}"),
    step("conversations.archive", channel="{channel}"),
    step("conversations.archive", channel="{channel}"),
    step("chat.postMessage", channel="{channel}", text="x"),
    step("conversations.unarchive", channel="{channel}"),
    step("conversations.unarchive", channel="{channel}"),
    step("conversations.invite", channel="{channel}", users="{commander}"),
    step("conversations.leave", channel="{channel}"),
    step("conversations.leave", channel="{channel}"),
]
WALK = [*PEOPLE, *CONVERSATIONS, *MESSAGES, *MARKS, *FILES, *VIEWS, *END]
