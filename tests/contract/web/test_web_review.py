"""The review's draft over HTTP: Markdown, closed without a credential."""

import pytest

from bot.services.reviews import GAP
from bot.store.sql import Store
from tests.contract.web.conftest import ALERT_TOKEN, Client
from tests.contract.web.test_web_api import API, AUTHORIZED, add_story


@pytest.mark.parametrize("token", ["", ALERT_TOKEN, "wrong-token"])
async def test_without_the_api_token_no_draft_is_told(client: Client, store: Store, token: str) -> None:
    await add_story(store)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await client.get(f"{API}/1/review", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


async def test_the_draft_is_a_markdown_document_that_no_browser_runs(client: Client, store: Store) -> None:
    await add_story(store)
    answer = await client.get(f"{API}/1/review", headers=AUTHORIZED)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/markdown; charset=utf-8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text.startswith("# Review of INC-1: Support assistant gives harmful advice\n")
    assert GAP in answer.text
    assert "The chain of 2 events verifies." in answer.text


@pytest.mark.parametrize(("number", "status", "error"), [("99", 404, "not_found"), ("INC-1", 422, "invalid")])
async def test_what_is_no_incident_has_no_draft(client: Client, number: str, status: int, error: str) -> None:
    answer = await client.get(f"{API}/{number}/review", headers=AUTHORIZED)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_without_the_database_the_client_is_asked_to_come_back(client_without_database: Client) -> None:
    answer = await client_without_database.get(f"{API}/1/review", headers=AUTHORIZED)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")


async def test_the_description_says_markdown_and_refusals_in_the_one_shape(client: Client) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]["/api/v1/incidents/{number}/review"]["get"]
    assert list(described["responses"]["200"]["content"]) == ["text/markdown"]
    for status in ("401", "404", "422", "503"):
        content = described["responses"][status]["content"]
        assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
