"""The demo's programs with a bot that can be killed: the workspace and Stanch on one database, with the demo's story.

`stanch demo` owns its bot and ends with it; here the bot comes and goes while the workspace and the database stay.
"""

import json
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from subprocess import Popen

import httpx

from bot import clock
from bot.demo import story
from bot.domain.values import JsonObject
from bot.workspace.seed import DEFAULT_SEED
from tests.real.processes import running, stop

_ANNOUNCEMENT = re.compile(r"(?:workspace: |the API at |^ +)(http://127\.0\.0\.1:\d+)", re.MULTILINE)
_BOT = [sys.executable, "-m", "bot"]


class Stage:
    """A running workspace, and a Stanch that starts, dies and starts again."""

    def __init__(self, folder: Path, workspace_url: str) -> None:
        self._folder = folder
        self._starts = 0
        self._bot: Popen[bytes] | None = None
        self._bot_url = ""
        self._alert_token = secrets.token_urlsafe(24)
        connections = folder / "connections.yaml"
        connections.write_text(json.dumps(story.connections(clock.now())))  # JSON is YAML
        self.workspace_url = workspace_url
        self._settings = {
            "STANCH_DATABASE_URL": f"sqlite:///{folder / 'stanch.db'}",
            "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
            "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
            "STANCH_SLACK_API_URL": f"{workspace_url}/api/",
            "STANCH_CONNECTIONS": str(connections),
            "STANCH_ALERT_TOKEN_ALERTMANAGER": self._alert_token,
            "STANCH_TIMELINE_KEY": secrets.token_urlsafe(24),
            "STANCH_PORT": "0",
        }

    @contextmanager
    def bot(self) -> Iterator[None]:
        """Run Stanch until the block ends, or until it is killed in it."""
        self._starts += 1
        log = self._folder / f"stanch-{self._starts}.log"
        with running([*_BOT, "run"], lambda: announced(log), log=log, env=self._settings) as process:
            self._bot = process
            self._bot_url = announced_url(log)
            yield

    def kill_bot(self) -> None:
        """End Stanch as a lost machine would: without a last word."""
        assert self._bot is not None
        stop(self._bot, how=SIGKILL)

    def alert(self, **annotations: str) -> None:
        """Let the demo's alert arrive; or, with `annotations` of its own, one of a system that nobody registered."""
        body = story.alert(clock.now())
        if annotations:
            _make_foreign(body, annotations)
        response = httpx.post(
            f"{self._bot_url}/alerts/alertmanager",
            json=body,
            headers={"Authorization": f"Bearer {self._alert_token}"},
            trust_env=False,
            timeout=30,
        )
        response.raise_for_status()


def _make_foreign(body: JsonObject, annotations: dict[str, str]) -> None:
    """Turn the demo's alert into one that shares no group with any other."""
    service = f"service-{secrets.token_hex(4)}"
    firing = body["alerts"][0]
    firing["fingerprint"] = secrets.token_hex(8)
    firing["annotations"] = body["commonAnnotations"] = annotations
    for labels in (firing["labels"], body["groupLabels"], body["commonLabels"]):
        labels["service"] = service
    body["groupKey"] = f'{{}}:{{service="{service}"}}'


@contextmanager
def running_stage(folder: Path) -> Iterator[Stage]:
    """Run a workspace, and leave its bot to the test."""
    log = folder / "workspace.log"
    with running([*_BOT, "workspace", "--port", "0"], lambda: announced(log), log=log):
        yield Stage(folder, announced_url(log))


@contextmanager
def running_demo(folder: Path) -> Iterator[str]:
    """Run `stanch demo` and yield the one URL that it prints."""
    log = folder / "demo.log"
    with running([*_BOT, "demo", "--port", "0"], lambda: announced(log), log=log):
        yield announced_url(log)


def announced(log: Path) -> bool:
    """Tell whether a program has printed its URL."""
    return _ANNOUNCEMENT.search(log.read_text(errors="replace")) is not None


def announced_url(log: Path) -> str:
    """Return the URL that a program has printed."""
    found = _ANNOUNCEMENT.search(log.read_text(errors="replace"))
    assert found is not None
    return found[1]
