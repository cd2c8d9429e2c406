"""Probes, figures, headers, and the mounted simulators."""

import logging
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from bot.domain.incident import IncidentKind
from bot.domain.severity import Severity
from bot.domain.values import IncidentId
from bot.store.sql import Store
from bot.web.app import WebParts, create_web
from tests.builders import incident
from tests.contract.web.conftest import ALERT_TOKEN, Client, client_of
from tests.contract.web.test_web_alerts import post, sent, webhook

EXPECTED_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


async def figures(client: Client) -> list[str]:
    return (await client.get("/metrics")).text.splitlines()


class TestProbes:
    async def test_a_process_that_answers_is_alive_also_without_its_database(
        self, client_without_database: Client
    ) -> None:
        answer = await client_without_database.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    async def test_it_is_ready_when_every_check_is_ok(self, client: Client) -> None:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "checks": {"database": "ok"}})

    async def test_it_is_not_ready_when_one_check_is_not_and_says_which(self, client_without_database: Client) -> None:
        answer = await client_without_database.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {
            "ready": False,
            "checks": {"database": "The database cannot be reached.", "slack": "ok"},
        }


class TestFigures:
    async def test_deliveries_are_counted_by_source_and_outcome(self, client: Client) -> None:
        await post(client, webhook(sent("f1"), sent("f2", status="resolved")))
        await post(client, b"{")
        await post(client, b"", token="wrong-token")
        await post(client, webhook(sent()) + b" " * 2_000_000)
        lines = await figures(client)
        for outcome in ("accepted", "foreign", "unauthorized", "too_large"):
            assert f'stanch_alert_deliveries_total{{outcome="{outcome}",source="alertmanager"}} 1.0' in lines
        for status in ("firing", "resolved"):
            assert f'stanch_alerts_stored_total{{source="alertmanager",status="{status}"}} 1.0' in lines
        assert "stanch_intake_seconds_count 1.0" in lines

    async def test_open_live_incidents_are_counted_by_severity(self, client: Client, store: Store) -> None:
        async with store.begin() as tx:
            for kind in (IncidentKind.LIVE, IncidentKind.LIVE, IncidentKind.EXERCISE):
                number = await tx.incidents.next_number()
                fields = {"id": IncidentId(f"incident-{number}"), "number": number, "kind": kind}
                await tx.incidents.add(incident(**fields, severity=Severity.SEV1))
        lines = await figures(client)
        assert 'stanch_open_incidents{severity="SEV1"} 2.0' in lines
        assert 'stanch_open_incidents{severity="SEV4"} 0.0' in lines

    async def test_without_the_database_open_incidents_are_absent_and_not_zero(
        self, client_without_database: Client
    ) -> None:
        answer = await client_without_database.get("/metrics")
        assert answer.status_code == 200
        assert "stanch_open_incidents{" not in answer.text

    async def test_requests_are_counted_by_the_route_and_never_by_the_address(self, client: Client) -> None:
        for path in ("/alerts/alertmanager", "/alerts/stranger-1", "/alerts/stranger-2"):
            await client.post(path)
        for path in ("/stranger-3", "/api/v1/incidents/4711", "/healthz"):
            await client.get(path)
        lines = [line for line in await figures(client) if line.startswith("stanch_http_requests_total")]
        assert not [line for line in lines if "stranger" in line or "4711" in line]
        assert 'stanch_http_requests_total{route="/alerts/{source}",status="404"} 2.0' in lines
        assert 'stanch_http_requests_total{route="/api/v1/incidents/{number}",status="401"} 1.0' in lines
        assert 'stanch_http_requests_total{route="none",status="404"} 1.0' in lines

    async def test_two_apps_of_one_process_count_apart(self, client: Client, parts: WebParts) -> None:
        await post(client, b"{")
        async with client_of(parts) as other:
            assert not [line for line in await figures(other) if "foreign" in line]


class TestHeaders:
    @pytest.mark.parametrize(
        ("path", "status"), [("/healthz", 200), ("/metrics", 200), ("/nothing", 404), ("/api/v1/incidents", 401)]
    )
    async def test_every_answer_carries_the_security_headers(self, client: Client, path: str, status: int) -> None:
        answer = await client.get(path)
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in EXPECTED_HEADERS} == EXPECTED_HEADERS

    async def test_an_unexpected_error_carries_them_too(self, parts: WebParts) -> None:
        async def broken() -> dict[str, str]:
            raise ZeroDivisionError

        async with client_of(replace(parts, ready=broken)) as client:
            answer = await client.get("/readyz")
            lines = await figures(client)
        assert answer.status_code == 500
        assert {name: answer.headers.get(name) for name in EXPECTED_HEADERS} == EXPECTED_HEADERS
        assert 'stanch_http_requests_total{route="/readyz",status="500"} 1.0' in lines


class TestSenderThatHangsUp:
    async def test_a_body_that_breaks_off_stores_nothing_and_is_no_error(
        self, parts: WebParts, caplog: pytest.LogCaptureFixture
    ) -> None:
        answered: list[Message] = []
        received: list[Message] = [
            {"type": "http.request", "body": webhook(sent())[:50], "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return received.pop(0)

        async def send(message: Message) -> None:
            answered.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/alerts/alertmanager",
            "headers": [(b"authorization", f"Bearer {ALERT_TOKEN}".encode())],
            "query_string": b"",
        }
        await create_web(parts)(scope, receive, send)
        assert answered == []
        assert await parts.incidents.listed(only_open=False, limit=10) == []
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


class TestSimulators:
    @pytest.fixture
    def simulated(self, parts: WebParts) -> WebParts:
        async def echo(request: Request) -> Response:
            return PlainTextResponse(f"{request.method} {len(await request.body())}")

        vendor = Starlette(routes=[Route("/api/flags", echo, methods=["GET", "POST"])])
        return replace(parts, simulators={"unleash": vendor})

    async def test_a_simulator_is_reached_below_its_connection(self, simulated: WebParts) -> None:
        async with client_of(simulated) as client:
            answer = await client.post("/simulated/unleash/api/flags", content=b"12345")
        assert (answer.status_code, answer.text) == (200, "POST 5")

    async def test_a_simulator_is_not_fed_without_end(self, simulated: WebParts) -> None:
        async with client_of(simulated) as client:
            answer = await client.post("/simulated/unleash/api/flags", content=b" " * 2_000_000)
        assert answer.status_code == 413

    async def test_without_simulators_there_is_nothing(self, client: Client) -> None:
        assert (await client.get("/simulated/unleash/api/flags")).status_code == 404
