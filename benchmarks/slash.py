"""How long Stanch takes to acknowledge a slash command, beside a bare Bolt handler, with a Slack that is slow.

Usage: `python -m benchmarks.slash [--rounds N]`. Each program has a local workspace of its own whose Web API takes
100 ms. Commands go one after the other, and 16 at once. `status` reads an incident; `severity` changes it and writes
its timeline, before it is acknowledged.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from benchmarks.stage import fresh_database, rounds, running, slack_settings, stanch_settings, tell_latencies, workspace

_SLOW = {"kind": "slow", "method": "*", "milliseconds": 100}
_ONE_BY_ONE = 40
_AT_ONCE = 16
_BURSTS = 3
_INCIDENTS = _AT_ONCE

# Roles are asked of Slack once a minute; this has them asked outside the measurement.
_WARM_UP = f"/incident severity INC-{_INCIDENTS} sev4 because it is measured"


@dataclass(frozen=True)
class Typist:
    """Somebody who types commands in a workspace and waits for their acknowledgement."""

    client: httpx.AsyncClient

    async def types(self, text: str) -> float:
        """Type a command; return seconds until it was acknowledged.

        Raises:
            RuntimeError: It was not.
        """
        began = time.perf_counter()
        answer = await self.client.post("/people/commander/command", json={"channel": "general", "text": text})
        seconds = time.perf_counter() - began
        if not answer.json()["ok"]:
            raise RuntimeError(f"{text}: {answer.text}")
        return seconds

    async def one_by_one(self, commands: Sequence[str]) -> list[float]:
        """Type commands one after the other."""
        return [await self.types(text) for text in commands]

    async def at_once(self, commands: Sequence[str]) -> list[float]:
        """Type commands together, a burst after the other."""
        seconds: list[float] = []
        for first in range(0, len(commands), _AT_ONCE):
            burst = commands[first : first + _AT_ONCE]
            seconds += await asyncio.gather(*[self.types(text) for text in burst])
        return seconds

    async def was_told(self, text: str) -> int:
        """Return how many answers hold these words."""
        answer = await self.client.get("/people/commander/channels/general/search", params={"query": text})
        return len(answer.json()["messages"])


def _status(index: int) -> str:
    return f"/incident status INC-{index % _INCIDENTS + 1}"


def _severity(index: int) -> str:
    severity = index // _INCIDENTS % 3 + 1
    return f"/incident severity INC-{index % _INCIDENTS + 1} sev{severity} because it was measured"


async def _measure(count: int, floor: Typist, stanch: Typist) -> None:
    for number in range(_INCIDENTS):
        await stanch.types(f"/incident declare Answers of assistant {number} are wrong")
    for name, command, answer in (("status", _status, "TTD"), ("severity", _severity, "is now")):
        given = 0
        kinds = (("one by one", _ONE_BY_ONE, Typist.one_by_one), ("16 at once", _AT_ONCE * _BURSTS, Typist.at_once))
        for way, number, type_them in kinds:
            bare: list[list[float]] = []
            ours: list[list[float]] = []
            for _ in range(count):
                commands = [command(index) for index in range(given, given + number)]
                given += number
                await stanch.types(_WARM_UP)
                bare.append(await type_them(floor, commands))
                ours.append(await type_them(stanch, commands))
            tell_latencies(f"{name}, {way}", bare, ours)
        if (told := await stanch.was_told(answer)) < given:
            raise RuntimeError(f"{told} of {given} commands were answered with “{answer}”")


async def main(count: int) -> None:
    """Alternate the two and print both."""
    with fresh_database("sqlite") as database:
        async with (
            workspace() as bare_slack,
            workspace() as slack,
            running("benchmarks.bare_bolt", settings=slack_settings(bare_slack.url)),
            running("bot", "run", settings=stanch_settings(slack.url, database)),
            httpx.AsyncClient(base_url=bare_slack.url, trust_env=False, timeout=30) as to_bare,
            httpx.AsyncClient(base_url=slack.url, trust_env=False, timeout=30) as to_stanch,
        ):
            for client in (to_bare, to_stanch):
                (await client.post("/_workspace/faults", json=_SLOW)).raise_for_status()
            await _measure(count, Typist(to_bare), Typist(to_stanch))


if __name__ == "__main__":
    asyncio.run(main(rounds(__doc__)))
