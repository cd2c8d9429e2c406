"""The Slack edge on real services and a real store, with a Slack at the other end that remembers what it was told."""

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from bot.app import ROOT
from bot.documents import MarkdownDocuments
from bot.domain.values import JsonObject
from bot.services.board import Board
from bot.services.confirmations import Confirmations
from bot.services.remediations import Remediations
from bot.services.resumptions import Resumptions
from bot.services.reviews import Reviews
from bot.services.tokens import Tokens
from bot.serving import WebServer
from bot.slack.app import Services, build_app
from bot.slack.http_mode import HttpMode
from bot.slack.socket_mode import SocketMode
from bot.store.sql import Store
from bot.store.tables import ReceiptRow
from bot.web.boundary import Boundary
from bot.web.metrics import Metrics
from bot.web.slack import slack_route
from bot.workspace.dispatch import Delivery, Kind
from bot.workspace.limits import Limits
from bot.workspace.sockets import SocketDoor
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import Responders

SECRET = "made-up-signing-secret"
Rows = dict[str, list[Any]]
_SEEN = ReceiptRow.__tablename__
KEY = b"made-up-timeline-key"


@dataclass
class FakeSlack:
    """Opens and updates every modal, takes every answer, and hands out sockets."""

    url: str = ""
    told: list[JsonObject] = field(default_factory=list)
    sockets: SocketDoor = field(
        default_factory=lambda: SocketDoor("A1", Limits(ack_within=timedelta(seconds=20)), Clock())
    )

    @property
    def answers(self) -> str:
        """Where a response is posted to."""
        return f"{self.url}/answers"

    async def _method(self, request: Request) -> Response:
        if request.path_params["method"] == "apps.connections.open":
            url = self.url.replace("http", "ws", 1)
            return JSONResponse({"ok": True, "url": f"{url}/link?ticket={self.sockets.ticket()}"})
        self.told.append({"method": request.path_params["method"]})
        return JSONResponse({"ok": True, "view": {"id": "V1"}})

    async def _answered(self, request: Request) -> Response:
        self.told.append(await request.json())
        return Response("ok")

    @asynccontextmanager
    async def served(self) -> AsyncIterator["FakeSlack"]:
        server = WebServer("127.0.0.1", 0)
        self.url = server.url
        routes = [
            Route("/api/{method}", self._method, methods=["POST"]),
            Route("/answers", self._answered, methods=["POST"]),
            WebSocketRoute("/link", self.sockets.serve),
        ]
        await server.start(Starlette(routes=routes))  # type: ignore[arg-type]
        yield self
        await server.stop()


@dataclass(frozen=True)
class Edge:
    """One Stanch as far as Slack reaches into it."""

    file: Path
    team: Responders
    slack: FakeSlack
    http: httpx.AsyncClient

    async def post(self, body: bytes, kind: str) -> httpx.Response:
        """Post a body of some content type, signed; return when everything that it set off has ended."""
        timestamp = str(int(self.team.clock().timestamp()))
        digest = hmac.new(SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}", "Content-Type": kind}
        return await _with_what_follows(self.http.post("/slack/events", content=body, headers=headers))

    async def deliver(self, kind: Kind, payload: JsonObject, *, refused: bool = False) -> JsonObject | None:
        """Deliver through the socket; return the acknowledgement, `None` for what is `refused` and so has none."""
        delivering = self.slack.sockets.deliver(Delivery(kind, payload))
        if not refused:
            return dict(await _with_what_follows(delivering))
        with suppress(TimeoutError):
            raise AssertionError(f"acknowledged: {await asyncio.wait_for(delivering, 0.2)}")
        return None

    def state(self) -> Rows:
        """Return everything that is stored, by table, but which requests were seen."""
        with closing(sqlite3.connect(self.file)) as database:
            return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in _tables(database)}  # noqa: S608

    def restore(self, state: Rows) -> None:
        """Have only what was stored then, no request seen, and nobody told anything."""
        self.slack.told.clear()
        with closing(sqlite3.connect(self.file)) as database, database:
            for name in [*_tables(database), _SEEN]:
                database.execute(f'DELETE FROM "{name}"')  # noqa: S608
                for row in state.get(name, ()):
                    database.execute(f'INSERT INTO "{name}" VALUES ({", ".join("?" for _ in row)})', row)  # noqa: S608


def _tables(database: sqlite3.Connection) -> list[str]:
    found = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name != ?", (_SEEN,))
    return [name for (name,) in found]


@asynccontextmanager
async def edge(file: Path, clock: Clock) -> AsyncIterator[Edge]:
    """Open an edge on a migrated database."""
    async with AsyncExitStack() as leaving:
        slack = await leaving.enter_async_context(FakeSlack().served())
        team = await leaving.enter_async_context(_opened(f"sqlite:///{file}", clock))
        app = build_app(AsyncWebClient(token="xoxb-1", base_url=f"{slack.url}/api/"), services(team))
        socket = SocketMode(app, "xapp-1")
        await socket.start()
        leaving.push_async_callback(socket.stop)
        await slack.sockets.wait_until_open()
        web = Boundary(Starlette(routes=[slack_route(HttpMode(app, SECRET, team.store, clock).receive)]), Metrics())
        http = httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://stanch")
        yield Edge(file, team, slack, await leaving.enter_async_context(http))


@asynccontextmanager
async def _opened(url: str, clock: Clock) -> AsyncIterator[Responders]:
    """Open the services on a database; the jobs that they enqueue stay on their list."""
    enqueued: list[Enqueued] = []

    async def record(_: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        enqueued.append(Enqueued(job, subject, key, delay))

    store = Store(url, now=clock, enqueue=record)
    async with AsyncExitStack() as leaving:
        await store.open()
        leaving.push_async_callback(store.close)
        team = Responders(store, clock, enqueued)
        leaving.push_async_callback(team.stop)
        await team.start()
        yield team


def services(team: Responders) -> Services:
    """Return what listeners are given."""
    return Services(
        uow=team.store,
        incidents=team.incidents,
        board=Board(team.store, team.catalog, team.incidents, team.clock, KEY),
        planning=team.planning,
        containments=team.containments,
        resumptions=Resumptions(team.store, team.catalog, team.people, team.clock),
        confirmations=Confirmations(team.store, team.catalog, team.people, team.clock),
        follow_ups=team.follow_ups,
        remediations=Remediations(team.store, team.people, team.clock),
        reviews=Reviews(team.store, team.catalog, MarkdownDocuments(ROOT / "postmortems"), team.clock, KEY),
        people=team.people,
        tokens=Tokens(team.store, team.people, timedelta(days=30), team.clock),
        catalog=team.catalog,
        now=team.clock,
    )


async def _with_what_follows(request: Awaitable[Any]) -> Any:
    """Await a request and then every task that began meanwhile: a listener may go on after its acknowledgement."""
    before = asyncio.all_tasks()
    answer = await request
    if began := asyncio.all_tasks() - before:
        await asyncio.wait(began, timeout=5)
    return answer
