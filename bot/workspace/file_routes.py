"""Where a file's bytes go in and out: upload URLs, the app's download with its token, and the page's pictures.

A file may hold anything. Only pictures are shown in place, everything else is offered for download, and nothing in it
may run: it comes with a policy that forbids all.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.workspace import screen
from bot.workspace.api import refusal, workspace_of
from bot.workspace.files import File
from bot.workspace.people_routes import actor_of
from bot.workspace.wire import Refused

_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}
_BYTES = "application/octet-stream"


async def _upload(request: Request) -> Response:
    files = workspace_of(request).files
    key = request.path_params["key"]
    try:
        content = await _content(request, files.expects(key))
        files.upload(key, content)
    except Refused as exc:
        return refusal(exc)
    return PlainTextResponse(f"OK - {len(content)}")


async def _content(request: Request, expected: int) -> bytes:
    """Return what was sent, as raw bytes or as the one file of a form, reading no more than was announced."""
    if request.headers.get("Content-Type", "").startswith("multipart/form-data"):
        async with request.form(max_files=1, max_part_size=expected) as form:
            sent = next((one for one in form.values() if not isinstance(one, str)), None)
            return b"" if sent is None else await sent.read()
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > expected:
            raise Refused("length_mismatch", status=400)
    return bytes(content)


async def _private(request: Request) -> Response:
    """Give the app a file; like Slack it wants the bot token and `files:read`."""
    workspace = workspace_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    app = workspace.seed.app
    if scheme.lower() != "bearer" or token.strip() != app.bot_token or "files:read" not in app.scopes:
        return PlainTextResponse("This needs the bot token and the scope files:read.", 403)
    try:
        return _bytes(workspace.files.get(request.path_params["file"]))
    except Refused as exc:
        return refusal(Refused(exc.error, status=404))


async def _seen(request: Request) -> Response:
    """Give a file to a person who sees a channel that it is shared in."""
    try:
        return _bytes(screen.visible_file(actor_of(request), request.path_params["file"]))
    except Refused as exc:
        return refusal(Refused(exc.error, status=404))


def _bytes(file: File) -> Response:
    headers = dict(_HEADERS)
    if not file.is_picture:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    return Response(file.content, media_type=file.media_type if file.is_picture else _BYTES, headers=headers)


ROUTES = [
    Route("/upload/{key}", _upload, methods=["POST"]),
    Route("/files-pri/{file}/{name}", _private),
    Route("/people/{user}/files/{file}", _seen),
]
