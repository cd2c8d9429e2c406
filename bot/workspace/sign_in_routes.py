"""Sign in with Slack over HTTP: the page on which a person is chosen and allows it, and what OpenID clients look up.

The person switch is the sign-in: whoever reaches this loopback port may be anybody, here as everywhere.
"""

from urllib.parse import urlencode, urlsplit

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.workspace.api import origin_of, workspace_of
from bot.workspace.page import page_headers, templates
from bot.workspace.sign_in import LOCAL_HOSTS, SCOPES
from bot.workspace.wire import Refused

_AUTHORIZE = "/openid/connect/authorize"
_MEANINGS = {"openid": "Know which account you are", "profile": "See your name", "email": "See your email address"}


async def _ask(request: Request) -> Response:
    workspace = workspace_of(request)
    try:
        asked = workspace.sign_in.asked(request.query_params)
    except Refused as refused:
        return _told(refused)
    html = (
        templates()
        .get_template("sign_in.html")
        .render(
            seed=workspace.seed,
            wishes=[_MEANINGS[scope] for scope in SCOPES if scope in asked.scopes],
            action=f"{_AUTHORIZE}?{request.url.query}",
            place=urlsplit(asked.redirect_uri).netloc,
            person=request.cookies.get("person", workspace.seed.person),
        )
    )
    return HTMLResponse(html, headers=_headers())


async def _answer(request: Request) -> Response:
    workspace = workspace_of(request)
    form = await request.form()
    try:
        asked = workspace.sign_in.asked(request.query_params)
        allowed = form.get("answer") == "allow"
        member = workspace.state.person(str(form.get("person", ""))) if allowed else None
    except Refused as refused:
        return _told(refused)
    outcome = {"error": "access_denied"} if member is None else {"code": workspace.sign_in.allow(asked, member)}
    query = urlencode(outcome | ({"state": asked.state} if asked.state else {}))
    joint = "&" if urlsplit(asked.redirect_uri).query else "?"
    return RedirectResponse(f"{asked.redirect_uri}{joint}{query}", 303, headers=_headers())


def _told(refused: Refused) -> Response:
    page = Markup("<!doctype html><title>Sign in</title><p>This sign-in cannot go on: <code>{}</code></p>")
    return HTMLResponse(page.format(refused.error), refused.status, headers=_headers())


def _headers() -> dict[str, str]:
    # A browser holds a form's redirect to this as well, and the answer goes to an app on loopback.
    return page_headers(form_action=" ".join(["'self'", *(f"http://{host}:*" for host in LOCAL_HOSTS)]))


async def _configuration(request: Request) -> Response:
    """Return what an OpenID client finds everything else by (OpenID Connect Discovery 1.0, section 4)."""
    origin = origin_of(request.scope)
    return JSONResponse(
        {
            "issuer": origin,
            "authorization_endpoint": f"{origin}{_AUTHORIZE}",
            "token_endpoint": f"{origin}/api/openid.connect.token",
            "userinfo_endpoint": f"{origin}/api/openid.connect.userInfo",
            "jwks_uri": f"{origin}/openid/connect/keys",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }
    )


async def _keys(request: Request) -> Response:
    return JSONResponse(workspace_of(request).sign_in.keys())


ROUTES = [
    Route(_AUTHORIZE, _ask, methods=["GET"]),
    Route(_AUTHORIZE, _answer, methods=["POST"]),
    Route("/openid/connect/keys", _keys),
    Route("/.well-known/openid-configuration", _configuration),
]
