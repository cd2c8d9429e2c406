"""Methods that read messages: `conversations.history`, `conversations.replies`.

Metadata comes only when asked for, replies appear in the history only when broadcast, ephemeral messages never.
"""

from collections.abc import Sequence

from bot.workspace.methods.call import Call, Method
from bot.workspace.model import Channel, Message
from bot.workspace.shapes import message_json
from bot.workspace.wire import Json, Refused


def _history(call: Call) -> Json:
    channel = call.channel(action="history", member=True)
    found = [
        one
        for one in reversed(channel.messages.values())
        if one.only_for is None and (not one.is_reply or one.broadcast) and _in_window(call, one.ts)
    ]
    page, more = call.page(found, most=999)
    return _answer(call, channel, page, more) | {"pin_count": len(channel.pins)}


def _replies(call: Call) -> Json:
    channel = call.channel(action="history", member=True)
    ts = call.arguments.required("ts")
    parent = channel.messages.get(ts)
    if parent is None or parent.only_for is not None:
        raise Refused("thread_not_found")
    thread = [parent, *channel.replies(parent.thread_ts or ts)]
    page, more = call.page([one for one in thread if one is parent or _in_window(call, one.ts)])
    return _answer(call, channel, page, more)


def _answer(call: Call, channel: Channel, page: Sequence[Message], more: Json) -> Json:
    metadata = call.arguments.flag("include_all_metadata")
    has_more = bool(more["response_metadata"]["next_cursor"])
    messages = [message_json(call.state, channel, one, metadata=metadata) for one in page]
    return {"messages": messages, "has_more": has_more} | (more if has_more else {})


def _in_window(call: Call, ts: str) -> bool:
    oldest, latest = call.arguments.text("oldest"), call.arguments.text("latest")
    inclusive = call.arguments.flag("inclusive")
    try:
        after = not oldest or float(ts) > float(oldest) or (inclusive and float(ts) == float(oldest))
        before = not latest or float(ts) < float(latest) or (inclusive and float(ts) == float(latest))
    except ValueError as exc:
        raise Refused("invalid_ts_oldest" if oldest else "invalid_ts_latest") from exc
    return after and before


METHODS = {
    "conversations.history": Method(_history),
    "conversations.replies": Method(_replies),
}
