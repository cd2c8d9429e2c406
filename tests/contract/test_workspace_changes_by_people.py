"""A person changes what they wrote, or takes it back: what the app hears of it, and what nobody may do."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from bot.workspace.client import Person, RejectedError
from tests.contract.workspace_fixtures import RunningWorkspace, eventually

Json = dict[str, Any]
ALERTS = "C0AIALERTS"


def hearing(app: AsyncApp) -> list[Json]:
    """Return where the events about messages will be."""
    heard: list[Json] = []

    @app.event("message")
    async def listener(event: Json) -> None:
        heard.append(event)

    return heard


async def only(person: Person) -> Json:
    (message,) = await person.messages("ai-alerts")
    return message


async def test_a_changed_message_is_told_with_what_it_said_before(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        heard = hearing(app)
        ts = await commander.say("ai-alerts", "the leak is in v42")
        await eventually(lambda: len(heard) == 1)
        await commander.edit(await only(commander), "the leak is in *v41*, @owner")
        await eventually(lambda: len(heard) == 2)
    changed = heard[1]
    assert (changed["subtype"], changed["channel"], changed["channel_type"]) == ("message_changed", ALERTS, "channel")
    assert changed["previous_message"]["text"] == "the leak is in v42"
    assert changed["message"]["text"] == "the leak is in *v41*, <@U0OWNER>"
    assert (changed["message"]["ts"], changed["message"]["user"]) == (ts, "U0COMMANDER")
    assert changed["message"]["edited"]["user"] == "U0COMMANDER"
    shown = await only(commander)
    assert shown["visible"] == "the leak is in v41, @owner"
    page = await slack.http.get(f"/client/responder/{ALERTS}")
    assert "(edited)" in page.text


async def test_a_deleted_message_is_told_with_what_it_said(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        heard = hearing(app)
        ts = await commander.say("ai-alerts", "posted by mistake")
        await commander.delete(await only(commander))
        await eventually(lambda: len(heard) == 2)
    gone = heard[1]
    assert (gone["subtype"], gone["deleted_ts"], gone["hidden"]) == ("message_deleted", ts, True)
    assert gone["previous_message"]["text"] == "posted by mistake"
    assert await commander.messages("ai-alerts") == []


async def test_nobody_changes_or_deletes_what_somebody_else_wrote(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    await commander.say("ai-alerts", "mine")
    theirs = await only(commander)
    with pytest.raises(RejectedError, match="cant_update_message"):
        await responder.edit(theirs, "yours")
    with pytest.raises(RejectedError, match="cant_delete_message"):
        await responder.delete(theirs)
    assert (await only(commander))["visible"] == "mine"
    await slack.web.conversations_setTopic(channel=ALERTS, topic="x")
    page = await slack.http.get(f"/client/responder/{ALERTS}")
    assert "data-edit" not in page.text


@pytest.mark.parametrize(("text", "error"), [("  ", "no_text"), ("x" * 40_001, "msg_too_long")])
async def test_a_change_obeys_the_limits_of_a_message(commander: Person, text: str, error: str) -> None:
    await commander.say("ai-alerts", "before")
    with pytest.raises(RejectedError, match=error):
        await commander.edit(await only(commander), text)
    with pytest.raises(RejectedError, match=error):
        await commander.say("ai-alerts", text)
    assert (await only(commander))["visible"] == "before"


async def test_an_archived_channel_stays_as_it_is(slack: RunningWorkspace, commander: Person) -> None:
    await commander.say("ai-alerts", "before")
    message = await only(commander)
    await slack.web.conversations_archive(channel=ALERTS)
    with pytest.raises(RejectedError, match="is_archived"):
        await commander.edit(message, "after")
    with pytest.raises(RejectedError, match="is_archived"):
        await commander.delete(message)


@pytest.mark.parametrize(
    "typed",
    [
        "*bold* for @owner and @incident-leads in #general, @here: https://example.com/a?b=1&c=2",
        "<script> & <@U0OWNER> &amp;",
        "שלום 🔥🔥🔥 \u200b",
    ],
)
async def test_what_is_offered_for_a_change_is_what_was_typed(
    slack: RunningWorkspace, commander: Person, typed: str
) -> None:
    await commander.say("ai-alerts", typed)
    stored = (await only(commander))["text"]
    page = await slack.http.get(f"/client/commander/{ALERTS}")
    shown = page.text.split('data-edit="')[1].split('"')[0]
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert shown == escaped
    await commander.edit(await only(commander), typed)
    assert (await only(commander))["text"] == stored
