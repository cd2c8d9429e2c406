"""Methods about people and groups: `users.*`, `usergroups.*`."""

from bot.workspace.methods.call import Call, Method
from bot.workspace.seed import UserGroup
from bot.workspace.shapes import channel_json, user_json
from bot.workspace.wire import Json, Refused


def _info(call: Call) -> Json:
    user = call.state.member(call.arguments.required("user"))
    return {"user": user_json(call.state, user)}


def _list(call: Call) -> Json:
    page, more = call.page(list(call.state.members.values()), default=1000)
    return {"members": [user_json(call.state, one) for one in page], "cache_ts": call.state.seconds()} | more


def _lookup_by_email(call: Call) -> Json:
    email = call.arguments.required("email").lower()
    for member in call.state.members.values():
        if member.email and member.email == email:
            return {"user": user_json(call.state, member)}
    raise Refused("users_not_found")


def _conversations(call: Call) -> Json:
    user = call.state.member(call.arguments.text("user", call.state.bot.id))
    kinds = call.arguments.names("types") or ["public_channel"]
    names = {"channel": "public_channel", "group": "private_channel", "im": "im"}
    for kind in kinds:
        call.need({"public_channel": "channels:read", "private_channel": "groups:read"}.get(kind, "im:read"))
    shared = [
        channel
        for channel in call.state.channels.values()
        if user.id in channel.members
        and names[channel.kind] in kinds
        and (channel.kind == "channel" or call.state.bot.id in channel.members)
        and not (call.arguments.flag("exclude_archived") and channel.archived)
    ]
    page, more = call.page(shared)
    return {"channels": [channel_json(call.state, one, call.state.bot.id) for one in page]} | more


def _groups_list(call: Call) -> Json:
    shown = [_group_json(call, group) for group in call.workspace.seed.groups]
    if call.arguments.flag("include_users"):
        for group_json, group in zip(shown, call.workspace.seed.groups, strict=True):
            group_json["users"] = list(group.members)
    return {"usergroups": shown}


def _groups_users_list(call: Call) -> Json:
    wanted = call.arguments.required("usergroup")
    for group in call.workspace.seed.groups:
        if group.id == wanted:
            return {"users": list(group.members)}
    raise Refused("no_such_subteam")


def _group_json(call: Call, group: UserGroup) -> Json:
    return {
        "id": group.id,
        "team_id": call.workspace.seed.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_delete": 0,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.members),
    }


METHODS = {
    "usergroups.list": Method(_groups_list, "usergroups:read"),
    "usergroups.users.list": Method(_groups_users_list, "usergroups:read"),
    "users.conversations": Method(_conversations),
    "users.info": Method(_info, "users:read"),
    "users.list": Method(_list, "users:read"),
    "users.lookupByEmail": Method(_lookup_by_email, "users:read.email"),
}
