"""How long Stanch takes from its start to answering ready, and how much memory it then holds, beside a bare server.

Usage: `python -m benchmarks.start [--rounds N]`. Each round starts, one after the other: a bare FastAPI program under
the same server (the floor), and `stanch run` on a fresh SQLite file with a local workspace.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from fastapi import FastAPI

from benchmarks.stage import fresh_database, rounds, running, serve, stanch_settings, tell, workspace

_PATIENCE_SECONDS = 60
_SETTLE_SECONDS = 3


def bare_server() -> None:
    """The floor: one route, no database, no Slack."""
    app = FastAPI()

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"process": "ok"}

    serve(app)


async def _measured(*arguments: str, settings: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Return seconds until ready and MiB resident a few seconds later."""
    began = time.perf_counter()
    async with running(*arguments, settings=settings) as program:
        await _ready(f"{program.url}/readyz")
        seconds = time.perf_counter() - began
        await asyncio.sleep(_SETTLE_SECONDS)
        return seconds, _resident_mib(program.pid)


async def _ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(_PATIENCE_SECONDS):
        while (await client.get(url)).status_code != httpx.codes.OK:
            await asyncio.sleep(0.02)


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def main(count: int) -> None:
    """Alternate the two and print both."""
    floor: list[tuple[float, float]] = []
    stanch: list[tuple[float, float]] = []
    async with workspace() as slack:
        for _ in range(count):
            floor.append(await _measured("benchmarks.start", "serve"))
            with fresh_database("sqlite") as database:
                stanch.append(await _measured("bot", "run", settings=stanch_settings(slack.url, database)))
    for index, what, unit in ((0, "ready after", "s"), (1, "resident", "MiB")):
        tell(what, [each[index] for each in floor], [each[index] for each in stanch], unit)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        bare_server()
    else:
        asyncio.run(main(rounds(__doc__)))
