"""Methods about emoji reactions: `reactions.*`."""

import re

from bot.workspace.methods.call import Call, Method
from bot.workspace.model import Channel, Message
from bot.workspace.shapes import message_json
from bot.workspace.wire import Json, Refused
from bot.workspace.workspace import Workspace

_NAME = re.compile(r"[a-z0-9_+'\-]+(::skin-tone-[2-6])?")


def react(workspace: Workspace, channel: Channel, message: Message, user: str, name: str) -> None:
    """Add a reaction and tell of it; raise `Refused`."""
    if not _NAME.fullmatch(name):
        raise Refused("invalid_name")
    users = message.reactions.setdefault(name, [])
    if user in users:
        raise Refused("already_reacted")
    users.append(user)
    item = _item(channel, message)
    _tell(workspace, channel, item | {"type": "reaction_added", "user": user, "reaction": name})


def unreact(workspace: Workspace, channel: Channel, message: Message, user: str, name: str) -> None:
    """Take a reaction back and tell of it; raise `Refused`."""
    users = message.reactions.get(name, [])
    if user not in users:
        raise Refused("no_reaction")
    users.remove(user)
    if not users:
        del message.reactions[name]
    item = _item(channel, message)
    _tell(workspace, channel, item | {"type": "reaction_removed", "user": user, "reaction": name})


def _item(channel: Channel, message: Message) -> Json:
    return {"item_user": message.user, "item": {"type": "message", "channel": channel.id, "ts": message.ts}}


def _tell(workspace: Workspace, channel: Channel, event: Json) -> None:
    workspace.emit(event["type"], event, channel)
    workspace.changes.publish("messages", channel=channel.id)


def _target(call: Call) -> tuple[Channel, Message]:
    channel = call.channel(member=True)
    return channel, call.state.message(channel, call.arguments.required("timestamp"))


def _add(call: Call) -> Json:
    channel, message = _target(call)
    react(call.workspace, channel, message, call.state.bot.id, call.arguments.required("name").strip(":"))
    return {}


def _remove(call: Call) -> Json:
    channel, message = _target(call)
    unreact(call.workspace, channel, message, call.state.bot.id, call.arguments.required("name").strip(":"))
    return {}


def _get(call: Call) -> Json:
    channel, message = _target(call)
    return {"type": "message", "channel": channel.id, "message": message_json(call.state, channel, message)}


METHODS = {
    "reactions.add": Method(_add, "reactions:write"),
    "reactions.get": Method(_get, "reactions:read"),
    "reactions.remove": Method(_remove, "reactions:write"),
}
