"""Methods that post, change and remove messages: `chat.*`.

https://docs.slack.dev/reference/methods/chat.postMessage
"""

from bot.workspace.methods.call import Call, Method
from bot.workspace.model import Channel, Message
from bot.workspace.posting import post, post_ephemeral, read_draft, remove, rewrite
from bot.workspace.shapes import message_json, permalink
from bot.workspace.wire import Arguments, Json, Refused


def _post_message(call: Call) -> Json:
    channel = _open_to_bot(call)
    draft = read_draft(call.workspace, call.arguments)
    call.workspace.post_rate.take(channel.id)
    message = post(call.workspace, channel, call.state.bot.id, draft)
    shown = message_json(call.state, channel, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _post_ephemeral(call: Call) -> Json:
    channel = _open_to_bot(call)
    user = call.state.member(call.arguments.required("user"))
    draft = read_draft(call.workspace, call.arguments)
    if user.id not in channel.members:
        raise Refused("user_not_in_channel")
    return {"message_ts": post_ephemeral(call.workspace, channel, draft, user.id).ts}


def _update(call: Call) -> Json:
    """Replace a message; what is not given is kept, except that new text without blocks takes the blocks away."""
    channel, message = _own_message(call, "cant_update_message")
    given = call.arguments
    kept: Json = {}
    if "attachments" not in given.values:
        kept["attachments"] = message.attachments
    if "blocks" not in given.values and not given.has("text"):
        kept["blocks"] = message.blocks
        kept["text"] = message.text
    draft = read_draft(call.workspace, Arguments(given.values | kept))
    rewrite(call.workspace, channel, message, draft)
    shown = message_json(call.state, channel, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def _delete(call: Call) -> Json:
    channel, message = _own_message(call, "cant_delete_message")
    remove(call.workspace, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def _get_permalink(call: Call) -> Json:
    channel = call.channel()
    message = call.state.message(channel, call.arguments.required("message_ts"))
    return {"channel": channel.id, "permalink": permalink(call.origin, message)}


def _open_to_bot(call: Call) -> Channel:
    """Return the channel to post in; an id of a user stands for the direct conversation with them."""
    target = call.arguments.required("channel")
    if target in call.state.members and target != call.state.bot.id:
        return call.state.direct(target)
    public = "chat:write.public" in call.workspace.seed.app.scopes
    channel = call.channel(active=True)
    if call.state.bot.id not in channel.members and not public:
        raise Refused("not_in_channel")
    return channel


def _own_message(call: Call, refusal: str) -> tuple[Channel, Message]:
    channel = call.channel(active=True)
    message = call.state.message(channel, call.arguments.required("ts"))
    if message.user != call.state.bot.id or message.subtype is not None:
        raise Refused(refusal)
    return channel, message


METHODS = {
    "chat.delete": Method(_delete, "chat:write"),
    "chat.getPermalink": Method(_get_permalink),
    "chat.postEphemeral": Method(_post_ephemeral, "chat:write"),
    "chat.postMessage": Method(_post_message, "chat:write"),
    "chat.update": Method(_update, "chat:write"),
}
