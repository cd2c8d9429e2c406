"""Methods about conversations as such: `conversations.create`, `info`, `list`, `rename`, `archive`, topic, purpose.

https://docs.slack.dev/reference/methods/conversations.create - names are 1 to 80 lower-case letters, digits, `-`, `_`.
"""

import re

from bot.workspace import limits
from bot.workspace.methods.call import Call, Method, known_users
from bot.workspace.model import Channel, ChannelKind
from bot.workspace.posting import notice
from bot.workspace.shapes import channel_json
from bot.workspace.text import from_app
from bot.workspace.wire import Json, Refused

_KINDS: dict[str, ChannelKind] = {"public_channel": "channel", "private_channel": "group", "im": "im"}
_NAME = re.compile(r"[a-z0-9_\-]+")


def _create(call: Call) -> Json:
    kind: ChannelKind = "group" if call.arguments.flag("is_private") else "channel"
    call.need("groups:write" if kind == "group" else "channels:manage")
    name = _free_name(call)
    channel = call.state.add_channel(name, kind, call.state.bot.id)
    channel.members.append(call.state.bot.id)
    call.workspace.changes.publish("channels")
    created = {"id": channel.id, "name": name, "created": channel.created, "creator": channel.creator}
    call.workspace.emit("channel_created", {"type": "channel_created", "channel": created})
    return _answer(call, channel)


def _rename(call: Call) -> Json:
    channel = _manageable(call)
    name = _free_name(call)
    former, channel.name = channel.name, name
    channel.former_names.insert(0, former)
    notice(
        call.workspace,
        channel,
        call.state.bot.id,
        "channel_name",
        f'has renamed the channel from "{former}" to "{name}"',
    )
    call.workspace.changes.publish("channels")
    renamed = {"id": channel.id, "name": name, "created": channel.created}
    call.workspace.emit("channel_rename", {"type": "channel_rename", "channel": renamed}, channel)
    return _answer(call, channel)


def _free_name(call: Call) -> str:
    name = call.arguments.text("name").removeprefix("#")
    if not name:
        raise Refused("invalid_name_required")
    if len(name) > limits.CHANNEL_NAME:
        raise Refused("invalid_name_maxlength")
    if not _NAME.fullmatch(name):
        raise Refused("invalid_name_specials")
    if not name.strip("-_"):
        raise Refused("invalid_name_punctuation")
    if call.state.named(name):
        raise Refused("name_taken")
    return name


def _info(call: Call) -> Json:
    channel = call.channel(action="read")
    answer = _answer(call, channel)
    if not call.arguments.flag("include_num_members"):
        answer["channel"].pop("num_members", None)
    return answer


def _list(call: Call) -> Json:
    wanted = call.arguments.names("types") or ["public_channel"]
    if not set(wanted) <= {*_KINDS, "mpim"}:
        raise Refused("invalid_types")
    kinds = {_KINDS[name] for name in wanted if name in _KINDS}
    for kind in kinds:
        call.need({"channel": "channels:read", "group": "groups:read", "im": "im:read"}[kind])
    hidden = call.arguments.flag("exclude_archived")
    bot = call.state.bot.id
    found = [
        channel
        for channel in call.state.channels.values()
        if channel.kind in kinds
        and (channel.kind == "channel" or bot in channel.members)
        and not (hidden and channel.archived)
    ]
    page, more = call.page(found)
    return {"channels": [channel_json(call.state, one, bot) for one in page]} | more


def _archive(call: Call) -> Json:
    channel = call.channel(member=True)
    if channel.archived:
        raise Refused("already_archived")
    channel = _manageable(call)
    if channel.id == call.workspace.seed.channels[0].id:
        raise Refused("cant_archive_general")
    notice(call.workspace, channel, call.state.bot.id, "channel_archive", "archived the channel")
    channel.archived = True
    call.workspace.changes.publish("channels")
    archived = {"type": "channel_archive", "channel": channel.id, "user": call.state.bot.id}
    call.workspace.emit("channel_archive", archived, channel)
    return {}


def _unarchive(call: Call) -> Json:
    channel = call.channel()
    call.need("groups:write" if channel.kind == "group" else "channels:manage")
    if not channel.archived:
        raise Refused("not_archived")
    channel.archived = False
    call.workspace.changes.publish("channels")
    return {}


def _set_topic(call: Call) -> Json:
    return _set_note(call, "topic")


def _set_purpose(call: Call) -> Json:
    return _set_note(call, "purpose")


def _set_note(call: Call, name: str) -> Json:
    channel = _manageable(call)
    value = call.arguments.text(name)
    if len(value) > limits.TOPIC:
        raise Refused("too_long")
    note = call.state.note(from_app(value), call.state.bot.id)
    if name == "topic":
        channel.topic = note
    else:
        channel.purpose = note
    notice(call.workspace, channel, call.state.bot.id, f"channel_{name}", f"set the channel {name}: {from_app(value)}")
    call.workspace.changes.publish("channels")
    return _answer(call, channel) | {name: note["value"]}


def _open(call: Call) -> Json:
    before = len(call.state.channels)
    if call.arguments.has("channel"):
        channel = call.channel()
    else:
        users = known_users(call, call.arguments.names("users"))
        if not users:
            raise Refused("users_list_not_supplied")
        if len(users) > 1 or users[0] == call.state.bot.id:
            raise Refused("method_not_supported_for_channel_type")
        channel = call.state.direct(users[0])
    full = channel_json(call.state, channel, call.state.bot.id)
    answer: Json = {"channel": full if call.arguments.flag("return_im") else {"id": channel.id}}
    return answer if len(call.state.channels) > before else answer | {"no_op": True, "already_open": True}


def _manageable(call: Call) -> Channel:
    """Return an open channel that the bot is in and may manage."""
    channel = call.channel(member=True, active=True)
    if channel.kind == "im":
        raise Refused("method_not_supported_for_channel_type")
    call.need("groups:write" if channel.kind == "group" else "channels:manage")
    return channel


def _answer(call: Call, channel: Channel) -> Json:
    return {"channel": channel_json(call.state, channel, call.state.bot.id)}


METHODS = {
    "conversations.archive": Method(_archive),
    "conversations.create": Method(_create),
    "conversations.info": Method(_info),
    "conversations.list": Method(_list),
    "conversations.open": Method(_open, "im:write"),
    "conversations.rename": Method(_rename),
    "conversations.setPurpose": Method(_set_purpose),
    "conversations.setTopic": Method(_set_topic),
    "conversations.unarchive": Method(_unarchive),
}
