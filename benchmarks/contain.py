"""How long it takes from an approval to the verified state, beside a bare client that makes the same vendor calls.

Usage: `python -m benchmarks.contain [--rounds N]`. A person presses Approve in a local workspace; it ends when Stanch
has written down that every change reads back. The floor repeats the calls that the vendor saw, one after the other, on
a kept connection; the difference is Stanch's own share, Slack's way of bringing the press included.
"""

import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import make_url

from benchmarks.alerts import PLAYBOOK, webhook
from benchmarks.stage import ALERT_TOKEN, fresh_database, rounds, running, stanch_settings, tell_latencies, workspace
from benchmarks.vendor import TOKEN, VARIATIONS
from bot.domain.values import JsonObject
from bot.workspace.client import Person

_CONTAINED = 5
_PATIENCE_SECONDS = 60
_RUNBOOK = {
    "id": "serve-the-other-variation",
    "version": 1,
    "title": "Serve the other variation",
    "summary": "Serves another variation to everybody.",
    "inputs": {"variation": {"type": "live_choice", "label": "Variation", "of_step": "serve"}},
    "steps": [
        {
            "id": "serve",
            "action": "unleash.roll_back_variation",
            "level": "L5",
            "target": "variation",
            "params": {"variation": "${inputs.variation}"},
        }
    ],
    "ends": {"after": "1h", "at_most": "4h"},
    "expected_effect": "Everybody is served the chosen variation.",
    "risk_if_wrong": "Everybody is served the wrong one.",
}
_PLAYBOOK = PLAYBOOK | {"runbooks": [_RUNBOOK["id"]]}


def _system(number: int) -> JsonObject:
    ref = {"project": "default", "feature": f"flag-{number}", "environment": "production"}
    return {
        "id": f"assistant-{number}",
        "title": f"Assistant {number}",
        "tier": 1,
        "owners": "support-assistant-owners",
        "match": {"service": [f"assistant-{number}"]},
        "targets": {"variation": {"connection": "unleash", "ref": ref}},
    }


def _write_settings(folder: Path, vendor_url: str, systems: int) -> dict[str, str]:
    files = {
        "connections.yaml": {"unleash": {"integration": "unleash", "url": vendor_url}},
        f"content/runbooks/{_RUNBOOK['id']}.yaml": _RUNBOOK,
        f"content/playbooks/{_PLAYBOOK['id']}.yaml": _PLAYBOOK,
        "content/playbooks/rules/systems.yaml": {"systems": [_system(number) for number in range(1, systems + 1)]},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return {
        "STANCH_CONNECTIONS": str(folder / "connections.yaml"),
        "STANCH_CONTENT": str(folder / "content"),
        "STANCH_CONNECTION_UNLEASH_TOKEN": TOKEN,
    }


class Scene:
    """Stanch with its vendor and two people."""

    def __init__(
        self, stanch: httpx.AsyncClient, vendor: httpx.AsyncClient, people: Sequence[Person], database: str
    ) -> None:
        """Take clients, who approves and who plans, and the database that tells when it was verified."""
        self._stanch = stanch
        self._vendor = vendor
        self._commander, self._responder = people
        self._events = sqlite3.connect(f"file:{make_url(database).database}?mode=ro", uri=True)

    async def measured(self, number: int) -> tuple[float, float]:
        """Have one system contained; return the seconds of a bare client and of Stanch."""
        channel = await self._opened(number)
        await self._planned(channel)
        card = await self._commander.wait_for_message(channel, containing="unless decided", timeout=_PATIENCE_SECONDS)
        await asyncio.sleep(2)  # what is still owed to Slack is not what is measured
        known = len((await self._vendor.get("/calls")).json())
        began = time.time()
        await self._commander.press("Approve", message=card)
        seconds = await self._verified_at(number) - began
        calls = (await self._vendor.get("/calls")).json()[known:]
        return await self._repeated(calls), seconds

    async def _opened(self, number: int) -> str:
        posted = webhook(0, 1, datetime.now(UTC).isoformat())
        (firing,) = posted["alerts"]
        firing["labels"] |= {"service": f"assistant-{number}"}
        firing["fingerprint"] = f"assistant-{number}"
        firing["annotations"] = {"summary": f"Assistant {number} is wrong"}
        (await self._stanch.post("/alerts/alertmanager", json=posted)).raise_for_status()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                names = [str(each.get("name", "")) for each in await self._commander.channels()]
                if found := [name for name in names if name.startswith(f"inc-{number}-")]:
                    break
                await asyncio.sleep(0.05)
        await self._responder.wait_for_message(found[0], containing="Runbooks", timeout=_PATIENCE_SECONDS)
        return found[0]

    async def _planned(self, channel: str) -> None:
        await self._responder.press("Plan", channel=channel, containing=str(_RUNBOOK["title"]))
        await self._responder.wait_for_view(containing="How long it lasts", timeout=_PATIENCE_SECONDS)
        await self._responder.fill({"Variation": VARIATIONS[0], "Why": "it is measured"}, submit=True)

    async def _verified_at(self, number: int) -> float:
        """Return when the timeline of the incident says that every change reads back."""
        query = (
            "SELECT event.body FROM stanch_event AS event JOIN stanch_incident AS incident "
            "ON incident.id = event.incident_id WHERE incident.number = ? AND event.kind = 'containment.state_verified'"
        )
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (row := self._events.execute(query, (number,)).fetchone()) is None:
                await asyncio.sleep(0.02)
        return datetime.fromisoformat(json.loads(row[0])["recorded_at"]).timestamp()

    async def _repeated(self, calls: Sequence[JsonObject]) -> float:
        """Make the same calls again; writing the same state again changes nothing."""
        headers = {"Authorization": TOKEN}
        began = time.perf_counter()
        for call in calls:
            await self._vendor.request(call["method"], call["path"], json=call["json"], headers=headers)
        return time.perf_counter() - began


async def main(count: int) -> None:
    """Alternate the two and print both."""
    floor: list[list[float]] = []
    stanch: list[list[float]] = []
    systems = count * _CONTAINED
    with fresh_database("sqlite") as database, tempfile.TemporaryDirectory() as folder:
        async with workspace() as slack, running("benchmarks.vendor", str(systems)) as vendor:
            settings = stanch_settings(slack.url, database) | _write_settings(Path(folder), vendor.url, systems)
            credential = {"Authorization": f"Bearer {ALERT_TOKEN}"}
            async with (
                running("bot", "run", settings=settings) as program,
                httpx.AsyncClient(base_url=program.url, trust_env=False, headers=credential) as client,
                httpx.AsyncClient(base_url=vendor.url, trust_env=False) as to_vendor,
                Person(slack.url, "commander") as commander,
                Person(slack.url, "responder") as responder,
            ):
                scene = Scene(client, to_vendor, (commander, responder), database)
                for index in range(count):
                    numbers = range(index * _CONTAINED + 1, (index + 1) * _CONTAINED + 1)
                    pairs = [await scene.measured(number) for number in numbers]
                    floor.append([bare for bare, _ in pairs])
                    stanch.append([ours for _, ours in pairs])
    tell_latencies("approve to state verified", floor, stanch)


if __name__ == "__main__":
    asyncio.run(main(rounds(__doc__)))
