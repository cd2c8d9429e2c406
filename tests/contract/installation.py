"""A Stanch as it is installed, whole, for the doctor to look at: settings, database, Slack, live vendors."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.demo import story
from bot.doctor import run_doctor
from bot.domain.values import JsonObject
from bot.integration_folders import discover
from bot.sdk import Simulator
from bot.serving import WebServer
from bot.workspace.limits import Limits
from bot.workspace.seed import DEFAULT_SEED, Seed
from bot.workspace.server import create_app, serve
from tests.integrations.world import MemoryWorld

MANIFEST = Path(__file__).resolve().parents[2] / "slack-manifest.yaml"
SCOPES = tuple(yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"])
SIMULATED_TOKEN = "*:*.simulated"
_ROUTING_KEY = "STANCH_CONNECTION_APPROVERS_ROUTING_KEY"
SECRETS = ("made-up-timeline-key", "made-up-alert-token", "made-up-password", SIMULATED_TOKEN)


def seed_with(**app: Any) -> Seed:
    changed = DEFAULT_SEED.app.model_copy(update={"scopes": SCOPES, **app})
    return DEFAULT_SEED.model_copy(update={"app": changed})


SEED = seed_with()


class NamesScopes:
    """Answers with the header in which Slack names the token's scopes."""

    def __init__(self, app: ASGIApp, scopes: str) -> None:
        self._app = app
        self._header = (b"x-oauth-scopes", scopes.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_scopes(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], self._header]}
            await send(message)

        await self._app(scope, receive, with_scopes)


@asynccontextmanager
async def slack(seed: Seed, *, says_scopes: bool = True) -> AsyncIterator[str]:
    app = create_app(seed=seed, limits=Limits(post_rate=0))
    if says_scopes:
        app.add_middleware(NamesScopes, scopes=",".join(seed.app.scopes))
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port=0, app=app, ready=ready.set_result))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    yield ready.result()
    serving.cancel()
    await asyncio.wait([serving])


@asynccontextmanager
async def vendors(worlds: JsonObject) -> AsyncIterator[str]:
    """The vendors' simulators behind real addresses, as live connections see vendors."""
    app, world = FastAPI(), MemoryWorld(worlds)
    for name, declared in discover().items():
        if declared.simulator and name in worlds:
            app.mount(f"/{name}", declared.simulator(Simulator(connection=name, world=world, now=now)))
    server = WebServer("127.0.0.1", 0)
    await server.start(app)
    yield server.url
    await server.stop()


def now() -> datetime:
    return datetime.now(UTC)


class Installation:
    """Everything that the doctor looks at; a test spoils one thing and asks what is found."""

    def __init__(self, leaving: AsyncExitStack, folder: Path, database_url: str) -> None:
        self.leaving = leaving
        self.folder = folder
        self.ahead = timedelta(0)
        self.variables = {
            "STANCH_DATABASE_URL": database_url,
            "STANCH_SLACK_BOT_TOKEN": SEED.app.bot_token,
            "STANCH_SLACK_APP_TOKEN": SEED.app.app_token,
            "STANCH_ALERT_TOKEN_ALERTMANAGER": "made-up-alert-token",
            "STANCH_TIMELINE_KEY": "made-up-timeline-key",
        }

    async def use_slack(self, seed: Seed, *, says_scopes: bool = True) -> None:
        url = await self.leaving.enter_async_context(slack(seed, says_scopes=says_scopes))
        self.variables["STANCH_SLACK_API_URL"] = f"{url}/api/"

    async def use_vendors(self, worlds: JsonObject | None = None) -> None:
        demo = story.connections(now())
        url = await self.leaving.enter_async_context(
            vendors(worlds or {name: each["world"] for name, each in demo.items()})
        )
        played = {name: str(each["integration"]) for name, each in demo.items()}
        self.connect({name: {"integration": each, "url": f"{url}/{each}"} for name, each in played.items()})
        self.variables["STANCH_CONNECTION_UNLEASH_TOKEN"] = SIMULATED_TOKEN

    def connect(self, connections: JsonObject) -> None:
        file = self.folder / "connections.yaml"
        file.write_text(json.dumps(connections), encoding="utf-8")
        self.variables["STANCH_CONNECTIONS"] = str(file)
        self.variables.pop(_ROUTING_KEY, None)
        if "approvers" in connections:
            self.variables[_ROUTING_KEY] = "0" * 32

    def as_bot(self) -> AsyncWebClient:
        return AsyncWebClient(token=SEED.app.bot_token, base_url=self.variables["STANCH_SLACK_API_URL"])

    async def examined(self) -> tuple[int, str]:
        """Return the exit status and all lines; none of them holds a secret."""
        lines: list[str] = []
        status = await run_doctor(self.variables, lambda: now() + self.ahead, lines.append)
        said = "".join(lines)
        assert [secret for secret in SECRETS if secret in said] == []
        return status, said

    async def problem(self) -> str:
        """Return the only problem that is found."""
        status, said = await self.examined()
        problems = [line for line in said.splitlines() if line.startswith("problem ")]
        assert (status, len(problems)) == (1, 1), said
        return problems[0]

    async def warning(self) -> str:
        """Return the only warning of a sound installation."""
        status, said = await self.examined()
        warnings = [line for line in said.splitlines() if line.startswith("warning ")]
        assert (status, len(warnings)) == (0, 1), said
        return warnings[0]
