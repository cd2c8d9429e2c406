"""Runs the local workspace in the test's own loop, with a clock that only the test moves, and apps that meet it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import websockets
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.client import Person
from bot.workspace.limits import Limits
from bot.workspace.seed import DEFAULT_SEED, Seed
from bot.workspace.server import create_app, serve
from bot.workspace.workspace import Workspace
from tests.builders import Clock

Json = dict[str, Any]
NO_RATE = Limits(post_rate=0)
QUICK = Limits(post_rate=0, ack_within=timedelta(milliseconds=200), retry_pauses=(timedelta(0),) * 3)


class RunningWorkspace:
    """A served workspace: its address, its clock, and clients of every kind."""

    def __init__(self, base_url: str, workspace: Workspace, clock: Clock) -> None:
        self.base_url = base_url
        self.workspace = workspace
        self.clock = clock
        self.web = self.client(workspace.seed.app.bot_token)
        self.http = httpx.AsyncClient(base_url=base_url, trust_env=False)

    def client(self, token: str) -> AsyncWebClient:
        return AsyncWebClient(token=token, base_url=f"{self.base_url}/api/")

    def person(self, account: str) -> Person:
        return Person(self.base_url, account)

    async def fault(self, **fault: Any) -> None:
        answer = await self.http.post("/_workspace/faults", json=fault)
        assert answer.status_code == 200, answer.text

    @asynccontextmanager
    async def bolt(self, app: AsyncApp | None = None) -> AsyncIterator[AsyncApp]:
        """Connect a Bolt app over Socket Mode."""
        app = app or AsyncApp(client=self.web)
        handler = AsyncSocketModeHandler(app, self.workspace.seed.app.app_token)
        await handler.connect_async()
        try:
            yield app
        finally:
            await handler.close_async()

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["RawSocket"]:
        """Open a socket by hand, so that the test decides what is acknowledged."""
        opened = await self.client(self.workspace.seed.app.app_token).apps_connections_open(app_token="xapp-local")
        async with websockets.connect(opened["url"], proxy=None) as connection:
            hello = json.loads(await connection.recv())
            assert hello["type"] == "hello"
            yield RawSocket(connection, hello)


class RawSocket:
    """One Socket Mode connection."""

    def __init__(self, connection: websockets.ClientConnection, hello: Json) -> None:
        self.connection = connection
        self.hello = hello

    async def receive(self, within: float = 5) -> Json:
        async with asyncio.timeout(within):
            return dict(json.loads(await self.connection.recv()))

    async def acknowledge(self, envelope: Json, payload: Json | None = None) -> None:
        answer = {"envelope_id": envelope["envelope_id"]} | ({"payload": payload} if payload else {})
        await self.connection.send(json.dumps(answer))


@asynccontextmanager
async def run_workspace(
    *, limits: Limits = NO_RATE, seed: Seed = DEFAULT_SEED, clock: Clock | None = None
) -> AsyncIterator[RunningWorkspace]:
    """Serve a fresh workspace on a free port until the block ends."""
    clock = clock or Clock()
    app = create_app(seed=seed, limits=limits, now=clock)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port=0, app=app, ready=address.set_result))
    running = RunningWorkspace(await address, app.state.workspace, clock)
    try:
        yield running
    finally:
        await running.http.aclose()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def eventually(claim: Callable[[], Awaitable[bool] | bool], within: float = 5) -> None:
    """Wait until a claim holds; fail when the time is up."""
    deadline = time.monotonic() + within
    while True:
        held = claim()
        if await held if isinstance(held, Awaitable) else held:
            return
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(label: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(label)} | more


def actions(*elements: Json, block_id: str = "buttons") -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def field(label: str, element: Json, block_id: str, **more: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": {"action_id": "value"} | element,
    } | more


def options(*texts: str) -> list[Json]:
    return [{"text": plain(text), "value": text.lower()} for text in texts]


def modal(*blocks: Json, title: str = "Declare", **more: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "declare",
        "title": plain(title),
        "submit": plain("Send"),
        "blocks": list(blocks),
    } | more
