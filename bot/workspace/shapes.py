"""The JSON shapes in which Slack shows its objects: users, channels, messages, views.

One function a shape, used by the Web API, by events and by interactions alike.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from bot.workspace.blocks import elements
from bot.workspace.forms import state_values
from bot.workspace.model import Channel, Member, Message, View
from bot.workspace.seed import Seed
from bot.workspace.state import State
from bot.workspace.wire import Json


def user_json(state: State, member: Member) -> Json:
    """Return a user as `users.info` shows it."""
    profile: Json = {
        "title": member.title,
        "phone": "",
        "skype": "",
        "status_text": "",
        "status_emoji": "",
        "status_emoji_display_info": [],
        "status_expiration": 0,
        "real_name": member.real_name,
        "real_name_normalized": member.real_name,
        "display_name": "" if member.is_bot else member.name,
        "display_name_normalized": "" if member.is_bot else member.name,
        "team": state.seed.team_id,
    }
    local = state.now().astimezone(ZoneInfo(member.tz))
    if member.email:
        profile["email"] = member.email
    if member.is_bot:
        profile |= {"bot_id": state.seed.app.bot_id, "api_app_id": state.seed.app.id}
    return {
        "id": member.id,
        "team_id": state.seed.team_id,
        "name": member.name,
        "real_name": member.real_name,
        "deleted": False,
        "tz": member.tz,
        "tz_label": "Coordinated Universal Time" if member.tz == "Etc/UTC" else local.tzname(),
        "tz_offset": int((local.utcoffset() or timedelta(0)).total_seconds()),
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_bot": member.is_bot,
        "is_app_user": False,
        "updated": 0,
    }


def channel_json(state: State, channel: Channel, viewer: str) -> Json:
    """Return a conversation as `conversations.info` shows it to a user."""
    shown: Json = {
        "id": channel.id,
        "created": channel.created,
        "creator": channel.creator,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.kind == "im",
        "is_mpim": False,
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_member": viewer in channel.members,
        "context_team_id": state.seed.team_id,
    }
    if channel.kind == "im":
        return shown | {"user": next((one for one in channel.members if one != viewer), viewer), "is_open": True}
    return shown | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_general": channel.id == state.seed.channels[0].id,
        "topic": channel.topic,
        "purpose": channel.purpose,
        "previous_names": channel.former_names,
        "num_members": len(channel.members),
    }


def message_json(state: State, channel: Channel, message: Message, *, metadata: bool = False) -> Json:
    """Return a message as `conversations.history` shows it, with its metadata if asked for."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": state.seed.team_id,
    }
    optional = {
        "subtype": message.subtype,
        "username": message.username,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "edited": message.edited,
        "thread_ts": message.thread_ts,
        "metadata": message.metadata if metadata else None,
    }
    shown |= {name: value for name, value in optional.items() if value}
    if message.by_app:
        shown |= bot_fields(state.seed)
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    if message.only_for is None and not message.is_reply:
        shown |= _thread_fields(channel, message)
    if message.is_reply:
        parent = channel.messages.get(str(message.thread_ts))
        shown["parent_user_id"] = parent.user if parent else message.user
    if message.files:
        shown |= {"files": [state.files.shown(one) for one in message.files], "upload": True}
    if any(pin["ts"] == message.ts for pin in channel.pins):
        shown["pinned_to"] = [channel.id]
    return shown


def permalink(origin: str, message: Message) -> str:
    """Return the address of a message in the workspace at `origin`."""
    link = f"{origin}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else link


def bot_fields(seed: Seed) -> Json:
    """Return the fields that mark a message as the app's."""
    app = seed.app
    return {
        "bot_id": app.bot_id,
        "app_id": app.id,
        "bot_profile": {
            "id": app.bot_id,
            "app_id": app.id,
            "name": app.name,
            "deleted": False,
            "updated": 0,
            "team_id": seed.team_id,
        },
    }


def _thread_fields(channel: Channel, message: Message) -> Json:
    replies = channel.replies(message.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "reply_users": users,
        "latest_reply": replies[-1].ts,
    }


def view_json(state: State, view: View) -> Json:
    """Return a view as `views.open` and interactions show it."""
    payload = view.payload
    shown: Json = {
        "id": view.id,
        "team_id": state.seed.team_id,
        "type": payload["type"],
        "blocks": payload["blocks"],
        "private_metadata": payload.get("private_metadata") or "",
        "callback_id": payload.get("callback_id") or "",
        "external_id": payload.get("external_id") or "",
        "state": {"values": state_values(elements(payload["blocks"]), view.values)},
        "hash": view.hash,
        "clear_on_close": bool(payload.get("clear_on_close")),
        "notify_on_close": bool(payload.get("notify_on_close")),
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": state.seed.app.id,
        "app_installed_team_id": state.seed.team_id,
        "bot_id": state.seed.app.bot_id,
    }
    return shown | {name: payload.get(name) for name in ("title", "close", "submit")}
