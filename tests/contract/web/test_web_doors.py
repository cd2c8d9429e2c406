"""Personal tokens at the JSON API: what they open, and what many wrong ones lead to."""

from datetime import timedelta

import pytest

from bot.web.app import WebParts
from tests.builders import RESPONDER, Clock
from tests.contract.web.conftest import Client
from tests.contract.web.test_web_api import API, AUTHORIZED


def carrying(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def token(parts: WebParts) -> str:
    return (await parts.tokens.issue(RESPONDER))[1]


async def test_a_personal_token_reads_what_a_program_reads(client: Client, token: str) -> None:
    answer = await client.get(API, headers=carrying(token))
    assert (answer.status_code, answer.json()["incidents"]) == (200, [])


async def test_an_expired_token_and_a_revoked_one_look_like_a_wrong_one(
    client: Client, parts: WebParts, clock: Clock, token: str
) -> None:
    _, revoked = await parts.tokens.issue(RESPONDER)
    await parts.tokens.revoke(RESPONDER, revoked.split("_")[1])
    clock.advance(timedelta(days=30))
    answers = [await client.get(API, headers=carrying(each)) for each in (token, revoked, token[:-1], "stanch_a_b")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


async def test_many_wrong_tokens_under_one_name_have_to_wait_and_nobody_else_has(
    client: Client, parts: WebParts, clock: Clock, token: str
) -> None:
    _, anothers = await parts.tokens.issue(RESPONDER)
    statuses = [(await client.get(API, headers=carrying(f"{token[:-1]}?"))).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    refused = await client.get(API, headers=carrying(token))
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many_requests")
    assert refused.headers["Retry-After"] == "60"
    assert (await client.get(API, headers=carrying(anothers))).status_code == 200
    assert (await client.get(API, headers=AUTHORIZED)).status_code == 200
    clock.advance(timedelta(minutes=1))
    assert (await client.get(API, headers=carrying(token))).status_code == 200


async def test_a_few_wrong_tokens_a_minute_are_no_reason_to_wait(client: Client, clock: Clock, token: str) -> None:
    for _ in range(3):
        wrong = [(await client.get(API, headers=carrying(f"{token}x"))).status_code for _ in range(9)]
        assert wrong == [401] * 9
        clock.advance(timedelta(minutes=1))
    assert (await client.get(API, headers=carrying(token))).status_code == 200
