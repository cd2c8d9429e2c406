"""What every benchmark needs: programs as processes of their own, databases that are thrown away, and how figures read.

A figure alone says more about the machine than about Stanch, so nothing here prints one without its floor.
"""

import argparse
import asyncio
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from bot.workspace.seed import DEFAULT_SEED
from tests.chaos.server import restartable_postgres

ALERT_TOKEN = "alert-token-of-the-benchmarks"  # noqa: S105 - made up
_START_SECONDS = 90
_ROOT = Path(__file__).resolve().parents[1]
# A benchmark of durable commits must wait for the disk as production does.
_DURABLE_POSTGRES = ("fsync=on", "shared_buffers=64MB", "max_connections=60")


@dataclass(frozen=True)
class Running:
    """A program that is ready; `url` is the first address that it printed, empty if it printed none."""

    url: str
    pid: int


@asynccontextmanager
async def running(*arguments: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    """Run `python -m ...` until the block ends; the block begins when the program has printed a line.

    Raises:
        RuntimeError: It ended before it was ready.
        TimeoutError: It was not ready in time.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STANCH_")}
    with tempfile.TemporaryFile("w+") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *arguments),
            cwd=_ROOT,
            env=environment | dict(settings or {}),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        try:
            line = await asyncio.wait_for(_first_line(process), _START_SECONDS)
            if not line:
                log.seek(0)
                raise RuntimeError(f"{' '.join(arguments)} ended before it was ready:\n{log.read()}")
            url = next((word for word in line.split() if word.startswith("http://")), "")
            yield Running(url.rstrip("/"), process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


async def _first_line(process: asyncio.subprocess.Process) -> str:
    return "" if process.stdout is None else (await process.stdout.readline()).decode()


def slack_settings(workspace_url: str) -> dict[str, str]:
    """Return the settings by which an app finds a local workspace."""
    return {
        "STANCH_SLACK_API_URL": f"{workspace_url}/api/",
        "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
        "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
    }


def stanch_settings(workspace_url: str, database_url: str) -> dict[str, str]:
    """Return the settings of a Stanch that takes Alertmanager's alerts on a free port."""
    return slack_settings(workspace_url) | {
        "STANCH_DATABASE_URL": database_url,
        "STANCH_ALERT_TOKEN_ALERTMANAGER": ALERT_TOKEN,
        "STANCH_TIMELINE_KEY": "timeline-key-of-the-benchmarks",
        "STANCH_PORT": "0",
    }


def workspace() -> AbstractAsyncContextManager[Running]:
    """Run a local Slack workspace on a free port."""
    return running("bot", "workspace", "--port", "0")


@contextmanager
def fresh_database(kind: str) -> Iterator[str]:
    """Make an empty database, `sqlite` or `postgresql`, that waits for the disk; it goes away with the block."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder:
            yield f"sqlite:///{folder}/bench.db"
        return
    with restartable_postgres(_DURABLE_POSTGRES) as server:
        yield server.url


def serve(app: Any) -> None:
    """Serve an ASGI app on a free port under the server that Stanch uses, and print where."""
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listening])


def cpu_seconds(pid: int) -> float:
    """Return how long a program has computed so far, which other load on the machine hardly changes."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def tell(what: str, floor: Sequence[float], ours: Sequence[float], unit: str) -> None:
    """Print one value a round of both, and what lies between them: as a ratio, and as a difference."""
    _line(f"{what}, floor", floor, unit)
    _line(f"{what}, stanch", ours, unit)
    _line(f"{what}, ratio", [mine / bare for mine, bare in zip(ours, floor, strict=True)], "")
    _line(f"{what}, difference", [mine - bare for mine, bare in zip(ours, floor, strict=True)], unit)


def tell_latencies(what: str, floor: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]) -> None:
    """Print p50 and p99 of both, from one sequence of seconds a round."""
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        bare = [quantile(each, share) * 1000 for each in floor]
        tell(f"{what} {name}", bare, [quantile(each, share) * 1000 for each in ours], "ms")


def rounds(description: str | None) -> int:
    """Read the command line of a benchmark that has only `--rounds`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    return int(parser.parse_args().rounds)


def _line(name: str, values: Sequence[float], unit: str) -> None:
    middle = statistics.median(values)
    line = f"{name:44} median {middle:9.2f}  min {min(values):9.2f}  max {max(values):9.2f} {unit}"
    sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.flush()
