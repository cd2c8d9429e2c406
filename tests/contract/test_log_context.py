"""Log lines of requests, jobs and deliveries say what they are about."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Receive, Scope, Send

from bot import logs
from bot.domain.delivery import Delivery, DeliveryKind
from bot.durable.engine import Engine
from bot.errors import Rejected
from bot.services.deliveries import DeliveryPump
from bot.services.ports import Posted
from bot.store.database import blocking_url
from bot.store.sql import Store
from bot.web.boundary import Boundary
from bot.web.metrics import Metrics
from tests.builders import Clock
from tests.contract.workspace_fixtures import eventually


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What is logged, as JSON lines."""
    kept = [(each, each.handlers, each.level, each.propagate) for each in map(logging.getLogger, ("", "dbos", "httpx"))]
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    yield stream
    for logger, handlers, level, propagate in kept:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(stream: io.StringIO, message: str) -> list[dict[str, str]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in found if message in line["message"]]


async def test_each_web_request_has_a_name_of_its_own(said: io.StringIO) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        logging.getLogger("bot.web").info("served")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    transport = httpx.ASGITransport(Boundary(app, Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://stanch") as client:
        await asyncio.gather(client.get("/"), client.get("/"))
    first, second = lines(said, "served")
    assert first["request"] != second["request"]


async def test_what_a_job_logs_names_the_job_and_its_subject(sqlite_url: str, clock: Clock, said: io.StringIO) -> None:
    async def work(_subject: str) -> timedelta | None:
        logging.getLogger("bot.services").info("at work")
        return None

    engine = Engine(blocking_url(sqlite_url), executor_id="one", handlers={"work": work})

    async def enqueue(session: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        await engine.enqueue(session, job, subject, key, delay)

    store = Store(sqlite_url, now=clock, enqueue=enqueue)
    await store.open()
    await engine.start()
    async with store.begin() as tx:
        await tx.jobs.enqueue("work", "containment-1", key="once")
    await eventually(lambda: bool(lines(said, "at work")), within=20)
    await engine.stop()
    await store.close()
    line = lines(said, "at work")[0]
    assert (line["job"], line["subject"]) == ("work", "containment-1")


async def test_what_a_delivery_logs_names_it_and_its_lane(store: Store, clock: Clock, said: io.StringIO) -> None:
    class Refusing:
        async def deliver(self, _delivery: Delivery) -> Posted:
            raise Rejected("slack", "chat.postMessage", status=200, detail="is_archived")

    pump = DeliveryPump(store, Refusing(), owner="one")
    async with store.begin() as tx:
        await tx.deliveries.want(DeliveryKind.INCIDENT_CARD, "incident:1", "1")
    pump.wake(["incident:1"])
    await pump.settled()
    line = lines(said, "delivery.failed")[0]
    assert (line["lane"], line["delivery"] in line["message"]) == ("incident:1", True)
