"""Methods about the links at the top of a channel: `bookmarks.*`; they name their channel `channel_id`."""

from bot.workspace.methods.call import Call, Method
from bot.workspace.model import Channel
from bot.workspace.wire import Json, Refused


def _add(call: Call) -> Json:
    channel = _channel(call)
    if call.arguments.required("type") != "link":
        raise Refused("invalid_bookmark_type")
    now = call.state.seconds()
    bookmark: Json = {
        "id": call.state.next_id("Bk"),
        "channel_id": channel.id,
        "title": call.arguments.required("title"),
        "link": _link(call),
        "emoji": call.arguments.text("emoji"),
        "icon_url": None,
        "type": "link",
        "entity_id": None,
        "date_created": now,
        "date_updated": now,
        "rank": f"{len(channel.bookmarks):04d}",
        "last_updated_by_user_id": call.state.bot.id,
        "last_updated_by_team_id": call.workspace.seed.team_id,
        "shortcut_id": None,
        "app_id": call.workspace.seed.app.id,
    }
    channel.bookmarks.append(bookmark)
    call.workspace.changes.publish("channels")
    return {"bookmark": bookmark}


def _edit(call: Call) -> Json:
    bookmark = _bookmark(call, _channel(call))
    if call.arguments.has("link"):
        bookmark["link"] = _link(call)
    for name in ("title", "emoji"):
        if call.arguments.has(name):
            bookmark[name] = call.arguments.text(name)
    bookmark["date_updated"] = call.state.seconds()
    call.workspace.changes.publish("channels")
    return {"bookmark": bookmark}


def _list(call: Call) -> Json:
    return {"bookmarks": _channel(call).bookmarks}


def _remove(call: Call) -> Json:
    channel = _channel(call)
    channel.bookmarks.remove(_bookmark(call, channel))
    call.workspace.changes.publish("channels")
    return {}


def _channel(call: Call) -> Channel:
    channel = call.state.channel(call.arguments.required("channel_id"))
    if call.state.bot.id not in channel.members:
        raise Refused("channel_not_found" if channel.kind != "channel" else "not_in_channel")
    return channel


def _bookmark(call: Call, channel: Channel) -> Json:
    wanted = call.arguments.required("bookmark_id")
    for bookmark in channel.bookmarks:
        if bookmark["id"] == wanted:
            return bookmark
    raise Refused("not_found")


def _link(call: Call) -> str:
    link = call.arguments.required("link")
    if not link.startswith(("http://", "https://")):
        raise Refused("invalid_link")
    return link


METHODS = {
    "bookmarks.add": Method(_add, "bookmarks:write"),
    "bookmarks.edit": Method(_edit, "bookmarks:write"),
    "bookmarks.list": Method(_list, "bookmarks:read"),
    "bookmarks.remove": Method(_remove, "bookmarks:write"),
}
