"""Sweeps a database in a process of its own, and prints each incident whose words are gone: to be killed meanwhile."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from bot.domain.incident import Incident
from bot.services.ports import Transaction
from bot.services.retention import Retention
from bot.store.sql import Store
from tests import builders


class NoJobs:
    async def forget(self, _before: datetime, *, most: int) -> int:
        return 0 * most


class Told:
    """A store that tells of each redacted incident once it is committed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        saved: list[Incident] = []
        async with self._store.begin() as tx:
            keep = tx.incidents.save

            async def save(incident: Incident) -> Incident:
                saved.append(incident)
                return await keep(incident)

            tx.incidents.save = save  # type: ignore[method-assign]
            yield tx
        for each in saved:
            sys.stdout.write(f"{each.id}\n")
            sys.stdout.flush()


async def main(url: str) -> None:
    async def enqueue_nothing(*_: object) -> None:
        """Stand in for the engine."""

    clock = builders.Clock(builders.NOW + timedelta(days=10))
    store = Store(url, now=clock, enqueue=enqueue_nothing)
    await store.open()
    await Retention(Told(store), builders.retention(personal_data=timedelta(days=1)), NoJobs(), clock).sweep("now")
    await store.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(sys.argv[1]))
