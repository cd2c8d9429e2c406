"""A whole Stanch in this process: local workspace, SQLite, simulated vendors, and people who act by what they see.

Time runs, and can be moved on: a plan expires and a clean window passes without a test that waits for it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from starlette.applications import Starlette

from bot.app import Application
from bot.demo import story
from bot.domain.values import JsonObject
from bot.settings import read_settings
from bot.workspace.client import Person
from bot.workspace.limits import Limits
from bot.workspace.seed import DEFAULT_SEED
from bot.workspace.server import create_app, serve

ALERT_TOKEN = "made-up-alert-token"
MANIFEST = Path(__file__).resolve().parents[2] / "slack-manifest.yaml"
TRIAGE = "ai-alerts"
ROLL_BACK = "Roll the prompt back"
TURN_OFF = "Turn the feature off"


class MovingClock:
    """The time now, moved on by what a test asks for."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


@dataclass(frozen=True)
class Workspace:
    """The local workspace under test."""

    app: Starlette
    url: str

    async def requests(self, method: str) -> list[JsonObject]:
        """Return the recorded Web API requests of one method, oldest first."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.get("/_workspace/requests", params={"method": method})
            return list(answer.json()["requests"])

    async def fail(self, **fault: object) -> None:
        """Have a method fail as told."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            (await client.post("/_workspace/faults", json=fault)).raise_for_status()


@dataclass(frozen=True)
class Scene:
    """One running Stanch and who is there."""

    workspace: Workspace
    stanch: Application
    clock: MovingClock
    commander: Person
    responder: Person
    owner: Person
    leader: Person
    newcomer: Person

    async def alert(self, change: Callable[[JsonObject], None] = lambda _: None) -> None:
        """Send the demo's alert, changed if asked."""
        body = story.alert(self.clock())
        change(body)
        headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
        async with httpx.AsyncClient(base_url=self.stanch.url, trust_env=False, headers=headers) as client:
            (await client.post("/alerts/alertmanager", json=body)).raise_for_status()

    async def incident(self, change: Callable[[JsonObject], None] = lambda _: None) -> str:
        """Have the alert, changed if asked, open an incident; return its channel's name."""
        await self.alert(change)
        await self.commander.wait_for_message(TRIAGE, containing="Declared automatically")
        channel = await self.channel()
        await self.commander.join(channel)
        await self.responder.join(channel)
        await self.commander.wait_for_message(channel, containing="Runbooks on offer")
        return channel

    async def channel(self, *, ending: str = "") -> str:
        """Return the name of the newest incident's channel as soon as it is there."""
        deadline = self.clock() + timedelta(seconds=10)
        while self.clock() < deadline:
            names = [str(each["name"]) for each in await self.commander.channels() if "name" in each]
            found = [name for name in names if name.startswith("inc-") and name.endswith(ending)]
            if found:
                return found[-1]
            await asyncio.sleep(0.05)
        raise TimeoutError("no incident channel was made")

    async def plan(self, channel: str, runbook: str = ROLL_BACK, who: Person | None = None) -> JsonObject:
        """Have the responder plan a runbook; return the plan's card."""
        planner = who or self.responder
        await planner.press("Plan", channel=channel, containing=runbook)
        await planner.wait_for_view(containing="How long it lasts")
        if runbook == ROLL_BACK:
            await planner.fill({"Prompt version to go back to": story.GOOD_PROMPT})
        await planner.fill({"Why": "harmful advice since v42"}, submit=True)
        return await planner.wait_for_message(channel, containing="unless decided")

    async def contained(self, channel: str) -> JsonObject:
        """Have the prompt rolled back, approved and verified; return the containment's card."""
        card = await self.plan(channel)
        await self.commander.press("Approve", message=card)
        await self.commander.wait_for_message(channel, containing="watching the harm signal", timeout=20)
        self.clock.advance(timedelta(seconds=40))
        return await self.wait_for_change(card, "Contained and verified")

    async def declared(self, title: str = "The assistant invents refund rules") -> str:
        """Have the commander declare an incident; return its channel's name."""
        await self.commander.command("general", f"/incident declare {title}")
        channel = await self.channel()
        await self.commander.wait_for_message(channel, containing="Runbooks on offer")
        for person in (self.commander, self.responder, self.newcomer):
            await person.join(channel)
        return channel

    async def said(self, person: Person, channel: str, command: str, answer: str) -> str:
        """Have a person type a command; return what they are told, which holds `answer`."""
        await person.command(channel, command)
        told = await person.wait_for_message(channel, containing=answer)
        assert told["ephemeral"]
        return str(told["visible"])

    async def wait_for_change(
        self, message: JsonObject, containing: str, *, seconds: float = 20, who: Person | None = None
    ) -> JsonObject:
        """Return a message as soon as it says something."""
        reader = who or self.commander
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            now = next(one for one in await reader.messages(message["channel"]) if one["ts"] == message["ts"])
            if containing in now["visible"]:
                return now
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"it never said {containing!r}; it says {now['visible']!r}")
            await asyncio.sleep(0.05)


@pytest.fixture
def moving_clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def slack_command() -> str:
    """The slash command as the Slack app registers it; a module of tests may have another."""
    return DEFAULT_SEED.app.commands[0].command


@pytest.fixture
def more_settings() -> dict[str, str]:
    """Settings besides those that every scene has; a module of tests may have some."""
    return {}


@pytest.fixture
async def workspace(slack_command: str) -> AsyncIterator[Workspace]:
    scopes = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    command = DEFAULT_SEED.app.commands[0].model_copy(update={"command": slack_command})
    own = DEFAULT_SEED.app.model_copy(update={"scopes": tuple(scopes), "commands": (command,)})
    seed = DEFAULT_SEED.model_copy(update={"app": own})
    app = create_app(seed=seed, limits=Limits(post_rate=0, ack_within=timedelta(seconds=10)))
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port=0, app=app, ready=ready.set_result))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    yield Workspace(app, ready.result())
    serving.cancel()
    await asyncio.wait([serving])


@pytest.fixture
async def scene(
    workspace: Workspace,
    moving_clock: MovingClock,
    sqlite_url: str,
    tmp_path: Path,
    slack_command: str,
    more_settings: dict[str, str],
) -> AsyncIterator[Scene]:
    connections = tmp_path / "connections.yaml"
    connections.write_text(json.dumps(story.connections(moving_clock())), encoding="utf-8")
    app = DEFAULT_SEED.app
    settings = read_settings(
        {
            "STANCH_DATABASE_URL": sqlite_url,
            "STANCH_SLACK_BOT_TOKEN": app.bot_token,
            "STANCH_SLACK_APP_TOKEN": app.app_token,
            "STANCH_SLACK_COMMAND": slack_command,
            "STANCH_SLACK_API_URL": f"{workspace.url}/api/",
            "STANCH_CONNECTIONS": str(connections),
            "STANCH_ALERT_TOKEN_ALERTMANAGER": ALERT_TOKEN,
            "STANCH_TIMELINE_KEY": "made-up-timeline-key",
            "STANCH_PORT": "0",
        }
        | more_settings
    )
    stanch = Application(settings, moving_clock)
    async with AsyncExitStack() as leaving:
        names = ("commander", "responder", "owner", "leader", "newcomer")
        people = {name: await leaving.enter_async_context(Person(workspace.url, name)) for name in names}
        await stanch.start()
        leaving.push_async_callback(stanch.stop)
        yield Scene(workspace=workspace, stanch=stanch, clock=moving_clock, **people)
