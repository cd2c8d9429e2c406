"""Methods about pinned messages: `pins.*`."""

from bot.workspace import limits
from bot.workspace.methods.call import Call, Method
from bot.workspace.model import Channel, Message
from bot.workspace.posting import notice
from bot.workspace.shapes import message_json, permalink
from bot.workspace.wire import Json, Refused


def _add(call: Call) -> Json:
    channel = call.channel(member=True, active=True)
    message = call.state.message(channel, call.arguments.required("timestamp"))
    if any(pin["ts"] == message.ts for pin in channel.pins):
        raise Refused("already_pinned")
    if len(channel.pins) >= limits.PINS:
        raise Refused("too_many_pins")
    bot = call.state.bot.id
    channel.pins.append({"ts": message.ts, "created": call.state.seconds(), "created_by": bot})
    notice(call.workspace, channel, bot, "pinned_item", "pinned a message to this channel.")
    return {}


def _remove(call: Call) -> Json:
    channel = call.channel(member=True)
    ts = call.arguments.required("timestamp")
    pins = [pin for pin in channel.pins if pin["ts"] != ts]
    if len(pins) == len(channel.pins):
        raise Refused("no_pin")
    channel.pins = pins
    call.workspace.changes.publish("messages", channel=channel.id)
    return {}


def _list(call: Call) -> Json:
    channel = call.channel(member=True)
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "message": _pinned(call, channel, channel.messages[pin["ts"]]),
            "created": pin["created"],
            "created_by": pin["created_by"],
        }
        for pin in channel.pins
    ]
    return {"items": items}


def _pinned(call: Call, channel: Channel, message: Message) -> Json:
    return message_json(call.state, channel, message) | {"permalink": permalink(call.origin, message)}


METHODS = {
    "pins.add": Method(_add, "pins:write"),
    "pins.list": Method(_list, "pins:read"),
    "pins.remove": Method(_remove, "pins:write"),
}
