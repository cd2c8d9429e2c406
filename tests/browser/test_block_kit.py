"""Another app than Stanch: every input of Block Kit is filled in by its label, and what a person writes can be changed.

The app knows nothing of the workspace but its base URL; it is built on Slack's own SDKs.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Locator, expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.seed import DEFAULT_SEED
from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import OpenTab
from tests.browser.stage import Stage
from tests.browser.tab import Tab
from tests.contract.workspace_fixtures import actions, button, field, modal, options, plain, section

pytestmark = pytest.mark.browser

Json = dict[str, Any]
GENERAL = "C0GENERAL"
COLOURS = options("Red", "Green", "Blue")
AT = 1_795_000_020  # a whole minute, as the browser's field holds it

FORM = modal(
    field("Text", {"type": "plain_text_input"}, "text"),
    field("Long text", {"type": "plain_text_input", "multiline": True}, "long"),
    field("Number", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}, "number"),
    field("Address", {"type": "email_text_input"}, "mail"),
    field("Page", {"type": "url_text_input"}, "url"),
    field("Day", {"type": "datepicker"}, "day"),
    field("Hour", {"type": "timepicker", "initial_time": "13:05"}, "hour"),
    field("Instant", {"type": "datetimepicker", "initial_date_time": AT}, "instant"),
    field("Colour", {"type": "static_select", "options": COLOURS}, "colour"),
    field("Colours", {"type": "multi_static_select", "options": COLOURS, "initial_options": COLOURS[:1]}, "colours"),
    field("Found", {"type": "external_select", "min_query_length": 1}, "found"),
    field("Several found", {"type": "multi_external_select", "min_query_length": 1}, "several"),
    field("Person", {"type": "users_select"}, "person"),
    field("People", {"type": "multi_users_select"}, "people"),
    field("Channel", {"type": "channels_select"}, "channel"),
    field("Conversations", {"type": "multi_conversations_select"}, "conversations"),
    field("One of", {"type": "radio_buttons", "options": COLOURS}, "radio"),
    field("Some of", {"type": "checkboxes", "options": COLOURS}, "boxes"),
    title="Every input",
)


@asynccontextmanager
async def another_app(stage: Stage) -> AsyncIterator[tuple[AsyncWebClient, list[str], list[Json]]]:
    """Run an app that opens the form and offers what is searched for; yield the views' ids and what is submitted."""
    client = AsyncWebClient(token=DEFAULT_SEED.app.bot_token, base_url=f"{stage.workspace_url}/api/")
    app = AsyncApp(client=client)
    submitted: list[Json] = []
    views: list[str] = []

    @app.action("open")
    async def opened(ack: AsyncAck, body: Json) -> None:
        await ack()
        views.append((await client.views_open(trigger_id=body["trigger_id"], view=FORM))["view"]["id"])

    @app.options("value")
    async def offered(ack: AsyncAck, payload: Json) -> None:
        await ack(options=options(f"{payload['value']} one", f"{payload['value']} two"))

    @app.view("declare")
    async def taken(ack: AsyncAck, body: Json) -> None:
        values = {block: state["value"] for block, state in body["view"]["state"]["values"].items()}
        if values["text"]["value"] == "wrong":
            await ack(response_action="errors", errors={"text": "That cannot be right."})
            return
        submitted.append(values)
        second = modal(title="Second")
        second["blocks"] = [{"type": "section", "text": plain("On top of the first")}]
        del second["submit"]
        await ack(response_action="push", view=second)

    @app.event(re.compile(".*"))
    async def heard() -> None:
        """Take it: what is said here is no concern of this app."""

    handler = AsyncSocketModeHandler(app, DEFAULT_SEED.app.app_token)
    await handler.connect_async()
    try:
        yield client, views, submitted
    finally:
        await handler.close_async()


async def tick(form: Locator, label: str, *names: str) -> None:
    """Open a menu of several and tick what it offers."""
    face = form.locator("summary").filter(has_text=f"{label}: ")
    await face.click()
    menu = form.get_by_role("group", name=label, exact=True)
    for name in names:
        await menu.get_by_text(name, exact=True).click()
    await face.click()


async def search(form: Locator, label: str, words: str, option: str) -> None:
    """Type into a menu that asks the app, and take one of its answers."""
    await form.get_by_role("combobox", name=label, exact=True).fill(words)
    await form.get_by_role("option", name=option, exact=True).click()


async def fill_everything(form: Locator) -> None:
    for label, text in (
        ("Long text", "two\nlines"),
        ("Number", "7"),
        ("Address", "owner@example.com"),
        ("Page", "https://example.com/x"),
        ("Day", "2026-11-26"),
    ):
        await form.get_by_label(label, exact=True).fill(text)
    for label, option in (("Colour", "Green"), ("Person", "Owner (@owner)"), ("Channel", "#general")):
        await form.get_by_label(label, exact=True).select_option(label=option)
    await tick(form, "Colours", "Blue")
    await search(form, "Found", "leak", "leak two")
    await search(form, "Several found", "v4", "v4 one")
    await search(form, "Several found", "v5", "v5 two")
    await tick(form, "People", "Owner (@owner)", "Leader (@leader)")
    await tick(form, "Conversations", "#ai-alerts")
    await form.get_by_role("radio", name="Blue").check()
    await form.get_by_role("checkbox", name="Red").last.check()


def held(state: Json) -> Any:
    """Return what one input holds, options by their text."""
    (value,) = [value for name, value in state.items() if name != "type"]
    if isinstance(value, list):
        return [one["text"]["text"] if isinstance(one, dict) else one for one in value]
    return value["text"]["text"] if isinstance(value, dict) else value


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_every_input_is_filled_in_by_its_label(open_tab: OpenTab, stage: Stage, viewport: Any) -> None:
    async with another_app(stage) as (client, views, submitted):
        await client.chat_postMessage(channel=GENERAL, text="x", blocks=[actions(button("Open form", "open"))])
        tab: Tab = await open_tab(viewport)
        await tab.sign_in(stage.workspace_url)
        await tab.go_to("general")
        await tab.press("Open form", on=tab.message("Open form"))
        form, send = tab.dialog(), tab.dialog().get_by_role("button", name="Send")
        await send.click()
        await expect(form.get_by_text("Please complete this required field.").first).to_be_visible()
        assert await form.get_by_text("Please complete this required field.").count() == 15
        await fill_everything(form)
        changed = FORM | {"blocks": [section("Changed meanwhile"), *FORM["blocks"]]}
        await client.views_update(view_id=views[0], view=changed)
        await tab.sees("Changed meanwhile", within=form)
        await form.get_by_label("Text", exact=True).fill("wrong")
        await send.click()
        await expect(form.get_by_text("That cannot be right.")).to_be_visible()
        await form.get_by_label("Text", exact=True).fill("right")
        await send.click()
        await tab.sees("Second", "On top of the first", within=form)
        await form.get_by_role("button", name="Back").click()
        await tab.sees("Every input", within=form)
    (states,) = submitted
    assert {name: held(state) for name, state in states.items()} == {
        "text": "right",
        "long": "two\nlines",
        "number": "7",
        "mail": "owner@example.com",
        "url": "https://example.com/x",
        "day": "2026-11-26",
        "hour": "13:05",
        "instant": AT,
        "colour": "Green",
        "colours": ["Red", "Blue"],
        "found": "leak two",
        "several": ["v4 one", "v5 two"],
        "person": "U0OWNER",
        "people": ["U0OWNER", "U0LEADER"],
        "channel": GENERAL,
        "conversations": ["C0AIALERTS"],
        "radio": "Blue",
        "boxes": ["Red"],
    }


async def test_a_message_is_changed_reacted_to_and_taken_back(open_tab: OpenTab, stage: Stage) -> None:
    tab = await open_tab()
    await tab.sign_in(stage.workspace_url)
    await tab.go_to("general")
    await tab.type("the leak is in v42, @owner")
    message = tab.message("the leak is in")
    await message.hover()
    await message.get_by_label("More actions").click()
    await message.get_by_role("button", name="Edit message").click()
    text = tab.dialog().get_by_label("Text of the message")
    await expect(text).to_have_value("the leak is in v42, @owner")
    await text.fill("the leak is in v41, @owner")
    await tab.dialog().get_by_role("button", name="Save changes").click()
    await tab.sees("the leak is in v41", "(edited)", within=message)
    await message.hover()
    await message.get_by_role("button", name="Find another reaction").click()
    await tab.dialog().get_by_label("Find an emoji").fill("pushpin")
    await tab.page.keyboard.press("Enter")
    await expect(message.get_by_role("button", name="pushpin, 1")).to_be_visible()
    await message.hover()
    await message.get_by_label("More actions").click()
    await message.get_by_role("button", name="Delete message").click()
    await tab.dialog().get_by_role("button", name="Delete").click()
    await expect(message).to_have_count(0)
