"""Kills Stanch at random instants while people contain incidents with it, and counts what came of it.

Usage: `python -m tests.chaos.campaign --kills 100 --seed 1 --database sqlite|postgresql [--replicas 2] [--storm]`. It
exits with 1 if a count is not what it must be. A seed draws the same disturbances after the same pauses; which
instruction they hit is up to the machine.
"""

import argparse
import asyncio
import math
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.workspace.client import Person
from tests.chaos import path
from tests.chaos.audit import Audit
from tests.chaos.channels import Channels
from tests.chaos.disturbance import Disturbance
from tests.chaos.people import Broken, Stuck, true_within
from tests.chaos.programs import Program
from tests.chaos.record import Record
from tests.chaos.report import Report
from tests.chaos.sender import NotTaken, Sender
from tests.chaos.server import Server, restartable_postgres
from tests.chaos.setting import write_settings

_TRIAGE = "ai-alerts"
_SETTLED_SECONDS = 90


@dataclass(frozen=True)
class Options:
    """What a campaign is run with; it ends after so many kills, or sooner after so many minutes."""

    kills: int
    seed: int
    database: str
    replicas: int
    storm: bool
    minutes: float = math.inf

    @property
    def name(self) -> str:
        """The words that run it again."""
        limit = "" if math.isinf(self.minutes) else f" --minutes {self.minutes:g}"
        kills = f"--kills {self.kills}{limit} --seed {self.seed}"
        return f"--database {self.database} --replicas {self.replicas} {kills}" + " --storm" * self.storm


class Campaign:
    """One campaign on a stage that is set."""

    def __init__(self, options: Options, cast: path.Cast, audit: Audit, channels: Channels) -> None:
        """Take what to play with and what to look at it with."""
        self._cast = cast
        self._audit = audit
        self._channels = channels
        self.report = Report(options.name)

    async def run(self, disturbance: Disturbance, options: Options, tell: Callable[[str], object]) -> None:
        """Walk paths until all kills are done, and one more in peace; then look at everything."""
        disturbing = asyncio.create_task(disturbance.run(options.kills, options.minutes * 60), name="disturbance")
        self.report.done = disturbance.done
        try:
            while not disturbing.done():
                await self._walk(tell)
            await disturbing
            await self._walk(tell)
        except (Stuck, NotTaken) as stuck:
            self.report.wrong["paths stuck"].append(str(stuck))
            disturbing.cancel()
            await asyncio.gather(disturbing, return_exceptions=True)
        await self._look_at_all()

    async def _walk(self, tell: Callable[[str], object]) -> None:
        began = time.monotonic()
        walked = await path.Path(self._cast).walk()
        self.report.paths += 1
        self.report.private_doubled += walked.private_doubled
        self.report.wrong["chain problems"] += await self._audit.chains(walked.incident)
        kills, seconds = self.report.done["kills"], time.monotonic() - began
        tell(f"{walked.incident.label} resolved after {seconds:.0f} s, {kills} kills so far\n")

    async def _look_at_all(self) -> None:
        report, audit, record = self.report, self._audit, self._cast.record

        async def all_sent() -> bool:
            return not await audit.owed()

        await true_within(all_sent, _SETTLED_SECONDS)
        incidents = await record.incidents()
        promised = frozenset(self._cast.sender.promised)
        report.alerts, report.writes = len(promised), len(await record.vendor_events())
        report.ends = Counter(each.state.value for each in await record.containments())
        report.messages = sum([sum((await self._channels.keys(each.channel or "")).values()) for each in incidents])
        wrong = report.wrong
        wrong["deliveries still owed"] += await audit.owed()
        wrong["alerts lost"] += await audit.alerts_lost(promised)
        wrong["vendor writes doubled"] += await audit.writes_doubled()
        wrong["messages doubled"] += await audit.messages_doubled(incidents)
        wrong["channels doubled"] += await audit.channels_doubled()
        wrong["acknowledged presses lost"] += self._cast.broken.acts
        for incident in incidents:
            wrong["containments without an end"] += await audit.unsettled(incident)
            wrong["cards that say otherwise"] += await audit.cards(incident)


async def run(options: Options, folder: Path, tell: Callable[[str], object]) -> Report:
    """Set the stage in an empty folder, run a campaign and return what it counted; logs stay in the folder."""
    began = time.monotonic()
    on_postgres = options.database == "postgresql"
    with restartable_postgres() if on_postgres else nullcontext() as server:
        async with AsyncExitStack() as stack:
            url = server.url if server else f"sqlite:///{folder / 'stanch.sqlite'}"
            workspace = await stack.enter_async_context(_running(folder, "workspace", ["workspace", "--port", "0"], {}))
            settings = write_settings(folder, url, workspace.url)
            replicas = [
                await stack.enter_async_context(_running(folder, f"stanch-{number}", ["run"], settings))
                for number in range(1, options.replicas + 1)
            ]
            report = await _played(options, url, workspace, replicas, server)
            report.errors_logged = sum(_errors(folder / f"{each.name}.log") for each in replicas)
    report.seconds = time.monotonic() - began
    return report


async def _played(
    options: Options, url: str, workspace: Program, replicas: Sequence[Program], server: Server | None
) -> Report:
    async with AsyncExitStack() as stack:
        commander = await stack.enter_async_context(Person(workspace.url, "commander"))
        responder = await stack.enter_async_context(Person(workspace.url, "responder"))
        door = await stack.enter_async_context(httpx.AsyncClient(base_url=workspace.url, timeout=30, trust_env=False))
        record = Record(url)
        stack.callback(record.close)
        channels = Channels(workspace.url, commander)
        stack.push_async_callback(channels.close)
        sender = Sender(lambda: [each.url for each in replicas if each.url], random.Random(options.seed))  # noqa: S311 - repeatable on purpose
        stack.push_async_callback(sender.close)
        cast = path.Cast(commander, responder, sender, record, Broken(), storms=options.storm)
        campaign = Campaign(options, cast, Audit(record, channels, _TRIAGE), channels)
        disturbance = Disturbance(replicas, door, server, random.Random(options.seed))  # noqa: S311 - repeatable on purpose
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, disturbance.end_now)
        await campaign.run(disturbance, options, sys.stderr.write)
        campaign.report.wrong["programs that ended by themselves"] += [
            f"{each.name} ended {each.ended_unasked} times" for each in (workspace, *replicas) if each.ended_unasked
        ]
        return campaign.report


@asynccontextmanager
async def _running(folder: Path, name: str, words: Sequence[str], settings: dict[str, str]) -> AsyncIterator[Program]:
    program = Program(name, words, settings, folder / f"{name}.log")
    try:
        await program.start()
        yield program
    finally:
        await program.stop()


def _errors(log: Path) -> int:
    return sum(" ERROR " in line for line in log.read_text(errors="replace").splitlines())


def main() -> int:
    """Run one campaign and print what it counted; the logs of one that went wrong are kept."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="stanch-chaos-"))
    report = asyncio.run(run(options, folder, sys.stderr.write))
    sys.stdout.write(report.table())
    if report.is_as_it_must_be:
        shutil.rmtree(folder)
        return 0
    sys.stdout.write(f"Not as it must be; the logs are in {folder}\n")
    return 1


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description="Kill Stanch and count.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end sooner, after so many minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--replicas", type=int, default=1, help="more than one needs PostgreSQL")
    parser.add_argument("--storm", action="store_true", help="send bursts of alerts while an incident is contained")
    parsed = parser.parse_args()
    if parsed.replicas > 1 and parsed.database == "sqlite":
        parser.error("SQLite serves one process: --replicas needs --database postgresql")
    return Options(parsed.kills, parsed.seed, parsed.database, parsed.replicas, parsed.storm, parsed.minutes)


if __name__ == "__main__":
    sys.exit(main())
