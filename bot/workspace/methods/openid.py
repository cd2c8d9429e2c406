"""Methods of Sign in with Slack: `openid.connect.*`."""

import secrets

from bot.workspace.methods.call import Call, Method, TokenKind
from bot.workspace.wire import Json, Refused


def _token(call: Call) -> Json:
    given, app = call.arguments, call.workspace.seed.app
    if given.text("client_id") != app.client_id:
        raise Refused("invalid_client_id")
    if not secrets.compare_digest(given.text("client_secret").encode(), app.client_secret.encode()):
        raise Refused("bad_client_secret")
    if given.text("grant_type", "authorization_code") != "authorization_code":
        raise Refused("invalid_grant_type")
    return call.workspace.sign_in.exchange(given.text("code"), given.text("redirect_uri"), call.origin)


def _user_info(call: Call) -> Json:
    grant = call.workspace.sign_in.grant(call.token)
    if grant is None:
        raise Refused("invalid_auth")
    return call.workspace.sign_in.claims(grant)


METHODS = {
    "openid.connect.token": Method(_token, token=TokenKind.NONE),
    "openid.connect.userInfo": Method(_user_info, token=TokenKind.USER),
}
