"""What goes wrong in a campaign: which, when and for how long is drawn from one seeded chance."""

import asyncio
import math
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import httpx

from tests.chaos.programs import Program
from tests.chaos.server import Server

# Longer than the silence after which the server ends a replica's lock session, and two looks of the others.
_HANG_SECONDS = 21
# How long people may work undisturbed, at most; on a machine on which a start takes long, as many times that.
_LONGEST_PAUSE_SECONDS = 6.0
_LONGEST_PAUSE_STARTS = 2.5
# How often the next thing goes wrong without waiting for a start. Always, and on a busy machine nobody would get ready.
_SPOILT_STARTS = 0.2
_LONGEST_OUTAGE_SECONDS = 5.0
_FAULTS: tuple[dict[str, object], ...] = (
    {"kind": "slow", "method": "*", "milliseconds": 700, "calls": 4},
    {"kind": "slow", "method": "chat.postMessage", "milliseconds": 1_200, "calls": 2},
    {"kind": "answer", "method": "chat.postMessage", "status": 429, "retry_after": 2, "calls": 2},
    {"kind": "answer", "method": "chat.update", "status": 429, "retry_after": 1, "calls": 2},
    {"kind": "answer", "method": "chat.postMessage", "status": 500, "applied": True},
    {"kind": "answer", "method": "conversations.create", "status": 500, "applied": True},
    {"kind": "answer", "method": "chat.update", "status": 503, "calls": 3},
    {"kind": "drop_sockets", "announced": True},
    {"kind": "drop_sockets"},
)
_LONGEST_JUMP_SECONDS = 60.0


class Disturbance:
    """Kills, and everything else that goes wrong.

    Attributes:
        done: What was done, by name.
    """

    def __init__(
        self, replicas: Sequence[Program], workspace: httpx.AsyncClient, server: Server | None, chance: random.Random
    ) -> None:
        """Take what can be disturbed; without a `server` the database is a file, which nobody stops."""
        self.done: Counter[str] = Counter()
        self._end = math.inf
        self._replicas = replicas
        self._workspace = workspace
        self._server = server
        self._chance = chance
        self._weights: dict[Callable[[], Awaitable[None]], int] = {
            self._kill: 75,
            self._terminate: 5,
            self._fault: 20,
            self._jump: 8,
        }
        if server is not None:
            self._weights[self._stop_database] = 3
        if len(replicas) > 1:
            self._weights[self._hang] = 3

    async def run(self, kills: int, seconds: float) -> None:
        """Disturb until there were so many kills, or for so long; then lift faults, and return once everything runs."""
        self._end = time.monotonic() + seconds
        while self.done["kills"] < kills and time.monotonic() < self._end:
            if self._chance.random() > _SPOILT_STARTS:
                await asyncio.gather(*(replica.until_ready() for replica in self._replicas))
            slowest = max(replica.start_seconds for replica in self._replicas)
            longest = max(_LONGEST_PAUSE_SECONDS, slowest * _LONGEST_PAUSE_STARTS)
            await asyncio.sleep(self._chance.random() * longest)
            (disturb,) = self._chance.choices(list(self._weights), list(self._weights.values()))
            await disturb()
        await self._workspace.delete("/_workspace/faults")
        for replica in self._replicas:
            replica.set_clock(0)
            await replica.until_ready()

    def end_now(self) -> None:
        """Let `run` end after what it is about to do."""
        self._end = -math.inf

    async def _kill(self) -> None:
        self.done["kills"] += self._chance.choice(self._replicas).send(signal.SIGKILL)

    async def _terminate(self) -> None:
        self.done["terms"] += self._chance.choice(self._replicas).send(signal.SIGTERM)

    async def _hang(self) -> None:
        replica = self._chance.choice(self._replicas)
        self.done["hangs"] += replica.send(signal.SIGSTOP)
        await asyncio.sleep(_HANG_SECONDS)
        replica.send(signal.SIGCONT)

    async def _jump(self) -> None:
        """Set the clock of one replica ahead or back."""
        self._chance.choice(self._replicas).set_clock(
            self._chance.uniform(-_LONGEST_JUMP_SECONDS, _LONGEST_JUMP_SECONDS)
        )
        self.done["clock jumps"] += 1

    async def _stop_database(self) -> None:
        if self._server is None:
            return
        await asyncio.to_thread(self._server.stop_hard)
        self.done["database stops"] += 1
        await asyncio.sleep(self._chance.uniform(0, _LONGEST_OUTAGE_SECONDS))
        await asyncio.to_thread(self._server.start)

    async def _fault(self) -> None:
        await self._workspace.post("/_workspace/faults", json=self._chance.choice(_FAULTS))
        self.done["faults"] += 1
