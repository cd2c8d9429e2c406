"""What people do reaches the app, and what the app answers reaches people: commands, clicks, shortcuts, mentions."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.workspace.client import Person, RejectedError
from bot.workspace.labels import LabelError
from bot.workspace.seed import DEFAULT_SEED, Shortcut
from tests.contract.workspace_fixtures import (
    QUICK,
    RunningWorkspace,
    actions,
    button,
    eventually,
    options,
    plain,
    run_workspace,
    section,
)

Json = dict[str, Any]
ALERTS = "C0AIALERTS"


def pressing(app: AsyncApp, *action_ids: str) -> list[Json]:
    """Acknowledge clicks; return where their payloads will be."""
    bodies: list[Json] = []

    for action_id in action_ids:

        @app.action(action_id)
        async def listener(ack: AsyncAck, body: Json) -> None:
            await ack()
            bodies.append(body)

    return bodies


async def test_a_commands_answer_is_shown_to_its_typist_only(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    commands: list[Json] = []
    async with slack.bolt() as app:

        @app.command("/incident")
        async def listener(ack: AsyncAck, command: Json) -> None:
            commands.append(command)
            await ack(text="*Two* incidents")

        await commander.command("ai-alerts", "/incident list  open ")
        message = await commander.wait_for_message("ai-alerts", containing="Two incidents")
    assert message["ephemeral"]
    assert await responder.messages("ai-alerts") == []
    assert (commands[0]["command"], commands[0]["text"]) == ("/incident", "list  open")
    assert (commands[0]["user_id"], commands[0]["channel_name"]) == ("U0COMMANDER", "ai-alerts")


async def test_a_commands_answer_in_channel_is_seen_by_all(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    async with slack.bolt() as app:

        @app.command("/incident")
        async def listener(ack: AsyncAck) -> None:
            await ack(text="declared", response_type="in_channel")

        await commander.command("ai-alerts", "/incident")
        await responder.wait_for_message("ai-alerts", containing="declared")


async def test_a_command_that_is_not_acknowledged_times_out_before_its_typist() -> None:
    async with run_workspace(limits=QUICK) as slack, slack.socket(), slack.person("commander") as commander:
        with pytest.raises(RejectedError, match="operation_timeout"):
            await commander.command("ai-alerts", "/incident list")
        await commander.wait_for_message("ai-alerts", containing='failed with the error "operation_timeout"')


async def test_a_command_without_a_connected_app_fails_at_once(commander: Person) -> None:
    with pytest.raises(RejectedError, match="dispatch_failed"):
        await commander.command("ai-alerts", "/incident list")


async def test_an_unknown_command_is_refused_as_slack_does(commander: Person) -> None:
    with pytest.raises(RejectedError, match="not a valid command"):
        await commander.command("ai-alerts", "/shrugg")


async def test_an_invalid_answer_is_told_to_the_typist(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:

        @app.command("/incident")
        async def listener(ack: AsyncAck) -> None:
            await ack(text="x", blocks=[{"type": "marquee"}])

        with pytest.raises(RejectedError, match="invalid_command_response"):
            await commander.command("ai-alerts", "/incident")


async def test_a_press_carries_message_state_and_action(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        bodies = pressing(app, "plan", "severity")
        blocks = [
            section("Roll the prompt back"),
            actions(
                button("Plan", "plan", value="12"),
                {
                    "type": "static_select",
                    "action_id": "severity",
                    "placeholder": plain("Severity"),
                    "options": options("One"),
                },
            ),
        ]
        await slack.web.chat_postMessage(channel=ALERTS, text="card", blocks=blocks)
        await commander.choose("Severity", "One", channel="ai-alerts")
        await commander.press("Plan", channel="ai-alerts", containing="Roll the prompt back")
    chosen, pressed = bodies
    assert chosen["actions"][0]["selected_option"]["value"] == "one"
    assert (pressed["actions"][0]["value"], pressed["channel"]["id"]) == ("12", ALERTS)
    assert pressed["message"]["text"] == "card"
    assert pressed["state"]["values"]["buttons"]["severity"]["selected_option"]["value"] == "one"


async def test_the_button_beside_the_text_is_pressed(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.bolt() as app:
        bodies = pressing(app, "plan")
        blocks = [
            section("Roll the prompt back"),
            actions(button("Plan", "plan", value="prompt"), block_id="one"),
            section("Pause the assistant"),
            actions(button("Plan", "plan", value="pause"), block_id="two"),
            section("Block the tool") | {"accessory": button("Plan", "plan", value="tool")},
        ]
        await slack.web.chat_postMessage(channel=ALERTS, text="card", blocks=blocks)
        for text in ("Pause the assistant", "Block the tool", "Roll the prompt back"):
            await commander.press("Plan", channel="ai-alerts", containing=text)
        with pytest.raises(LabelError, match="3 things are labelled 'Plan'"):
            await commander.press("Plan", channel="ai-alerts")
        with pytest.raises(LabelError, match=r"nothing is labelled 'Undo'; there is \['Plan'\]"):
            await commander.press("Undo", channel="ai-alerts")
    assert [one["actions"][0]["value"] for one in bodies] == ["pause", "tool", "prompt"]


async def test_a_button_that_has_gone_cannot_be_pressed(slack: RunningWorkspace, commander: Person) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text="card", blocks=[actions(button("Plan", "plan"))])
    target = {"channel": ALERTS, "ts": posted["ts"], "block_id": "buttons", "action_id": "plan"}
    await slack.web.chat_update(channel=ALERTS, ts=posted["ts"], text="done", blocks=[section("done")])
    changed = await slack.http.post("/people/commander/press", json={"target": target})
    await slack.web.chat_delete(channel=ALERTS, ts=posted["ts"])
    gone = await slack.http.post("/people/commander/press", json={"target": target})
    assert (changed.json()["error"], gone.json()["error"]) == ("element_not_found", "message_not_found")


async def test_a_press_without_an_answer_is_a_warning() -> None:
    async with run_workspace(limits=QUICK) as slack, slack.socket(), slack.person("commander") as commander:
        await slack.web.chat_postMessage(channel=ALERTS, text="card", blocks=[actions(button("Plan", "plan"))])
        with pytest.raises(RejectedError, match="trouble connecting"):
            await commander.press("Plan", channel="ai-alerts")


async def test_an_ephemeral_message_is_replaced_and_deleted_through_its_response_url(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    async with slack.bolt() as app:

        @app.action("more")
        async def more(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
            await ack()
            assert "message" not in body, "Slack keeps ephemeral messages to itself"
            await respond(text="more", blocks=[actions(button("Less", "less"))], replace_original=True)

        @app.action("less")
        async def less(ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack()
            await respond(delete_original=True)

        blocks = [actions(button("More", "more"))]
        await slack.web.chat_postEphemeral(channel=ALERTS, user="U0COMMANDER", text="x", blocks=blocks)
        await commander.press("More", channel="ai-alerts")
        await commander.wait_for_message("ai-alerts", containing="Less")
        assert await responder.messages("ai-alerts") == []
        await commander.press("Less", channel="ai-alerts")

        async def empty() -> bool:
            return await commander.messages("ai-alerts") == []

        await eventually(empty)


async def test_a_response_url_is_good_five_times_in_thirty_minutes(slack: RunningWorkspace) -> None:
    issue = slack.workspace.response_urls.issue
    used, old = issue(ALERTS, "U0COMMANDER"), issue(ALERTS, "U0COMMANDER")

    async def answer(key: str) -> httpx.Response:
        return await slack.http.post(f"/response/{key}", json={"text": "hello"})

    assert [(await answer(used)).text for _ in range(5)] == ["ok"] * 5
    assert (await answer(used)).json()["error"] == "used_url"
    slack.clock.advance(timedelta(minutes=30, seconds=1))
    assert (await answer(old)).json()["error"] == "expired_url"
    assert (await answer("made-up")).status_code == 404


async def test_shortcuts_are_global_or_on_a_message() -> None:
    shortcuts = (
        Shortcut(type="global", callback_id="declare", name="Declare an incident"),
        Shortcut(type="message", callback_id="attach", name="Attach to an incident"),
    )
    app_seed = DEFAULT_SEED.app.model_copy(update={"shortcuts": shortcuts})
    seed = DEFAULT_SEED.model_copy(update={"app": app_seed})
    bodies: list[Json] = []
    async with run_workspace(seed=seed) as slack, slack.bolt() as app, slack.person("commander") as commander:

        @app.shortcut("declare")
        @app.shortcut("attach")
        async def listener(ack: AsyncAck, body: Json) -> None:
            await ack()
            bodies.append(body)

        await commander.say("ai-alerts", "it leaks")
        (message,) = await commander.messages("ai-alerts")
        await commander.shortcut("declare")
        await commander.shortcut("attach", message=message)
        with pytest.raises(RejectedError, match="shortcut_not_found"):
            await commander.shortcut("attach")
    assert [one["type"] for one in bodies] == ["shortcut", "message_action"]
    assert bodies[1]["message"]["text"] == "it leaks"


async def test_a_mention_reaches_the_app_once_as_message_and_once_as_mention(
    slack: RunningWorkspace, commander: Person
) -> None:
    events: list[Json] = []
    async with slack.bolt() as app:

        @app.event("app_mention")
        @app.event("message")
        async def listener(event: Json) -> None:
            events.append(event)

        await commander.say("ai-alerts", "@stanch help <b> <!channel>")
        await eventually(lambda: len(events) == 2)
    assert {one["type"] for one in events} == {"message", "app_mention"}
    assert {one["text"] for one in events} == {"<@U0STANCH> help &lt;b&gt; &lt;!channel&gt;"}


async def test_only_members_may_speak_and_press(slack: RunningWorkspace, commander: Person) -> None:
    await slack.web.conversations_create(name="inc-1")
    with pytest.raises(RejectedError, match="not_in_channel"):
        await commander.say("inc-1", "hello")
    await commander.join("inc-1")
    await commander.say("inc-1", "hello")


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/people/nobody/message", {"channel": "general", "text": "x"}, 404, "user_not_found"),
        ("/people/stanch/message", {"channel": "general", "text": "x"}, 404, "user_not_found"),
        ("/people/commander/message", {"channel": "nowhere", "text": "x"}, 400, "channel_not_found"),
        ("/people/commander/message", {"channel": "general", "text": "  "}, 400, "no_text"),
        ("/people/commander/message", {"channel": "general"}, 400, "invalid_request"),
        ("/people/commander/message", {"channel": "general", "text": "x", "as": "owner"}, 400, "invalid_request"),
        ("/people/commander/message", [1], 400, "json_not_object"),
        ("/people/commander/dismiss", {"channel": "general", "ts": "1.1"}, 404, "message_not_found"),
    ],
)
async def test_a_request_that_no_page_would_send_is_refused(
    slack: RunningWorkspace, path: str, body: object, status: int, error: str
) -> None:
    answer = await slack.http.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_the_page_is_told_that_something_changed(slack: RunningWorkspace) -> None:
    async with slack.http.stream("GET", "/people/commander/events", timeout=5) as feed:
        lines = feed.aiter_lines()
        assert await anext(lines) == ": listening"
        await slack.web.chat_postEphemeral(channel=ALERTS, user="U0RESPONDER", text="not for the commander")
        await slack.web.chat_postMessage(channel=ALERTS, text="for all")
        data = [line async for line in _until_data(lines)]
    assert '"channel": "C0AIALERTS"' in data[-1]
    assert '"user": null' in data[-1]


async def _until_data(lines: Any) -> Any:
    async for line in lines:
        yield line
        if line.startswith("data: "):
            return
