"""Messages: what an app may post, and what happens when one appears, changes or goes.

An ephemeral message lives beside the channel's messages: it is shown to one account and is in no history.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from bot.workspace import limits
from bot.workspace.blocks import check_blocks, complete_blocks
from bot.workspace.model import Channel, Message
from bot.workspace.shapes import message_json
from bot.workspace.text import from_app, mentions
from bot.workspace.wire import Arguments, Json, Refused, invalid
from bot.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a message that was checked but not yet posted."""

    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    username: str | None = None
    files: list[str] = field(default_factory=list)


def read_draft(workspace: Workspace, arguments: Arguments) -> Draft:
    """Check the content that an app sent and return it as Slack stores it; raise `Refused`."""
    text = arguments.text("text")
    if len(text) > limits.MESSAGE_TEXT:
        raise Refused("msg_too_long")
    blocks = arguments.structure("blocks", "invalid_blocks_format") or []
    attachments = arguments.structure("attachments", "invalid_attachments") or []
    if not (text.strip() or blocks or attachments):
        raise Refused("no_text")
    problems = check_blocks(blocks, "/blocks", limits.MESSAGE_BLOCKS)
    if problems:
        raise invalid("invalid_blocks", *problems)
    _check_attachments(attachments)
    return Draft(
        text=from_app(text),
        blocks=complete_blocks(blocks, _short_ids(workspace)),
        attachments=[_complete_attachment(workspace, one, number) for number, one in enumerate(attachments, 1)],
        metadata=_metadata(arguments),
        thread_ts=arguments.text("thread_ts") or None,
        broadcast=arguments.flag("reply_broadcast"),
        username=arguments.text("username") or None,
    )


def _check_attachments(attachments: Any) -> None:
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise Refused("invalid_attachments")
    if len(attachments) > limits.ATTACHMENTS:
        raise Refused("too_many_attachments")
    for index, attachment in enumerate(attachments):
        pointer = f"/attachments/{index}/blocks"
        problems = check_blocks(attachment.get("blocks") or [], pointer, limits.MESSAGE_BLOCKS)
        if problems:
            raise invalid("invalid_attachments", *problems)


def _complete_attachment(workspace: Workspace, attachment: Json, number: int) -> Json:
    completed = {"id": number, "fallback": "[no preview available]"} | attachment
    if attachment.get("blocks"):
        completed["blocks"] = complete_blocks(attachment["blocks"], _short_ids(workspace))
    return completed


def _metadata(arguments: Arguments) -> Json | None:
    metadata = arguments.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    valid = (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )
    if not valid:
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > limits.METADATA_BYTES:
        raise Refused("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


def _short_ids(workspace: Workspace) -> Any:
    return lambda: workspace.state.next_id("")[-5:]


def post(workspace: Workspace, channel: Channel, author: str, draft: Draft, *, subtype: str | None = None) -> Message:
    """Put a message that everybody sees into a channel, tell the app and the open pages, and return it."""
    thread_ts = draft.thread_ts
    if thread_ts is not None and thread_ts in channel.messages:
        thread_ts = channel.messages[thread_ts].thread_ts or thread_ts
    message = _message(workspace, channel, author, replace(draft, thread_ts=thread_ts))
    message.subtype = subtype
    channel.add(message)
    channel.read[author] = message.ts
    workspace.changes.publish("messages", channel=channel.id)
    _tell_message(workspace, channel, message)
    return message


def post_ephemeral(workspace: Workspace, channel: Channel, draft: Draft, only_for: str) -> Message:
    """Show an app's message to one account only and return it."""
    message = _message(workspace, channel, workspace.state.bot.id, draft)
    message.only_for = only_for
    channel.add(message)
    workspace.changes.publish("messages", channel=channel.id, user=only_for)
    return message


def rewrite(workspace: Workspace, channel: Channel, message: Message, draft: Draft) -> None:
    """Replace what a message says, keeping its place, thread and reactions."""
    before = message_json(workspace.state, channel, message)
    message.text, message.blocks, message.attachments = draft.text, draft.blocks, draft.attachments
    if draft.metadata is not None:
        message.metadata = draft.metadata
    message.chosen.clear()
    workspace.changes.publish("messages", channel=channel.id, user=message.only_for)
    if message.only_for is not None:
        return
    message.edited = {"user": message.user, "ts": workspace.state.next_ts()}
    after = message_json(workspace.state, channel, message)
    _tell(workspace, channel, {"subtype": "message_changed", "message": after, "previous_message": before})


def remove(workspace: Workspace, channel: Channel, message: Message) -> None:
    """Take a message out of its channel."""
    before = message_json(workspace.state, channel, message)
    channel.drop(message)
    workspace.changes.publish("messages", channel=channel.id, user=message.only_for)
    if message.only_for is None:
        _tell(
            workspace,
            channel,
            {"subtype": "message_deleted", "deleted_ts": message.ts, "previous_message": before, "hidden": True},
        )


def notice(workspace: Workspace, channel: Channel, author: str, subtype: str, text: str) -> None:
    """Post the line by which Slack notes that somebody joined, renamed or pinned: their name, then `text`."""
    post(workspace, channel, author, Draft(f"<@{author}> {text}"), subtype=subtype)


def _message(workspace: Workspace, channel: Channel, author: str, draft: Draft) -> Message:
    return Message(
        ts=workspace.state.next_ts(),
        channel=channel.id,
        user=author,
        text=draft.text,
        blocks=draft.blocks,
        attachments=draft.attachments,
        metadata=draft.metadata,
        thread_ts=draft.thread_ts,
        broadcast=draft.broadcast,
        username=draft.username,
        by_app=author == workspace.state.bot.id,
        files=draft.files,
    )


def _tell_message(workspace: Workspace, channel: Channel, message: Message) -> None:
    shown = message_json(workspace.state, channel, message, metadata=True)
    subtype = {"subtype": "file_share"} if message.files else {}
    _tell(workspace, channel, shown | subtype | {"event_ts": message.ts})
    if not message.by_app and channel.kind != "im" and mentions(message.text, workspace.state.bot.id):
        mention = shown | {"type": "app_mention", "channel": channel.id, "event_ts": message.ts}
        workspace.emit("app_mention", mention, channel)


def _tell(workspace: Workspace, channel: Channel, event: Json) -> None:
    kind = {"channel": "channel", "group": "group", "im": "im"}[channel.kind]
    plural = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}[channel.kind]
    base = {"type": "message", "ts": event.get("event_ts") or workspace.state.next_ts()}
    workspace.emit(plural, base | event | {"channel": channel.id, "channel_type": kind}, channel)
