"""Methods about files: `files.*`, in the steps that the SDK's `files_upload_v2` takes.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

from dataclasses import replace
from typing import Any

from bot.workspace.files import File
from bot.workspace.methods.call import Call, Method
from bot.workspace.model import Channel
from bot.workspace.posting import Draft, post, read_draft
from bot.workspace.text import from_app
from bot.workspace.wire import Arguments, Json, Refused, invalid

_ALT_TEXT = 1_000


def _get_upload_url(call: Call) -> Json:
    name = call.arguments.required("filename")
    length = _length(call)
    alt_text = call.arguments.text("alt_txt")
    if len(alt_text) > _ALT_TEXT:
        raise Refused("alt_txt_too_large")
    file = File(
        id=call.state.next_id("F"),
        name=name,
        length=length,
        user=call.state.bot.id,
        created=call.state.seconds(),
        origin=call.origin,
        alt_text=alt_text,
    )
    key = call.workspace.files.announce(file)
    return {"file_id": file.id, "upload_url": f"{call.origin}/upload/{key}"}


def _length(call: Call) -> int:
    given = call.arguments.required("length")
    if not (given.isascii() and given.isdecimal()):
        raise invalid("invalid_arguments", "must be an integer [json-pointer:/length]")
    if int(given) == 0:
        raise Refused("missing_argument")
    return int(given)


def _complete(call: Call) -> Json:
    files = _named_files(call)
    channels = _channels(call)
    draft = _introduction(call)
    for file, title in files:
        file.title = title
        file.complete = True
    for channel in channels:
        message = post(call.workspace, channel, call.state.bot.id, replace(draft, files=[one.id for one, _ in files]))
        for file, _ in files:
            file.shares.append((channel, message.ts))
    return {"files": [call.workspace.files.shown(file.id) for file, _ in files]}


def _named_files(call: Call) -> list[tuple[File, str]]:
    given: Any = call.arguments.structure("files", "invalid_arguments")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise invalid("invalid_arguments", "must be an array of objects [json-pointer:/files]")
    return [(call.workspace.files.uploaded(str(one.get("id"))), str(one.get("title") or "")) for one in given]


def _channels(call: Call) -> list[Channel]:
    wanted = (
        [call.arguments.text("channel_id")] if call.arguments.has("channel_id") else call.arguments.names("channels")
    )
    if len(wanted) > 1 and call.arguments.has("thread_ts"):
        raise Refused("invalid_arguments")
    return [_open_to_bot(call, one) for one in wanted]


def _open_to_bot(call: Call, reference: str) -> Channel:
    if reference in call.state.members:
        return call.state.direct(reference)
    channel = call.state.channel(reference)
    if call.state.bot.id not in channel.members:
        raise Refused("not_in_channel" if channel.kind == "channel" else "channel_not_found")
    if channel.archived:
        raise Refused("is_archived")
    return channel


def _introduction(call: Call) -> Draft:
    """Return the message that introduces the files; a comment wins over blocks, and neither is needed."""
    thread_ts = call.arguments.text("thread_ts") or None
    if call.arguments.has("blocks") and not call.arguments.has("initial_comment"):
        draft = read_draft(call.workspace, Arguments({"blocks": call.arguments.values["blocks"]}))
        return replace(draft, thread_ts=thread_ts)
    return Draft(from_app(call.arguments.text("initial_comment")), thread_ts=thread_ts)


def _info(call: Call) -> Json:
    file = call.workspace.files.get(call.arguments.required("file"))
    return {"file": call.workspace.files.shown(file.id), "comments": [], "response_metadata": {"next_cursor": ""}}


def _delete(call: Call) -> Json:
    file = call.workspace.files.get(call.arguments.required("file"))
    if file.user != call.state.bot.id:
        raise Refused("cant_delete_file")
    call.workspace.files.delete(file)
    for channel, _ in file.shares:
        call.workspace.changes.publish("messages", channel=channel.id)
    return {}


METHODS = {
    "files.completeUploadExternal": Method(_complete, "files:write"),
    "files.delete": Method(_delete, "files:write"),
    "files.getUploadURLExternal": Method(_get_upload_url, "files:write"),
    "files.info": Method(_info, "files:read"),
}
