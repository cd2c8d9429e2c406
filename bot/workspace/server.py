"""Builds the workspace's ASGI application and serves it on loopback, as a process of its own.

It refuses any other address: the people's door and the made-up tokens protect nothing.
"""

import argparse
import asyncio
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware

from bot.workspace import DEFAULT_PORT, api, control, file_routes, page, people_routes, sign_in_routes
from bot.workspace.guard import LoopbackGuard
from bot.workspace.limits import Limits
from bot.workspace.request_urls import RequestUrls
from bot.workspace.seed import DEFAULT_SEED, Seed
from bot.workspace.state import Clock
from bot.workspace.workspace import Workspace


class NotLoopbackError(ValueError):
    """The workspace was asked to listen where others could reach it."""


def wall_clock() -> datetime:
    """Return the time now, in UTC; this process stands alone and has no other clock."""
    return datetime.now(UTC)


def create_app(
    *,
    seed: Seed = DEFAULT_SEED,
    limits: Limits | None = None,
    now: Clock = wall_clock,
    request_urls: RequestUrls | None = None,
) -> Starlette:
    """Return the ASGI application of a fresh workspace; it is found again at `app.state.workspace`.

    Without `request_urls` the app is met over Socket Mode.
    """
    workspace = Workspace(seed, limits or Limits(), now)
    if request_urls is not None:
        workspace.use_request_urls(request_urls)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await workspace.stop()

    app = Starlette(
        routes=[
            *api.ROUTES,
            *file_routes.ROUTES,
            *people_routes.ROUTES,
            *sign_in_routes.ROUTES,
            *control.ROUTES,
            *page.ROUTES,
        ],
        middleware=[Middleware(LoopbackGuard)],
        lifespan=lifespan,
    )
    app.state.workspace = workspace
    return app


class _Server(uvicorn.Server):
    """Says when it is ready, and ends the endless feeds before uvicorn waits for its connections to end."""

    def __init__(self, config: uvicorn.Config, workspace: Workspace, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._workspace = workspace
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._workspace.stop()
        await super().shutdown(sockets)


async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    app: Starlette | None = None,
    ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve a workspace until it is cancelled or told to stop.

    `port` 0 takes a free one; `ready` is called with the base URL once requests are accepted. Raises
    `NotLoopbackError`, and `OSError` if the port is taken.
    """
    _refuse_foreign(host)
    app = app or create_app()
    config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2)
    with _listen(host, port) as listening:
        name, number = listening.getsockname()[:2]
        url = f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"
        server = _Server(config, app.state.workspace, lambda: ready(url))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


def _refuse_foreign(host: str) -> None:
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise NotLoopbackError(f"the local workspace listens on loopback only, not on {host!r}: use 127.0.0.1")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def main(argv: Sequence[str] | None = None) -> int:
    """Run `workspace [--host 127.0.0.1] [--port N] [--request-url URL]` until interrupted; return the exit status."""
    options = _parser().parse_args(argv)
    try:
        app = create_app(request_urls=_request_urls(options))
        asyncio.run(serve(host=options.host, port=options.port, app=app, ready=_announce))
    except KeyboardInterrupt:
        return 0
    except (NotLoopbackError, OSError) as exc:
        sys.stderr.write(f"stanch workspace: {exc}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stanch workspace", description="Serve a local Slack workspace on loopback.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    urls = parser.add_argument_group(
        "an app that takes HTTP requests", "Without these the app is met over Socket Mode."
    )
    urls.add_argument("--request-url", metavar="URL", help="where events go, and what has no URL of its own")
    urls.add_argument("--command-url", metavar="URL", help="where slash commands go")
    urls.add_argument("--interactivity-url", metavar="URL", help="where clicks, submissions and shortcuts go")
    urls.add_argument("--options-url", metavar="URL", help="where selects ask for their options")
    return parser


def _request_urls(options: argparse.Namespace) -> RequestUrls | None:
    others = (options.command_url, options.interactivity_url, options.options_url)
    if options.request_url is None and not any(others):
        return None
    try:
        return RequestUrls(events=options.request_url, commands=others[0], interactivity=others[1], options=others[2])
    except ValidationError as exc:
        raise NotLoopbackError("; ".join(str(one["msg"]) for one in exc.errors())) from exc


def _announce(url: str) -> None:
    sys.stdout.write(f"Local Slack workspace: {url} (Web API: {url}/api/)\n")
    sys.stdout.flush()
