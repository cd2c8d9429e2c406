"""Methods about who is in a conversation: `conversations.join`, `invite`, `leave`, `kick`, `members`."""

from bot.workspace.methods.call import Call, Method, known_users
from bot.workspace.model import Channel
from bot.workspace.posting import notice
from bot.workspace.shapes import channel_json
from bot.workspace.wire import Json, Refused
from bot.workspace.workspace import Workspace


def enter(workspace: Workspace, channel: Channel, user: str, inviter: str | None = None) -> None:
    """Make somebody a member, with the notice and the event that come with it."""
    channel.members.append(user)
    what = f"was added to the channel by <@{inviter}>" if inviter else "has joined the channel"
    notice(workspace, channel, user, "channel_join", what)
    joined = {"type": "member_joined_channel", "user": user, "channel": channel.id, "team": workspace.seed.team_id}
    kind = "G" if channel.kind == "group" else "C"
    extra = {"inviter": inviter} if inviter else {}
    workspace.emit("member_joined_channel", joined | {"channel_type": kind} | extra, channel)
    workspace.changes.publish("channels")


def leave(workspace: Workspace, channel: Channel, user: str) -> None:
    """End a membership, with its notice and event."""
    notice(workspace, channel, user, "channel_leave", "has left the channel")
    left = {"type": "member_left_channel", "user": user, "channel": channel.id, "team": workspace.seed.team_id}
    workspace.emit("member_left_channel", left, channel)
    channel.members.remove(user)
    workspace.changes.publish("channels")


def _join(call: Call) -> Json:
    channel = call.channel(active=True)
    call.need("channels:join")
    if channel.kind != "channel":
        raise Refused("method_not_supported_for_channel_type")
    bot = call.state.bot.id
    already = bot in channel.members
    if not already:
        enter(call.workspace, channel, bot)
    answer: Json = {"channel": channel_json(call.state, channel, bot)}
    warning = "already_in_channel"
    return answer | ({"warning": warning, "response_metadata": {"warnings": [warning]}} if already else {})


def _invite(call: Call) -> Json:
    channel = call.channel(member=True, active=True)
    call.need("groups:write" if channel.kind == "group" else "channels:manage")
    users = call.arguments.names("users")
    if not users:
        raise Refused("no_user")
    problems: list[Json] = []
    for user in users:
        error = _why_not(call, channel, user)
        if error:
            problems.append({"user": user, "ok": False, "error": error})
    if problems and not (call.arguments.flag("force") and len(problems) < len(users)):
        raise Refused(problems[0]["error"], errors=problems)
    for user in users:
        if _why_not(call, channel, user) is None:
            enter(call.workspace, channel, user, inviter=call.state.bot.id)
    return {"channel": channel_json(call.state, channel, call.state.bot.id)}


def _why_not(call: Call, channel: Channel, user: str) -> str | None:
    if user == call.state.bot.id:
        return "cant_invite_self"
    if user not in call.state.members:
        return "user_not_found"
    return "already_in_channel" if user in channel.members else None


def _leave(call: Call) -> Json:
    channel = call.channel(active=True)
    if call.state.bot.id not in channel.members:
        return {"not_in_channel": True}
    if channel.id == call.workspace.seed.channels[0].id:
        raise Refused("cant_leave_general")
    if len(channel.members) == 1:
        raise Refused("last_member")
    leave(call.workspace, channel, call.state.bot.id)
    return {}


def _kick(call: Call) -> Json:
    channel = call.channel(member=True, active=True)
    call.need("groups:write" if channel.kind == "group" else "channels:manage")
    user = known_users(call, [call.arguments.required("user")])[0]
    if user == call.state.bot.id:
        raise Refused("cant_kick_self")
    if user not in channel.members:
        raise Refused("not_in_channel")
    leave(call.workspace, channel, user)
    return {"errors": {}}


def _members(call: Call) -> Json:
    page, more = call.page(call.channel(action="read").members)
    return {"members": list(page)} | more


METHODS = {
    "conversations.invite": Method(_invite),
    "conversations.join": Method(_join),
    "conversations.kick": Method(_kick),
    "conversations.leave": Method(_leave, "channels:manage"),
    "conversations.members": Method(_members),
}
