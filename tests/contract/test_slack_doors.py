"""What Slack would never send, or sent for another year's Stanch, at both doors: refused, and answered who waits."""

import asyncio
import json
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bot.domain.values import JsonObject
from bot.workspace.dispatch import Kind
from tests.builders import Clock
from tests.contract.slack_edge import Edge, edge
from tests.contract.workspace_fixtures import eventually

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
COMMAND = {
    "command": "/incident",
    "text": "declare the assistant insults people",
    "user_id": "U0COMMANDER",
    "channel_id": "C0GENERAL",
    "trigger_id": "1.2.a",
}
PRESS: JsonObject = {
    "type": "block_actions",
    "user": {"id": "U0COMMANDER"},
    "trigger_id": "1.2.b",
    "actions": [{"type": "button", "action_id": "incident.lead", "value": "{}"}],
}
SUBMISSION: JsonObject = {
    "type": "view_submission",
    "user": {"id": "U0COMMANDER"},
    "view": {
        "type": "modal",
        "id": "V1",
        "hash": "1.abc",
        "callback_id": "undo.submit",
        "private_metadata": "{}",
        "title": {"type": "plain_text", "text": "Undo a containment"},
        "blocks": [{"type": "section", "block_id": "b0", "text": {"type": "mrkdwn", "text": "x"}}],
        "state": {"values": {"reason": {"value": {"value": "it was the wrong one"}}}},
    },
}


@pytest.fixture
async def on(migrated_sqlite: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Edge]:
    """An edge on an empty database, at which nothing may go wrong unexpectedly."""
    async with edge(Path(shutil.copy(migrated_sqlite, tmp_path / "stanch.sqlite")), Clock()) as opened:
        before = opened.state()
        yield opened
        assert opened.state() == before
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def without(sent: JsonObject, *path: str) -> JsonObject:
    first, *rest = path
    if rest:
        return {**sent, first: without(sent[first], *rest)}
    return {key: value for key, value in sent.items() if key != first}


def interaction(sent: JsonObject) -> bytes:
    return urlencode({"payload": json.dumps(sent)}).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[1]", b"\xff\xfe", b"payload=", b"payload=[]", b"payload=%FF", b"{" * 100_000, b"a=1"],
    ids=lambda body: repr(body[:12]),
)
async def test_a_signed_body_that_is_no_request_is_a_bad_one_and_no_error(on: Edge, body: bytes) -> None:
    response = await on.post(body, JSON)
    assert (response.status_code, response.json()["error"]) == (400, "bad_request")


@pytest.mark.parametrize("missing", ["user_id", "channel_id", "trigger_id"])
async def test_a_command_that_lacks_what_commands_have_is_answered(on: Edge, missing: str) -> None:
    response = await on.post(urlencode(without(COMMAND, missing)).encode(), FORM)
    assert response.json()["response_type"] == "ephemeral"
    assert "nothing was done" in response.json()["text"]
    acknowledged = await on.deliver(Kind.COMMAND, without(COMMAND, missing))
    assert acknowledged is not None
    assert "nothing was done" in acknowledged["text"]


@pytest.mark.parametrize("text", ["declare \x00", "declare " + "x" * 200_000], ids=["a NUL", "too long"])
async def test_words_that_cannot_be_kept_are_not_taken(on: Edge, text: str) -> None:
    response = await on.post(urlencode(COMMAND | {"text": text}).encode(), FORM)
    assert "nothing was done" in response.json()["text"]


@pytest.mark.parametrize("missing", [("user",), ("user", "id"), ("trigger_id",), ("actions",)])
async def test_a_press_that_lacks_what_presses_have_is_refused(on: Edge, missing: tuple[str, ...]) -> None:
    assert (await on.post(interaction(without(PRESS, *missing)), FORM)).status_code == 400
    await on.deliver(Kind.INTERACTION, without(PRESS, *missing), refused=True)


@pytest.mark.parametrize("missing", ["id", "hash", "callback_id", "title", "blocks", "state", "type"])
async def test_a_form_that_lacks_what_forms_have_says_that_nothing_was_done(on: Edge, missing: str) -> None:
    response = await on.post(interaction(without(SUBMISSION, "view", missing)), FORM)
    assert response.json()["response_action"] == "update"
    assert "nothing was done" in json.dumps(response.json()["view"])


async def test_a_form_that_we_would_not_build_is_shown_again_as_it_came(on: Edge) -> None:
    odd = {"blocks": [{"type": "section", "block_id": "b0"}], "title": {"type": "plain_text", "text": "x" * 100}}
    response = await on.post(interaction({**SUBMISSION, "view": {**SUBMISSION["view"], **odd}}), FORM)
    problem, *shown = response.json()["view"]["blocks"]
    assert "Stanch cannot read" in problem["text"]["text"]
    assert shown == odd["blocks"]


async def test_a_form_of_another_year_says_that_nothing_answers_to_it(on: Edge) -> None:
    sent = {**SUBMISSION, "view": {**SUBMISSION["view"], "callback_id": "of.another.year"}}
    response = await on.post(interaction(sent), FORM)
    assert response.json()["response_action"] == "update"
    assert "Nothing answers to this form any more" in json.dumps(response.json()["view"])


async def test_a_command_of_another_name_is_told_the_right_one(on: Edge) -> None:
    response = await on.post(urlencode(COMMAND | {"command": "/incidents"}).encode(), FORM)
    assert "Stanch answers to `/incident` here" in response.json()["text"]


@pytest.mark.parametrize("kind", ["shortcut", "message_action"])
async def test_a_shortcut_is_answered_in_a_modal(on: Edge, kind: str) -> None:
    sent = {"type": kind, "user": {"id": "U0COMMANDER"}, "callback_id": "x", "trigger_id": "1.2.c"}
    assert (await on.post(interaction(sent), FORM)).status_code == 200
    assert [told["method"] for told in on.slack.told] == ["views.open"]


async def test_a_modal_that_is_closed_is_acknowledged(on: Edge) -> None:
    sent = {"type": "view_closed", "user": {"id": "U0COMMANDER"}, "view": {"callback_id": "x"}}
    assert (await on.post(interaction(sent), FORM)).status_code == 200


async def test_an_event_without_an_id_is_refused(on: Edge) -> None:
    body = json.dumps({"type": "event_callback", "event": {"type": "message"}}).encode()
    assert (await on.post(body, JSON)).status_code == 400


async def test_slacks_check_of_the_certificate_is_answered(on: Edge) -> None:
    assert (await on.post(b"ssl_check=1&token=x", FORM)).status_code == 200


async def test_a_press_that_takes_longer_than_slack_waits_is_not_told_that_nothing_answers_to_it(on: Edge) -> None:
    # Bolt waits for three seconds, and so must this test.
    pressed = asyncio.ensure_future(on.deliver(Kind.INTERACTION, PRESS | {"response_url": on.slack.answers}))
    with closing(sqlite3.connect(on.file, isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        await asyncio.wait([pressed], timeout=3.2)
        somebody_else.execute("ROLLBACK")
    await eventually(lambda: bool(on.slack.told))
    pressed.cancel()
    assert ["cannot read" in told["text"] for told in on.slack.told] == [True]
