"""How many alerts a second Stanch takes in a storm, beside the least that a durable intake can do.

Usage: `python -m benchmarks.storm [--rounds N] [--database sqlite|postgresql] [--alerts N --fingerprints N --groups N
--clients N]`, both databases without one. A rate is *settled*: alerts divided by the time from the first request until
the database holds every count exactly; three seconds later they must still be exact. *Computing* is the processor time
of the program itself, the figure that other load on the machine disturbs least. Stanch opens an incident for each
group and tells Slack of it meanwhile, in a local workspace on the same machine.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from sqlalchemy import make_url

from benchmarks.alerts import PLAYBOOK, Shape
from benchmarks.stage import (
    ALERT_TOKEN,
    Running,
    cpu_seconds,
    fresh_database,
    running,
    stanch_settings,
    tell,
    tell_latencies,
    workspace,
)
from bot.domain.values import JsonObject

_SETTLE_SECONDS = 3
_PATIENCE_SECONDS = 300
_COUNTS = (
    "SELECT (SELECT coalesce(sum(count), 0) FROM stanch_alert), (SELECT count(*) FROM stanch_alert), "
    "(SELECT count(*) FROM stanch_incident)"
)
Counts = Callable[[], Awaitable[list[int]]]


@dataclass(frozen=True)
class Measured:
    """One storm: alerts a second, milliseconds of computing an alert, latencies of the acknowledgements."""

    rate: float
    computing: float
    latencies: list[float]


async def _floor(shape: Shape, kind: str) -> Measured:
    with fresh_database(kind) as database:
        async with (
            running("benchmarks.floor", database) as program,
            httpx.AsyncClient(base_url=program.url, trust_env=False) as client,
        ):

            async def counts() -> list[int]:
                found: list[int] = (await client.get("/counts")).json()
                return found

            return await _settled(shape, program, "/alerts", counts)


async def _stanch(shape: Shape, kind: str) -> Measured:
    with fresh_database(kind) as database, tempfile.TemporaryDirectory() as content:
        playbooks = Path(content) / "playbooks"
        playbooks.mkdir()
        (playbooks / f"{PLAYBOOK['id']}.yaml").write_text(json.dumps(PLAYBOOK), encoding="utf-8")
        async with workspace() as slack:
            settings = stanch_settings(slack.url, database) | {"STANCH_CONTENT": content}
            async with running("bot", "run", settings=settings) as program:

                async def counts() -> list[int]:
                    return await asyncio.to_thread(_counted, database)

                return await _settled(shape, program, "/alerts/alertmanager", counts)


def _counted(url: str) -> list[int]:
    """Look into Stanch's database from outside."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(f"file:{make_url(url).database}?mode=ro", uri=True)
        try:
            return list(connection.execute(_COUNTS).fetchone())
        finally:
            connection.close()
    with psycopg.connect(url) as session:
        found = session.execute(_COUNTS).fetchone()
    return [int(count) for count in found or ()]


async def _settled(shape: Shape, program: Running, path: str, counts: Counts) -> Measured:
    """Send a storm and return what it took until it had settled.

    Raises:
        RuntimeError: An alert was refused, or the counts are not exact.
    """
    url, computed = f"{program.url}{path}", cpu_seconds(program.pid)
    sent = await _sent(shape, url)
    if sent["statuses"] != {"200": shape.alerts}:
        raise RuntimeError(f"{url} answered {sent['statuses']}")
    expected = [shape.alerts, shape.fingerprints, shape.groups]
    while (found := await counts()) != expected and time.time() < sent["began"] + _PATIENCE_SECONDS:
        await asyncio.sleep(0.02)
    seconds, computed = time.time() - sent["began"], cpu_seconds(program.pid) - computed
    await asyncio.sleep(_SETTLE_SECONDS)
    if found != expected or await counts() != expected:
        raise RuntimeError(f"{url} counted {found}, expected {expected}")
    return Measured(shape.alerts / seconds, computed * 1000 / shape.alerts, sent["latencies"])


async def _sent(shape: Shape, url: str) -> JsonObject:
    """Send a storm from a process of its own, which shares no interpreter with anything that is measured."""
    words = ["alerts", "fingerprints", "groups", "clients"]
    options = [part for word in words for part in (f"--{word}", str(getattr(shape, word)))]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.alerts", url, "--token", ALERT_TOKEN, *options),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    sent: JsonObject = json.loads(said)
    return sent


async def main(count: int, kinds: list[str], shape: Shape) -> None:
    """Alternate the two on each database and print both."""
    for kind in kinds:
        floor: list[Measured] = []
        stanch: list[Measured] = []
        for _ in range(count):
            floor.append(await _floor(shape, kind))
            stanch.append(await _stanch(shape, kind))
        tell(f"{kind}, settled", [each.rate for each in floor], [each.rate for each in stanch], "alerts/s")
        computing = [each.computing for each in floor], [each.computing for each in stanch]
        tell(f"{kind}, computing an alert", *computing, "ms")
        latencies = [each.latencies for each in floor], [each.latencies for each in stanch]
        tell_latencies(f"{kind}, acknowledged", *latencies)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    for name in ("alerts", "fingerprints", "groups", "clients"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Shape, name))
    return parser.parse_args()


if __name__ == "__main__":
    given = _parsed()
    asked = Shape(given.alerts, given.fingerprints, given.groups, given.clients)
    asyncio.run(main(given.rounds, given.database or ["sqlite", "postgresql"], asked))
