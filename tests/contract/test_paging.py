"""Whether somebody was woken is said where people look, whatever the pager answers."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import JSONResponse

from bot.connections import Connection, ConnectionPool
from bot.domain.delivery import DeliveryKind
from bot.domain.incident import Incident
from bot.integration_folders import discover
from bot.services.board import Board
from bot.services.deliveries import DeliveryPump
from bot.services.lanes import PAGES, incident_lane
from bot.services.paging import Paging, want_page
from bot.serving import WebServer
from bot.store.sql import Store
from integrations.pagerduty.pager import Settings
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import Responders


class PagerDuty:
    """The vendor at an address of its own: takes pages, or answers with what it was given, one status a call."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.asked = 0

    async def enqueue(self) -> JSONResponse:
        self.asked += 1
        return JSONResponse({"dedup_key": "any"}, status_code=self.statuses.pop(0) if self.statuses else 202)


class Approvers:
    """Those who are to be woken for an incident, and what people see of it; pauses only move the clock."""

    def __init__(self, team: Responders, pool: ConnectionPool, vendor: PagerDuty, incident: Incident) -> None:
        self.vendor = vendor
        self.incident = incident
        self._team = team
        self._board = Board(team.store, team.catalog, team.incidents, team.clock, b"made-up-timeline-key")
        self._paging = Paging(team.store, pool, team.catalog.policy, team.clock)
        given_up = {DeliveryKind.PAGE: self._paging.given_up}
        self._pump = DeliveryPump(team.store, self._paging, owner="one", pause=self._pause, given_up=given_up)

    async def woken(self, cause: str) -> None:
        """Have them woken for a cause, as far as that goes."""
        async with self._team.store.begin() as tx:
            await want_page(tx, self.incident, cause, "break-glass on C-1")
        self._pump.wake([PAGES])
        await self._pump.settled()

    async def given_up(self, cause: str, error: Exception) -> None:
        """Have a page for a cause given up."""
        async with self._team.store.begin() as tx:
            await want_page(tx, self.incident, cause, "break-glass on C-1")
        async with self._team.store.begin() as tx:
            owed = await tx.deliveries.waiting(PAGES)
            assert owed is not None
            await self._paging.given_up(tx, owed, error)

    async def told(self) -> list[str]:
        """Return what the timeline says of pages."""
        async with self._team.store.begin() as tx:
            events = await tx.timeline.events(self.incident.id)
        return [event.text for event in events if event.kind.startswith("pager.")]

    async def on_the_card(self) -> str:
        """Return what the incident's card says of the last page, once it was brought up to date."""
        async with self._team.store.begin() as tx:
            while (owed := await tx.deliveries.waiting(incident_lane(self.incident.id))) is not None:
                await tx.deliveries.record_sent(owed, channel="C1", ts="1.1")
        return (await self._board.incident(self.incident.id)).nobody_woken

    async def card_is_owed(self) -> bool:
        async with self._team.store.begin() as tx:
            owed = await tx.deliveries.waiting(incident_lane(self.incident.id))
        return owed is not None and owed.kind is DeliveryKind.INCIDENT_CARD

    async def _pause(self, seconds: float) -> None:
        self._team.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
async def approvers(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Approvers]:
    team, vendor, app = Responders(store, clock, enqueued), PagerDuty(), FastAPI()
    await team.start()
    app.add_api_route("/v2/enqueue", vendor.enqueue, methods=["POST"], response_model=None, status_code=202)
    server = WebServer("127.0.0.1", 0)
    await server.start(app)
    live = Connection(
        name="approvers",
        integration=discover()["pagerduty"],
        simulated=False,
        world={},
        settings=Settings(url=server.url, routing_key=SecretStr("0" * 32)),
        simulator_settings=None,
    )
    pool = ConnectionPool({"approvers": live}, team.world, clock)
    ready = Approvers(team, pool, vendor, await team.alerted())
    assert await ready.on_the_card() == ""
    yield ready
    await pool.close()
    await team.stop()
    await server.stop()


async def test_a_pager_that_refuses_the_credential_is_told_at_once_and_not_asked_again(approvers: Approvers) -> None:
    approvers.vendor.statuses = [401]
    await approvers.woken("break-glass:1")
    said = "Nobody was woken: pagerduty: page: the credential was refused (401). INC-1 break-glass on C-1"
    assert await approvers.told() == [said]
    assert approvers.vendor.asked == 1
    assert await approvers.card_is_owed()
    assert await approvers.on_the_card() == said


async def test_a_page_that_is_given_up_is_told_once(approvers: Approvers) -> None:
    approvers.vendor.statuses = [503] * 30
    await approvers.woken("break-glass:1")
    said = "Nobody was woken: given up after 30 attempts, pagerduty: page: answered 503. INC-1 break-glass on C-1"
    assert await approvers.told() == [said]
    assert approvers.vendor.asked == 30
    assert await approvers.card_is_owed()
    assert await approvers.on_the_card() == said


async def test_a_page_that_gets_through_in_the_end_is_no_failure(approvers: Approvers) -> None:
    approvers.vendor.statuses = [503] * 29
    await approvers.woken("break-glass:1")
    assert await approvers.told() == ["Woke `approvers`: INC-1 break-glass on C-1"]
    assert await approvers.on_the_card() == ""


async def test_a_page_that_a_bug_kept_from_being_sent_shows_nothing_of_the_bug(approvers: Approvers) -> None:
    await approvers.given_up("break-glass:1", KeyError("internals"))
    (said,) = await approvers.told()
    assert said == (
        "Nobody was woken: given up after 0 attempts, an unexpected error, which is in the log. "
        "INC-1 break-glass on C-1"
    )


async def test_the_card_warns_until_a_later_page_wakes_somebody(approvers: Approvers) -> None:
    approvers.vendor.statuses = [401]
    await approvers.woken("break-glass:1")
    assert await approvers.on_the_card() != ""
    await approvers.woken("kept:1:2")
    assert await approvers.on_the_card() == ""
