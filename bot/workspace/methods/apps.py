"""Methods about the app itself and its workspace: `auth.test`, `apps.connections.open`, `team.info`, `bots.info`."""

from bot.workspace.methods.call import Call, Method, TokenKind
from bot.workspace.wire import Json, Refused


def _auth_test(call: Call) -> Json:
    seed, bot = call.workspace.seed, call.state.bot
    return {
        "url": f"{call.origin}/",
        "team": seed.team_name,
        "user": bot.name,
        "team_id": seed.team_id,
        "user_id": bot.id,
        "bot_id": seed.app.bot_id,
        "is_enterprise_install": False,
    }


def _connections_open(call: Call) -> Json:
    address = call.origin.replace("http", "ws", 1)
    app_id = call.workspace.seed.app.id
    return {"url": f"{address}/link/?ticket={call.workspace.sockets.ticket()}&app_id={app_id}"}


def _team_info(call: Call) -> Json:
    seed = call.workspace.seed
    return {"team": {"id": seed.team_id, "name": seed.team_name, "domain": seed.domain, "email_domain": "", "icon": {}}}


def _bots_info(call: Call) -> Json:
    app = call.workspace.seed.app
    if call.arguments.text("bot", app.bot_id) != app.bot_id:
        raise Refused("bot_not_found")
    bot = {"id": app.bot_id, "app_id": app.id, "user_id": app.bot_user_id, "name": app.name}
    return {"bot": bot | {"deleted": False, "updated": 0, "icons": {}}}


def _api_test(call: Call) -> Json:
    if call.arguments.has("error"):
        raise Refused(call.arguments.text("error"), args=call.arguments.values)
    return {"args": call.arguments.values}


METHODS = {
    "api.test": Method(_api_test),
    "apps.connections.open": Method(_connections_open, token=TokenKind.APP),
    "auth.test": Method(_auth_test),
    "bots.info": Method(_bots_info, "users:read"),
    "team.info": Method(_team_info, "team:read"),
}
