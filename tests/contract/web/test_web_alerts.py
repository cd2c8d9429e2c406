"""Alert intake: who is let in, what is refused, and that 200 means stored."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest

from bot.sdk import Alert
from bot.services.incidents import Incidents
from bot.web.app import WebParts
from tests.contract.web.conftest import ALERT_TOKEN, API_TOKEN, MAY_WAIT, NEXT_ALERT_TOKEN, Client, client_of

MAX_BODY = 1_048_576


def sent(fingerprint: str = "f1", **fields: Any) -> dict[str, Any]:
    """One alert as Alertmanager sends it."""
    defaults = {
        "status": "firing",
        "labels": {"alertname": "HarmfulAnswers", "system": "support-assistant"},
        "annotations": {"summary": "Support assistant gives harmful answers"},
        "startsAt": "2026-03-02T08:55:00Z",
        "fingerprint": fingerprint,
    }
    return defaults | fields


def webhook(*alerts: dict[str, Any]) -> bytes:
    return json.dumps({"version": "4", "groupKey": "{}:{}", "alerts": alerts}).encode()


async def post(
    client: Client, body: bytes, *, token: str = ALERT_TOKEN, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    authorized = {"Authorization": f"Bearer {token}", **(headers or {})}
    return await client.post("/alerts/alertmanager", content=body, headers=authorized)


async def opened(incidents: Incidents) -> list[str]:
    return [incident.label for incident in await incidents.listed(only_open=False, limit=10)]


class TestAccepted:
    async def test_an_alert_is_stored_and_opens_its_incident_before_the_answer(
        self, client: Client, parts: WebParts
    ) -> None:
        answer = await post(client, webhook(sent("f1"), sent("f2")))
        assert (answer.status_code, answer.json()) == (200, {"alerts": 2})
        assert await opened(parts.incidents) == ["INC-1"]

    async def test_a_delivery_that_comes_twice_is_taken_twice_and_opens_one_incident(
        self, client: Client, parts: WebParts
    ) -> None:
        answers = [await post(client, webhook(sent())) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert await opened(parts.incidents) == ["INC-1"]

    async def test_a_webhook_without_alerts_is_taken(self, client: Client, parts: WebParts) -> None:
        answer = await post(client, webhook())
        assert (answer.status_code, answer.json()) == (200, {"alerts": 0})
        assert await opened(parts.incidents) == []

    async def test_a_body_of_exactly_the_limit_is_read(self, client: Client) -> None:
        body = webhook(sent())
        answer = await post(client, body + b" " * (MAX_BODY - len(body)))
        assert answer.status_code == 200

    async def test_the_second_token_of_a_source_is_in_force_too(self, client: Client) -> None:
        assert (await post(client, webhook(sent()), token=NEXT_ALERT_TOKEN)).status_code == 200

    async def test_the_scheme_may_be_written_in_any_case(self, client: Client) -> None:
        answer = await post(client, webhook(sent()), headers={"Authorization": f"bEARER  {ALERT_TOKEN}"})
        assert answer.status_code == 200


class TestRefused:
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong-token",
            f"Bearer {ALERT_TOKEN}x",
            f"Bearer {ALERT_TOKEN[:-1]}",
            f"Bearer {API_TOKEN}",
            f"Basic {ALERT_TOKEN}",
            ALERT_TOKEN,
            "Bearer \xe4\xf6\xfc",
        ],
    )
    async def test_a_sender_without_the_token_learns_nothing_and_stores_nothing(
        self, client: Client, parts: WebParts, header: str
    ) -> None:
        headers = {b"Authorization": header.encode("latin-1")} if header else {}
        answer = await client.post("/alerts/alertmanager", content=webhook(sent()), headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"] == "unauthorized"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert await opened(parts.incidents) == []

    async def test_a_token_in_the_address_is_no_credential(self, client: Client) -> None:
        answer = await client.post(f"/alerts/alertmanager?token={ALERT_TOKEN}", content=webhook(sent()))
        assert answer.status_code == 401

    async def test_two_authorization_headers_are_no_credential(self, client: Client) -> None:
        headers = [("Authorization", f"Bearer {ALERT_TOKEN}"), ("Authorization", f"Bearer {ALERT_TOKEN}")]
        answer = await client.post("/alerts/alertmanager", content=webhook(sent()), headers=headers)
        assert answer.status_code == 401

    @pytest.mark.parametrize("source", ["unset", "nobody", "%2e%2e", "alertmanager%00"])
    async def test_an_unknown_source_and_one_without_a_token_look_the_same(self, client: Client, source: str) -> None:
        headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
        answer = await client.post(f"/alerts/{source}", content=webhook(sent()), headers=headers)
        assert answer.status_code == 404
        assert answer.json() == {"error": "not_found", "message": "There is no such alert source here."}

    async def test_a_source_without_a_token_is_named_in_the_log_with_what_to_set(
        self, parts: WebParts, caplog: pytest.LogCaptureFixture
    ) -> None:
        client_of(parts)
        assert "alerts from unset are refused: set STANCH_ALERT_TOKEN_UNSET" in caplog.text

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "TRACE"])
    async def test_only_post_is_taken(self, client: Client, method: str) -> None:
        answer = await client.request(method, "/alerts/alertmanager")
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST"

    async def test_a_body_that_declares_too_much_is_refused_unread(self, client: Client, parts: WebParts) -> None:
        answer = await post(client, webhook(sent()) + b" " * MAX_BODY)
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        assert await opened(parts.incidents) == []

    async def test_a_body_without_a_length_is_read_up_to_the_limit_only(self, client: Client) -> None:
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            while True:
                taken += 65_536
                yield b" " * 65_536

        headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
        answer = await client.post("/alerts/alertmanager", content=endless(), headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        assert taken <= MAX_BODY + 65_536

    async def test_an_oversized_body_without_the_token_is_not_even_read(self, client: Client) -> None:
        read = []

        async def unwanted() -> AsyncIterator[bytes]:
            read.append("the body")
            yield b" " * MAX_BODY * 2

        answer = await client.post("/alerts/alertmanager", content=unwanted())
        assert answer.status_code == 401
        assert read == []

    async def test_a_compressed_body_is_refused(self, client: Client) -> None:
        answer = await post(client, b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_encoding")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"alerts"',
            b"\xff\xfe\x00",
            b'{"version":"4","alerts":"all"}',
            b'{"version":"3","groupKey":"","alerts":[]}',
            b'{"version":"4","groupKey":"","alerts":[{"status":"on fire"}]}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b'{"version":"4","groupKey":"\\ud800","alerts":[]}',
            b"version=4&alerts=1",
        ],
        ids=lambda body: repr(body[:40]),
    )
    async def test_what_alertmanager_never_sends_is_refused_with_a_sentence(
        self, client: Client, parts: WebParts, body: bytes
    ) -> None:
        answer = await post(client, body)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
        assert "Alertmanager" in answer.json()["message"]
        assert await opened(parts.incidents) == []

    async def test_hostile_text_in_a_refusal_stays_inside_its_json(self, client: Client) -> None:
        body = json.dumps({"version": "</script><script>\u2028\n\r"}).encode()
        answer = await post(client, body)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.content.isascii()
        assert b"\n" not in answer.content

    async def test_hostile_text_in_an_alert_is_stored_without_harm(self, client: Client, parts: WebParts) -> None:
        hostile = {"summary": "<!channel> \x00 \U0001f600 ' OR 1=1 --" + "x" * 100_000}
        answer = await post(client, webhook(sent(annotations=hostile)))
        assert answer.status_code == 200
        assert await opened(parts.incidents) == ["INC-1"]


class TestTryAgain:
    async def test_without_its_database_the_sender_is_asked_to_come_back(self, client_without_database: Client) -> None:
        answer = await post(client_without_database, webhook(sent()))
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert "127.0.0.1" not in answer.text

    async def test_more_alerts_than_may_wait_are_asked_to_come_back(self, client: Client) -> None:
        body = webhook(*(sent(f"f{n}") for n in range(MAY_WAIT // 2)))
        answers = await asyncio.gather(*(post(client, body) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 503]
        (refused,) = (answer for answer in answers if answer.status_code == 503)
        assert refused.json()["error"] == "busy"
        assert refused.headers["Retry-After"] == "5"


class TestNothingLeaks:
    async def test_a_bug_is_told_as_a_reference_and_its_traceback_is_in_the_log_only(
        self, parts: WebParts, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(body: bytes, headers: Mapping[str, str], received_at: datetime) -> list[Alert]:
            raise ZeroDivisionError("the secret of the parser")

        async with client_of(replace(parts, parsers={"alertmanager": broken})) as client:
            answer = await post(client, webhook(sent()))
        assert answer.status_code == 500
        told = answer.json()
        assert (told["error"], len(told["reference"])) == ("unexpected", 8)
        assert "secret" not in answer.text
        assert f"reference {told['reference']}" in caplog.text
        assert "ZeroDivisionError: the secret of the parser" in caplog.text

    async def test_no_token_is_in_the_log_or_in_an_answer(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong = "wrong-token-of-a-stranger"
        answers = [
            await post(client, webhook(sent())),
            await post(client, b"{"),
            await post(client, webhook(sent()), token=wrong),
            await client.get("/api/v1/incidents", headers={"Authorization": f"Bearer {wrong}"}),
            await client.get("/api/v1/incidents", headers={"Authorization": f"Bearer {API_TOKEN}"}),
        ]
        written = caplog.text + "".join(answer.text + repr(answer.headers) for answer in answers)
        assert not [token for token in (ALERT_TOKEN, API_TOKEN, wrong) if token in written]
