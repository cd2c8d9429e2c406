"""A whole Stanch in this process, on a local Slack workspace that runs beside it, with connections to real servers.

It gets its settings the way operators give them: variables, a connections file, and a content folder of its own beside
the shipped one.
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from bot import clock
from bot.app import Application
from bot.settings import read_settings
from bot.workspace.seed import DEFAULT_SEED
from tests.real.monitoring import QUERY, SERVICE, THRESHOLD
from tests.real.processes import running

ALERT_TOKEN = "alert-token-of-the-real-tests"
API_TOKEN = "api-token-of-the-real-tests"
_POLL_SECONDS = 0.1
_ANNOUNCED = re.compile(r"Local Slack workspace: (http://\S+)")
_Seen = TypeVar("_Seen")


async def eventually(
    look: Callable[[], Awaitable[_Seen]], accepts: Callable[[_Seen], object], *, within: float = 60
) -> _Seen:
    """Look again and again until what is seen is accepted; return it.

    Raises:
        AssertionError: It was not in time; shows what was seen last.
    """
    deadline = time.monotonic() + within
    while True:
        seen = await look()
        if accepts(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s; last seen: {seen!r}")
        await asyncio.sleep(_POLL_SECONDS)


@contextmanager
def running_workspace(logs: Path) -> Iterator[str]:
    """Run a local Slack workspace as a process of its own; yield its URL."""
    log = logs / "workspace.log"
    log.touch()

    def announced() -> str | None:
        found = _ANNOUNCED.search(log.read_text())
        return found[1] if found else None

    command = [sys.executable, "-m", "bot", "workspace", "--port", "0"]
    with running(command, lambda: announced() is not None, log=log):
        url = announced()
        assert url is not None
        yield url


@dataclass(frozen=True)
class Set:
    """What one Stanch is set up with.

    Attributes:
        connections: The connections file.
        secrets: Variables with the connections' secrets.
        content: Files of the content folder, by path.
    """

    folder: Path
    workspace_url: str
    database_url: str
    connections: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Write the files and return the variables."""
        for path, content in {"connections.yaml": self.connections, **self._content()}.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(content))
        return {
            "STANCH_DATABASE_URL": self.database_url,
            "STANCH_SLACK_API_URL": f"{self.workspace_url}/api/",
            "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
            "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
            "STANCH_CONNECTIONS": str(self.folder / "connections.yaml"),
            "STANCH_CONTENT": str(self.folder / "content"),
            "STANCH_PORT": "0",
            "STANCH_TIMELINE_KEY": "timeline-key-of-the-real-tests",
            "STANCH_API_TOKEN": API_TOKEN,
            "STANCH_ALERT_TOKEN_ALERTMANAGER": ALERT_TOKEN,
            **self.secrets,
        }

    def _content(self) -> dict[str, Any]:
        return {f"content/{path}": content for path, content in self.content.items()}


@asynccontextmanager
async def running_stanch(given: Set) -> AsyncIterator[Application]:
    """Run Stanch until the block ends."""
    application = Application(read_settings(given.environment()), clock.now)
    try:
        await application.start()
        yield application
    finally:
        await application.stop()


class Api:
    """Stanch's JSON API and figures, as an outside client reads them."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=30, trust_env=False
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def incidents(self) -> list[dict[str, Any]]:
        """Return every incident, newest first; none while the database is away."""
        response = await self._client.get("/api/v1/incidents")
        found: list[dict[str, Any]] = response.json().get("incidents", [])
        return found

    async def incident(self, number: int = 1) -> dict[str, Any]:
        response = await self._client.get(f"/api/v1/incidents/{number}")
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    async def readiness(self) -> int:
        return (await self._client.get("/readyz")).status_code

    async def deliveries(self, outcome: str) -> float:
        """Return how many deliveries of Alertmanager ended like this."""
        text = (await self._client.get("/metrics")).text
        labels = re.escape(f'{{outcome="{outcome}",source="alertmanager"}}')
        found = re.search(rf"^stanch_alert_deliveries_total{labels} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0


def measured_system(**targets: Any) -> dict[str, Any]:
    """Return a registry file with one system whose harm a real Prometheus measures."""
    signal = {
        "connection": "prometheus",
        "query": QUERY,
        "below": THRESHOLD,
        "unit": "harmful answers per 1,000",
        "every": "1s",
        "window": "5s",
        "give_up_after": "2m",
        "look_back": "10m",
    }
    system = {
        "id": SERVICE,
        "title": "Real assistant",
        "tier": 1,
        "owners": "support-assistant-owners",
        "match": {"service": [SERVICE]},
        "targets": targets,
        "signals": {"harm_rate": signal},
    }
    return {"systems": [system]}
