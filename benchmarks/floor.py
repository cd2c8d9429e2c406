"""The least that a durable alert intake can do: parse, one row a delivery, one an alert, one an incident, then say 200.

Usage: `python -m benchmarks.floor DATABASE_URL`. What arrives together is committed together, by one thread. It has no
credentials, rules, timeline or Slack: a bound to come close to. `/counts` tells deliveries, alerts and incidents.
"""

import asyncio
import json
import queue
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.stage import serve

_MOST_AT_ONCE = 500
_TABLES = (
    "CREATE TABLE incident (key text PRIMARY KEY, title text, at double precision)",
    "CREATE TABLE alert (fingerprint text PRIMARY KEY, incident text, status text, times int, at double precision)",
    "CREATE TABLE delivery (id {serial}, fingerprint text, at double precision, body text)",
)
_COUNTS = "SELECT (SELECT count(*) FROM delivery), (SELECT count(*) FROM alert), (SELECT count(*) FROM incident)"
_INCIDENT = "INSERT INTO incident VALUES ({0}, {0}, {0}) ON CONFLICT DO NOTHING"
_ALERT = (
    "INSERT INTO alert VALUES ({0}, {0}, {0}, 1, {0}) "
    "ON CONFLICT (fingerprint) DO UPDATE SET times = alert.times + 1, status = excluded.status, at = excluded.at"
)
_DELIVERY = "INSERT INTO delivery (fingerprint, at, body) VALUES ({0}, {0}, {0})"

Delivered = tuple[bytes, "asyncio.Future[None]"]


class Database:
    """SQLite or PostgreSQL, as durable as Stanch's."""

    def __init__(self, url: str) -> None:
        """Connect and make the tables."""
        self.connection = _connected(url)
        self._mark, serial = "%s", "serial PRIMARY KEY"
        if url.startswith("sqlite"):
            self._mark, serial = "?", "integer PRIMARY KEY"
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
        for table in _TABLES:
            self.connection.execute(table.format(serial=serial))
        self.connection.commit()
        self._url = url

    def store(self, bodies: Sequence[bytes]) -> None:
        """Commit what arrived."""
        at = time.time()
        cursor = self.connection.cursor()
        alerts = [(alert, body) for body in bodies for alert in json.loads(body)["alerts"]]
        incidents = {alert["labels"]["service"]: alert["annotations"]["summary"] for alert, _ in alerts}
        cursor.executemany(_INCIDENT.format(self._mark), [(key, title, at) for key, title in incidents.items()])
        cursor.executemany(
            _ALERT.format(self._mark),
            [(each["fingerprint"], each["labels"]["service"], each["status"], at) for each, _ in alerts],
        )
        cursor.executemany(
            _DELIVERY.format(self._mark), [(each["fingerprint"], at, body.decode()) for each, body in alerts]
        )
        self.connection.commit()

    def counts(self) -> list[int]:
        """Return how many deliveries, alerts and incidents there are, by a connection of its own."""
        with closing(_connected(self._url)) as connection:
            return list(connection.execute(_COUNTS).fetchone())


def _connected(url: str) -> Any:
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), check_same_thread=False)
    return psycopg.connect(url)


def app(url: str) -> Starlette:
    """Return the program."""
    waiting: queue.SimpleQueue[Delivered] = queue.SimpleQueue()
    database = Database(url)

    async def receive(request: Request) -> Response:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.put((await request.body(), done))
        await done
        return JSONResponse({"ok": True})

    async def counts(_: Request) -> Response:
        return JSONResponse(database.counts())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_write, args=(database, waiting, loop), daemon=True).start()
        yield

    return Starlette(routes=[Route("/alerts", receive, methods=["POST"]), Route("/counts", counts)], lifespan=lifespan)


def _write(database: Database, waiting: "queue.SimpleQueue[Delivered]", loop: asyncio.AbstractEventLoop) -> None:
    while True:
        batch = [waiting.get()]
        while len(batch) < _MOST_AT_ONCE and not waiting.empty():
            batch.append(waiting.get_nowait())
        database.store([body for body, _ in batch])
        loop.call_soon_threadsafe(_tell, [done for _, done in batch])


def _tell(committed: "Sequence[asyncio.Future[None]]") -> None:
    for done in committed:
        done.set_result(None)


if __name__ == "__main__":
    serve(app(sys.argv[1]))
