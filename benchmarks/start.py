"""How long Stanch takes from its start to answering ready, and how much memory it then holds, beside a bare server.

Usage: `python -m benchmarks.start [--rounds N]`. Each round starts, one after the other: a bare FastAPI program under
the same server (the floor), and `stanch run` on a fresh SQLite file with a local workspace. What counts is the ratio of
the two in one run; the machine decides the rest.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from bot.workspace.seed import DEFAULT_SEED
from bot.workspace.server import serve

_PATIENCE_SECONDS = 60
_SETTLE_SECONDS = 3


def bare_server(port: int) -> None:
    """The floor: one route, no database, no Slack."""
    app = FastAPI()

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"process": "ok"}

    uvicorn.run(app, port=port, log_level="error")


async def _measured(arguments: list[str], settings: Mapping[str, str], port: int) -> tuple[float, float]:
    """Return seconds until ready and MiB resident a few seconds later."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STANCH_")} | dict(settings)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _ready(f"http://127.0.0.1:{port}/readyz")
        seconds = time.perf_counter() - began
        await asyncio.sleep(_SETTLE_SECONDS)
        return seconds, _resident_mib(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                if (await client.get(url)).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@asynccontextmanager
async def _workspace() -> AsyncIterator[str]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port=0, ready=ready.set_result))
    try:
        yield await ready
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _settings(folder: str, workspace_url: str, port: int) -> dict[str, str]:
    return {
        "STANCH_DATABASE_URL": f"sqlite:///{folder}/stanch.db",
        "STANCH_SLACK_API_URL": f"{workspace_url}/api/",
        "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
        "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
        "STANCH_TIMELINE_KEY": "benchmark-timeline-key",
        "STANCH_PORT": str(port),
    }


def _line(name: str, values: list[float], unit: str) -> str:
    return f"{name:24} min {min(values):6.2f}  median {statistics.median(values):6.2f}  max {max(values):6.2f} {unit}"


async def main(rounds: int, port: int) -> None:
    """Alternate the two and print both, and their ratio."""
    floor: list[tuple[float, float]] = []
    stanch: list[tuple[float, float]] = []
    async with _workspace() as workspace_url:
        for _ in range(rounds):
            floor.append(await _measured(["benchmarks.start", "--serve", str(port)], {}, port))
            with tempfile.TemporaryDirectory() as folder:
                stanch.append(await _measured(["bot", "run"], _settings(folder, workspace_url, port), port))
    for index, unit, what in ((0, "s", "ready after"), (1, "MiB", "resident")):
        print(_line(f"floor, {what}", [each[index] for each in floor], unit))
        print(_line(f"stanch, {what}", [each[index] for each in stanch], unit))
        ratios = [ours[index] / bare[index] for ours, bare in zip(stanch, floor, strict=True)]
        print(_line(f"ratio, {what}", ratios, ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=18085)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        bare_server(given.serve)
    else:
        asyncio.run(main(given.rounds, given.port))
