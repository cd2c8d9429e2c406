"""Sets the stage: the workspace and Stanch as processes of their own, as they would run anywhere, and the first alert.

Everything is thrown away at the end, unless a database URL was given.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot import clock
from bot.demo import story
from bot.demo.script import walk
from bot.errors import StanchError
from bot.workspace.seed import DEFAULT_SEED

_START_SECONDS = 90
_STOP_SECONDS = 10


class StageError(StanchError):
    """A program of the demo did not start, or ended by itself."""


@dataclass(frozen=True)
class Stage:
    """Where the programs of the demo answer."""

    workspace_url: str
    stanch_url: str
    alert_token: str


def run_demo(*, script: bool, database_url: str | None, port: int) -> int:
    """Run the demo until interrupted, or walk it by script; return the exit status.

    Raises:
        StageError: A program did not start.
    """
    try:
        return asyncio.run(_until_interrupted(script=script, database_url=database_url, port=0 if script else port))
    except KeyboardInterrupt:
        return 0


async def _until_interrupted(*, script: bool, database_url: str | None, port: int) -> int:
    """Run the demo; an interruption at any moment ends the programs that it started."""
    running = asyncio.ensure_future(_run(script=script, database_url=database_url, port=port))
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return 1 if script else 0


async def _run(*, script: bool, database_url: str | None, port: int) -> int:
    with tempfile.TemporaryDirectory(prefix="stanch-demo-") as folder:
        async with _stage(Path(folder), database_url, port) as stage:
            await _send_alert(stage)
            if script:
                return await walk(stage.workspace_url, stage.stanch_url, sys.stdout.write)
            sys.stdout.write(_GUIDE.format(url=stage.workspace_url))
            sys.stdout.flush()
            await asyncio.Event().wait()
    return 0


_GUIDE = """
Stanch is running in a local Slack workspace. Open

    {url}

You are signed in as commander in #ai-alerts, where an alert has just become an incident.
  1. Follow the link to the incident's channel and press "Take the lead".
  2. Switch to responder (left, below the channels), press "Plan" beside "Roll the prompt back",
     choose v41, give a reason, and read what would change.
  3. Press "Approve" as responder: refused, because you planned it. Switch to commander and approve.
  4. Watch it being applied, read back and verified; the clock stops where the harm did.
  5. Type /incident resolve, then /incident timeline and /incident review.
Press Ctrl-C to end. Nothing is kept.
"""


@asynccontextmanager
async def _stage(folder: Path, database_url: str | None, port: int) -> AsyncIterator[Stage]:
    token = secrets.token_urlsafe(24)
    file = folder / "connections.yaml"
    file.write_text(json.dumps(story.connections(clock.now())), encoding="utf-8")  # JSON is YAML
    app = DEFAULT_SEED.app
    async with _program(folder, "workspace", ["workspace", "--port", str(port)], {}) as workspace_url:
        settings = {
            "STANCH_DATABASE_URL": database_url or f"sqlite:///{folder / 'stanch.db'}",
            "STANCH_SLACK_BOT_TOKEN": app.bot_token,
            "STANCH_SLACK_APP_TOKEN": app.app_token,
            "STANCH_SLACK_API_URL": f"{workspace_url}/api/",
            "STANCH_CONNECTIONS": str(file),
            "STANCH_ALERT_TOKEN_ALERTMANAGER": token,
            "STANCH_TIMELINE_KEY": secrets.token_urlsafe(24),
            "STANCH_PORT": "0",
        }
        async with _program(folder, "stanch", ["run"], settings) as stanch_url:
            yield Stage(workspace_url=workspace_url, stanch_url=stanch_url, alert_token=token)


@asynccontextmanager
async def _program(folder: Path, name: str, arguments: list[str], settings: Mapping[str, str]) -> AsyncIterator[str]:
    """Run one program of ours and give the URL that it announces."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("STANCH_")}
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *arguments,
            env={**inherited, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            yield await _announced_url(process, name, log)
        finally:
            await _end(process)


async def _announced_url(process: asyncio.subprocess.Process, name: str, log: Path) -> str:
    if process.stdout is None:
        raise StageError(f"{name} has no output to read.")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
    except TimeoutError:
        line = b""
    url = next((word for word in line.decode().split() if word.startswith("http://")), None)
    if url is None:
        said = await asyncio.to_thread(log.read_text, errors="replace")
        raise StageError(f"{name} did not start:\n{said[-2_000:]}")
    return url.rstrip("/")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _send_alert(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.stanch_url, trust_env=False) as client:
        response = await client.post(
            "/alerts/alertmanager",
            json=story.alert(clock.now()),
            headers={"Authorization": f"Bearer {stage.alert_token}"},
        )
    if response.status_code != httpx.codes.OK:
        raise StageError(f"Stanch did not take the alert: {response.status_code} {response.text}")
