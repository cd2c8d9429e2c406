"""Stopping, backing up, restoring and upgrading a Stanch that is at work."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.demo import story
from bot.domain.timeline import chain_problems
from bot.domain.values import JsonObject
from bot.errors import SettingsError, StoreUnavailable
from bot.integration_folders import discover
from bot.sdk import Simulator
from bot.serving import WebServer
from bot.store.backup import back_up
from bot.store.migrations import migrate
from bot.store.sql import Store
from bot.workspace.client import Person
from bot.workspace.seed import DEFAULT_SEED
from tests import builders
from tests.builders import Clock
from tests.contract.workspace_fixtures import eventually, run_workspace
from tests.integrations.world import MemoryWorld
from tests.postgres import Databases, postgres_tool

ROOT = Path(__file__).resolve().parents[2]
ALERT_TOKEN = "made-up-alert-token"
TRIAGE = "ai-alerts"
SECOND_ALERT = "Summaries assistant: invented quotations"
SECRETS = ("STANCH_TIMELINE_KEY", "STANCH_CONNECTION_UNLEASH_TOKEN", "STANCH_ALERT_TOKEN_ALERTMANAGER")
# What the Helm chart and the compose file wait before they kill.
GRACE_SECONDS = 30
_PATIENCE_SECONDS = 30


class HeldWrites:
    """Holds every write to a vendor until it is let through; a write goes on even if its sender is gone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.count = 0
        self.arrived = asyncio.Event()
        self.let_through = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        # No write of this test needs more than one part.
        body = await receive()

        async def received() -> Message:
            return body

        self.count += 1
        self.arrived.set()
        await self.let_through.wait()
        await self._app(scope, received, send)
        self.done.set()


class Programs:
    """Stanch as a process of its own, beside a Slack workspace and vendors that outlive it."""

    def __init__(self, folder: Path, variables: dict[str, str], unleash: HeldWrites, slack_url: str) -> None:
        self._folder = folder
        self.variables = variables
        self.unleash = unleash
        self.slack_url = slack_url
        self._processes: list[Process] = []

    async def start(self) -> tuple[Process, str]:
        """Start Stanch; return its process and its URL."""
        process = await self._program("run")
        assert process.stdout
        line = (await asyncio.wait_for(process.stdout.readline(), _PATIENCE_SECONDS)).decode()
        assert "http://" in line, self.log()
        return process, line.split()[-1]

    async def finished(self, *words: str) -> int:
        """Run a command to its end; return its exit status."""
        return await asyncio.wait_for((await self._program(*words)).wait(), _PATIENCE_SECONDS)

    def log(self) -> str:
        return (self._folder / "stanch.log").read_text(encoding="utf-8")

    async def end(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _program(self, *words: str) -> Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STANCH_")}
        with (self._folder / "stanch.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", *words),
                cwd=ROOT,
                env={**inherited, **self.variables},
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
            )
        self._processes.append(process)
        return process


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[Programs]:
    demo = story.connections(now())
    vendors, world = FastAPI(), MemoryWorld({name: each["world"] for name, each in demo.items()})
    held: dict[str, HeldWrites] = {}
    for name, played in demo.items():
        simulator = discover()[played["integration"]].simulator
        assert simulator
        held[name] = HeldWrites(simulator(Simulator(connection=name, world=world, now=now)))
        vendors.mount(f"/{name}", held[name])
    server = WebServer("127.0.0.1", 0)
    await server.start(vendors)
    connections = tmp_path / "connections.yaml"
    connections.write_text(
        json.dumps(
            {
                name: {"integration": played["integration"], "url": f"{server.url}/{name}"}
                for name, played in demo.items()
            }
        ),
        encoding="utf-8",
    )
    async with run_workspace(clock=Clock(now())) as slack:
        variables = {
            "STANCH_DATABASE_URL": f"sqlite:///{tmp_path / 'stanch.db'}",
            "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
            "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
            "STANCH_SLACK_API_URL": f"{slack.base_url}/api/",
            "STANCH_CONNECTIONS": str(connections),
            "STANCH_CONNECTION_UNLEASH_TOKEN": "*:*.simulated",
            "STANCH_CONNECTION_APPROVERS_ROUTING_KEY": "0" * 32,
            "STANCH_ALERT_TOKEN_ALERTMANAGER": ALERT_TOKEN,
            "STANCH_TIMELINE_KEY": "made-up-timeline-key",
            "STANCH_LOG_FORMAT": "json",
            "STANCH_PORT": "0",
        }
        running = Programs(tmp_path, variables, held["unleash"], slack.base_url)
        yield running
        await running.end()
    held["unleash"].let_through.set()
    await server.stop()


def now() -> datetime:
    return datetime.now(UTC)


async def carried_out(programs: Programs, stanch_url: str, people: AsyncExitStack) -> tuple[Person, str]:
    """Have an alert's incident contained up to the call that changes the vendor; return who watches, and where."""
    commander = await people.enter_async_context(Person(programs.slack_url, "commander"))
    responder = await people.enter_async_context(Person(programs.slack_url, "responder"))
    async with httpx.AsyncClient(base_url=stanch_url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
        (await client.post("/alerts/alertmanager", json=story.alert(now()), headers=headers)).raise_for_status()
    await commander.wait_for_message(TRIAGE, containing="Declared automatically", timeout=_PATIENCE_SECONDS)
    channel = await incident_channel(commander)
    await commander.join(channel)
    await responder.join(channel)
    await commander.wait_for_message(channel, containing="Runbooks on offer", timeout=_PATIENCE_SECONDS)
    await responder.press("Plan", channel=channel, containing="Roll the prompt back")
    await responder.wait_for_view(containing="How long it lasts", timeout=_PATIENCE_SECONDS)
    form = {"Prompt version to go back to": story.GOOD_PROMPT, "Why": "harmful advice since v42"}
    await responder.fill(form, submit=True)
    card = await commander.wait_for_message(channel, containing="unless decided", timeout=_PATIENCE_SECONDS)
    await commander.press("Approve", message=card)
    await asyncio.wait_for(programs.unleash.arrived.wait(), _PATIENCE_SECONDS)
    return commander, channel


async def incident_channel(person: Person) -> str:
    """Return the name of the incident's channel as soon as it is there."""
    found: list[str] = []

    async def is_there() -> bool:
        found[:] = [str(each.get("name")) for each in await person.channels()]
        return any(name.startswith("inc-") for name in found)

    await eventually(is_there, within=_PATIENCE_SECONDS)
    return next(name for name in found if name.startswith("inc-"))


class HalfSent:
    """An alert whose second half its sender holds back."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        body = json.dumps(second_alert()).encode()
        head = (
            f"POST /alerts/alertmanager HTTP/1.1\r\nHost: stanch\r\nAuthorization: Bearer {ALERT_TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._halves = head.encode() + body[:100], body[100:]

    async def begin(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        self._writer.write(self._halves[0])
        await self._writer.drain()

    async def finish(self) -> bytes:
        """Send the rest; return the first line of the answer."""
        self._writer.write(self._halves[1])
        await self._writer.drain()
        answered = await asyncio.wait_for(self._reader.readline(), _PATIENCE_SECONDS)
        self._writer.close()
        return answered


def second_alert() -> JsonObject:
    body = story.alert(now())
    labels = {"alertname": "InventedQuotations", "service": "summaries", "severity": "warning"}
    annotations = {"summary": SECOND_ALERT}
    firing = {**body["alerts"][0], "labels": labels, "annotations": annotations, "fingerprint": "1b6f0a52d3b7e111"}
    return {**body, "groupKey": "second", "groupLabels": labels, "commonLabels": labels, "alerts": [firing]}


async def test_a_stop_amid_a_containment_and_an_alert_loses_nothing(programs: Programs) -> None:
    async with AsyncExitStack() as people:
        process, url = await programs.start()
        commander, channel = await carried_out(programs, url, people)
        alert = HalfSent(url)
        await alert.begin()
        process.send_signal(signal.SIGTERM)
        assert await alert.finish() == b"HTTP/1.1 200 OK\r\n"
        assert await asyncio.wait_for(process.wait(), GRACE_SECONDS) == 0, programs.log()
        programs.unleash.let_through.set()
        await asyncio.wait_for(programs.unleash.done.wait(), _PATIENCE_SECONDS)
        await programs.start()
        await commander.wait_for_message(channel, containing="watching the harm signal", timeout=_PATIENCE_SECONDS)
        await commander.wait_for_message(TRIAGE, containing=SECOND_ALERT, timeout=_PATIENCE_SECONDS)
        assert programs.unleash.count == 1
        said = [json.loads(line) for line in programs.log().splitlines()]
        assert "stanch.ready" in " ".join(line["message"] for line in said)
        assert [name for name in SECRETS if programs.variables[name] in programs.log()] == []


async def test_a_restored_backup_of_a_stanch_at_work_goes_on(programs: Programs, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with AsyncExitStack() as people:
        process, url = await programs.start()
        commander, channel = await carried_out(programs, url, people)
        assert await programs.finished("backup", str(copy)) == 0, programs.log()
        process.kill()
        await process.wait()
        programs.unleash.let_through.set()
        await asyncio.wait_for(programs.unleash.done.wait(), _PATIENCE_SECONDS)
        programs.variables["STANCH_DATABASE_URL"] = f"sqlite:///{copy}"
        restored, _ = await programs.start()
        await commander.wait_for_message(channel, containing="watching the harm signal", timeout=_PATIENCE_SECONDS)
        restored.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(restored.wait(), GRACE_SECONDS) == 0
    assert programs.unleash.count == 1
    assert await broken_chains(f"sqlite:///{copy}") == []


async def opened(url: str) -> Store:
    async def enqueue_nothing(*_: object) -> None:
        """Stand in for the engine."""

    store = Store(url, now=now, enqueue=enqueue_nothing)
    await store.open()
    return store


async def broken_chains(url: str) -> list[str]:
    """Return what is wrong with the timelines of a database that holds at least one."""
    store = await opened(url)
    async with store.begin() as tx:
        chains = [await tx.timeline.events(each.id) for each in await tx.incidents.listed(only_open=False, limit=10)]
    await store.close()
    assert chains
    assert all(chains)
    return [problem for chain in chains for problem in chain_problems(chain)]


async def filled(url: str) -> Store:
    store = await opened(url)
    async with store.begin() as tx:
        await tx.incidents.add(builders.incident())
        await tx.timeline.append(builders.INCIDENT_ID, builders.fact())
    return store


async def test_a_copy_that_is_made_while_somebody_writes_is_whole(sqlite_url: str, tmp_path: Path) -> None:
    store = await filled(sqlite_url)
    copy = tmp_path / "copy.db"
    copying = asyncio.create_task(asyncio.to_thread(back_up, sqlite_url, copy))
    written = 0
    while not copying.done() or not written:
        async with store.begin() as tx:
            await tx.timeline.append(builders.INCIDENT_ID, builders.fact(), builders.fact())
        written += 1
    assert await copying > 0
    await store.close()
    assert S_IMODE(copy.stat().st_mode) == 0o600
    assert not copy.with_name("copy.db.unfinished").exists()
    assert await broken_chains(f"sqlite:///{copy}") == []


async def test_what_was_committed_last_is_in_the_copy(sqlite_url: str, tmp_path: Path) -> None:
    store = await filled(sqlite_url)
    back_up(sqlite_url, tmp_path / "copy.db")
    await store.close()
    assert await broken_chains(f"sqlite:///{tmp_path / 'copy.db'}") == []


def a_taken_place(url: str, folder: Path) -> tuple[str, Path]:
    (folder / "taken.db").touch()
    return url, folder / "taken.db"


def no_database(_: str, folder: Path) -> tuple[str, Path]:
    return f"sqlite:///{folder / 'absent.db'}", folder / "copy.db"


def a_server(_: str, folder: Path) -> tuple[str, Path]:
    return "postgresql://stanch@/stanch", folder / "copy.db"


@pytest.mark.parametrize(
    ("case", "said"),
    [(a_taken_place, "is there already"), (no_database, "There is no database at"), (a_server, "`pg_dump ")],
)
def test_a_backup_that_cannot_be_made_says_why(
    case: Callable[[str, Path], tuple[str, Path]], said: str, sqlite_url: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        back_up(*case(sqlite_url, tmp_path))


def test_a_database_that_is_broken_leaves_no_copy(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("no database, whatever its name says" * 100, encoding="utf-8")
    with pytest.raises(StoreUnavailable, match="could not be copied"):
        back_up(f"sqlite:///{tmp_path / 'broken.db'}", tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.db"]


async def test_a_dump_of_postgresql_restores_whole(postgres: Databases, postgres_url: str, tmp_path: Path) -> None:
    await (await filled(postgres_url)).close()
    name, dump = f"restored_{uuid4().hex}", tmp_path / "stanch.dump"
    restored = postgres.create(name)
    try:
        await postgres_tool("pg_dump", "--format=custom", f"--file={dump}", postgres_url)
        await postgres_tool("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", str(dump))
        await asyncio.to_thread(migrate, restored)
        assert await broken_chains(restored) == []
    finally:
        postgres.drop(name)


async def test_migrating_a_filled_database_of_this_schema_changes_nothing(database_url: str) -> None:
    store = await filled(database_url)
    async with store.begin() as tx:
        before = (await tx.incidents.get(builders.INCIDENT_ID), await tx.timeline.events(builders.INCIDENT_ID))
    await store.close()
    await asyncio.to_thread(migrate, database_url)
    store = await opened(database_url)
    async with store.begin() as tx:
        assert (await tx.incidents.get(builders.INCIDENT_ID), await tx.timeline.events(builders.INCIDENT_ID)) == before
    await store.close()
