"""Modals and the Home tab: triggers, stacks, hashes, submissions, complaints."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError

from bot.workspace.client import Person, RejectedError
from bot.workspace.labels import LabelError
from tests.contract.workspace_fixtures import (
    QUICK,
    RunningWorkspace,
    actions,
    button,
    eventually,
    field,
    modal,
    options,
    plain,
    run_workspace,
    section,
)

Json = dict[str, Any]
TEXT = {"type": "plain_text_input"}


async def error_of(awaitable: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await awaitable
    return str(caught.value.response["error"])


def opening(app: AsyncApp, view: Json) -> list[str]:
    """Let `/incident` open a view; return where the trigger ids will be."""
    triggers: list[str] = []

    @app.command("/incident")
    async def listener(ack: AsyncAck, command: Json) -> None:
        await ack()
        triggers.append(command["trigger_id"])
        await app.client.views_open(trigger_id=command["trigger_id"], view=view)

    return triggers


def answering(app: AsyncApp, **answer: Any) -> list[Json]:
    """Let submissions be answered so; return where the views will be."""
    views: list[Json] = []

    @app.view("declare")
    async def listener(ack: AsyncAck, view: Json) -> None:
        views.append(view)
        await ack(**answer)

    return views


async def test_a_trigger_is_good_once(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        triggers = opening(app, modal(section("hello")))
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view(containing="hello")
        again = slack.web.views_open(trigger_id=triggers[0], view=modal(section("again")))
        assert await error_of(again) == "exchanged_trigger_id"


async def test_a_trigger_expires_after_three_seconds(slack: RunningWorkspace) -> None:
    on_time = slack.workspace.triggers.issue("U0COMMANDER")
    late = slack.workspace.triggers.issue("U0COMMANDER")
    slack.clock.advance(timedelta(seconds=3))
    await slack.web.views_open(trigger_id=on_time, view=modal(section("just in time")))
    slack.clock.advance(timedelta(milliseconds=1))
    assert await error_of(slack.web.views_open(trigger_id=late, view=modal(section("x")))) == "expired_trigger_id"
    assert await error_of(slack.web.views_open(trigger_id="1.2.x", view=modal(section("x")))) == "invalid_trigger_id"


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        (modal(section("x"), title="x" * 25), "/view/title/text"),
        (modal(section("x"), private_metadata="x" * 3_001), "/view/private_metadata"),
        (modal(section("x"), callback_id="x" * 256), "/view/callback_id"),
        (modal(field("Name", TEXT, "name"), submit=None), "/view/submit"),
        (modal(*([{"type": "divider"}] * 101)), "/view/blocks"),
        (modal(section("x"), close=plain("x" * 25)), "/view/close/text"),
        (modal(section("x"), type="popup"), "/view/type"),
    ],
)
async def test_a_view_beyond_a_limit_is_refused_with_its_place(
    slack: RunningWorkspace, view: Json, pointer: str
) -> None:
    trigger = slack.workspace.triggers.issue("U0COMMANDER")
    with pytest.raises(SlackApiError) as caught:
        await slack.web.views_open(trigger_id=trigger, view=view)
    assert caught.value.response["error"] == "invalid_arguments"
    assert any(pointer in one for one in caught.value.response["response_metadata"]["messages"])


async def test_what_was_filled_in_reaches_the_app_as_state(slack: RunningWorkspace, commander: Person) -> None:
    view = modal(
        field("Name", TEXT, "name"),
        field("Severity", {"type": "static_select", "options": options("Sev-1", "Sev-2")}, "severity"),
        field("Harm", {"type": "checkboxes", "options": options("Privacy", "Safety")}, "harm"),
        field("Lead", {"type": "users_select"}, "lead"),
        field("Room", {"type": "conversations_select"}, "room", optional=True),
        field("Note", TEXT | {"initial_value": "none yet"}, "note"),
    )
    async with slack.bolt() as app:
        opening(app, view)
        views = answering(app)
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view(containing="Severity")
        entries: dict[str, str | list[str]] = {
            "Name": "Leak",
            "Severity": "Sev-2",
            "Harm": ["Safety"],
            "Lead": "@responder",
            "Room": "#general",
        }
        await commander.fill(entries, submit=True)
        assert await commander.view() is None
    values = views[0]["state"]["values"]
    assert values["name"]["value"] == {"type": "plain_text_input", "value": "Leak"}
    assert values["severity"]["value"]["selected_option"]["value"] == "sev-2"
    assert [one["value"] for one in values["harm"]["value"]["selected_options"]] == ["safety"]
    assert values["lead"]["value"]["selected_user"] == "U0RESPONDER"
    assert values["room"]["value"]["selected_conversation"] == "C0GENERAL"
    assert values["note"]["value"]["value"] == "none yet"


async def test_an_empty_required_input_is_not_sent(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        opening(app, modal(field("Name", TEXT | {"min_length": 3}, "name")))
        views = answering(app)
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view()
        with pytest.raises(RejectedError, match="complete this required field"):
            await commander.submit()
        with pytest.raises(RejectedError, match="too short"):
            await commander.fill({"Name": "ab"}, submit=True)
        assert views == []


async def test_the_apps_complaints_are_shown_beside_their_inputs(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        opening(app, modal(field("Name", TEXT, "name")))
        answering(app, response_action="errors", errors={"name": "Say more"})
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view()
        with pytest.raises(RejectedError) as caught:
            await commander.fill({"Name": "Leak"}, submit=True)
        assert caught.value.outcome["errors"] == {"name": "Say more"}
        assert await commander.view() is not None


async def test_complaints_about_unknown_inputs_are_trouble(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        opening(app, modal(field("Name", TEXT, "name")))
        answering(app, response_action="errors", errors={"other": "Say more"})
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view()
        with pytest.raises(RejectedError, match="trouble"):
            await commander.fill({"Name": "Leak"}, submit=True)


async def test_a_submission_can_update_push_and_clear(slack: RunningWorkspace, commander: Person) -> None:
    steps: list[Json] = [
        {"response_action": "update", "view": modal(section("second"), title="Two")},
        {"response_action": "push", "view": modal(section("third"), title="Three")},
        {"response_action": "clear"},
    ]
    async with slack.bolt() as app:
        opening(app, modal(section("first")))

        @app.view("declare")
        async def listener(ack: AsyncAck) -> None:
            await ack(**steps.pop(0))

        await commander.command("ai-alerts", "/incident")
        first = await commander.wait_for_view(containing="first")
        await commander.submit()
        second = await commander.wait_for_view(containing="second")
        await commander.submit()
        third = await commander.wait_for_view(containing="third")
        assert (second["id"], third["root_view_id"], third["previous_view_id"]) == (first["id"],) * 3
        await commander.submit()
        assert await commander.view() is None


async def test_a_closed_view_is_reported_if_the_app_asked(slack: RunningWorkspace, commander: Person) -> None:
    closed: list[Json] = []
    async with slack.bolt() as app:
        opening(app, modal(section("first"), notify_on_close=True))

        @app.view_closed("declare")
        async def listener(ack: AsyncAck, body: Json) -> None:
            await ack()
            closed.append(body)

        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view()
        await commander.close()
        assert await commander.view() is None
    assert [(one["is_cleared"], one["user"]["id"]) for one in closed] == [(False, "U0COMMANDER")]


async def test_a_stale_hash_is_a_conflict(slack: RunningWorkspace) -> None:
    trigger = slack.workspace.triggers.issue("U0COMMANDER")
    opened = (await slack.web.views_open(trigger_id=trigger, view=modal(section("one"))))["view"]
    await slack.web.views_update(view_id=opened["id"], hash=opened["hash"], view=modal(section("two")))
    stale = slack.web.views_update(view_id=opened["id"], hash=opened["hash"], view=modal(section("three")))
    assert await error_of(stale) == "hash_conflict"
    assert await error_of(slack.web.views_update(view_id="V0NONE", view=modal(section("x")))) == "not_found"


async def test_views_stack_three_deep_and_no_deeper(slack: RunningWorkspace, commander: Person) -> None:
    issue = slack.workspace.triggers.issue
    await slack.web.views_open(trigger_id=issue("U0COMMANDER"), view=modal(section("one")))
    await slack.web.views_push(trigger_id=issue("U0COMMANDER"), view=modal(section("two")))
    await slack.web.views_push(trigger_id=issue("U0COMMANDER"), view=modal(section("three")))
    fourth = slack.web.views_push(trigger_id=issue("U0COMMANDER"), view=modal(section("four")))
    assert await error_of(fourth) == "push_limit_reached"
    await commander.close()
    assert "two" in (await commander.wait_for_view())["visible"]
    await commander.close(clear=True)
    assert await commander.view() is None


async def test_an_update_keeps_what_was_entered_in_the_same_element(slack: RunningWorkspace, commander: Person) -> None:
    chooser = field("Kind", {"type": "static_select", "options": options("A", "B")}, "kind", dispatch_action=True)
    async with slack.bolt() as app:
        opening(app, modal(field("Name", TEXT, "name"), chooser))

        @app.action("value")
        async def listener(ack: AsyncAck, body: Json) -> None:
            await ack()
            more = modal(field("Name", TEXT, "name"), chooser, field("Why B", TEXT, "why"))
            await app.client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=more)

        views = answering(app)
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view(containing="Kind")
        await commander.fill({"Name": "Leak", "Kind": "B"})
        await commander.wait_for_view(containing="Why B")
        await commander.fill({"Why B": "because"}, submit=True)
    values = views[0]["state"]["values"]
    assert [values[block]["value"].get("value") for block in ("name", "why")] == ["Leak", "because"]
    assert values["kind"]["value"]["selected_option"]["value"] == "b"


async def test_an_external_select_asks_the_app_for_its_options(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        opening(app, modal(field("System", {"type": "external_select", "min_query_length": 1}, "system")))

        @app.options("value")
        async def listener(ack: AsyncAck, payload: Json) -> None:
            await ack(options=[one for one in options("Support", "Search") if payload["value"] in one["text"]["text"]])

        views = answering(app)
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view()
        with pytest.raises(LabelError):
            await commander.fill({"System": "Billing"})
        await commander.fill({"System": "Support"}, submit=True)
    assert views[0]["state"]["values"]["system"]["value"]["selected_option"]["value"] == "support"


async def test_what_was_found_by_an_earlier_search_can_still_be_chosen(
    slack: RunningWorkspace, commander: Person
) -> None:
    elements = {"systems": {"type": "multi_external_select"}, "owners": {"type": "multi_external_select"}}
    async with slack.bolt() as app:
        opening(app, modal(*(field(name, element, name) for name, element in elements.items())))

        @app.options("value")
        async def listener(ack: AsyncAck, payload: Json) -> None:
            await ack(options=options(payload["value"]))

        views = answering(app)
        await commander.command("ai-alerts", "/incident")
        await commander.wait_for_view()
        await commander.fill({"systems": ["Support", "Search"], "owners": ["Red team"]}, submit=True)
    values = views[0]["state"]["values"]
    assert [one["value"] for one in values["systems"]["value"]["selected_options"]] == ["support", "search"]
    assert [one["value"] for one in values["owners"]["value"]["selected_options"]] == ["red team"]


async def test_silence_after_a_submission_leaves_the_view_open() -> None:
    async with run_workspace(limits=QUICK) as slack, slack.socket(), slack.person("commander") as commander:
        trigger = slack.workspace.triggers.issue("U0COMMANDER")
        await slack.web.views_open(trigger_id=trigger, view=modal(section("hello")))
        with pytest.raises(RejectedError, match="trouble connecting"):
            await commander.submit()
        assert await commander.view() is not None


async def test_the_home_tab_is_filled_when_somebody_opens_it(slack: RunningWorkspace, commander: Person) -> None:
    home = {"type": "home", "blocks": [section("*Open incidents*"), actions(button("Refresh", "refresh"))]}
    pressed: list[Json] = []
    async with slack.bolt() as app:

        @app.event("app_home_opened")
        async def opened(event: Json) -> None:
            await app.client.views_publish(user_id=event["user"], view=home)

        @app.action("refresh")
        async def refresh(ack: AsyncAck, body: Json) -> None:
            await ack()
            pressed.append(body)

        await commander.open_home()
        view = await commander.wait_for_home(containing="Open incidents")
        await commander.press("Refresh", home=True)
        await eventually(lambda: bool(pressed))
    assert pressed[0]["container"] == {"type": "view", "view_id": view["id"]}
    assert await error_of(slack.web.views_publish(user_id="U0NOBODY", view=home)) == "user_not_found"
