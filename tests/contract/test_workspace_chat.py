"""The Web API's messages, through slack_sdk: what is posted, refused, limited and read back."""

from collections.abc import Awaitable
from datetime import timedelta

import pytest
from slack_sdk.errors import SlackApiError

from bot.workspace.client import Person
from bot.workspace.limits import Limits
from tests.contract.workspace_fixtures import NO_RATE, RunningWorkspace, actions, button, run_workspace, section

ALERTS = "C0AIALERTS"


async def refusal(awaitable: Awaitable[object]) -> SlackApiError:
    with pytest.raises(SlackApiError) as caught:
        await awaitable
    return caught.value


async def test_auth_test_names_the_bot_user_and_its_team(slack: RunningWorkspace) -> None:
    answer = await slack.web.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0STANCH", "B0STANCH", "T0LOCAL")


@pytest.mark.parametrize(
    ("token", "error"), [("", "not_authed"), ("xoxb-wrong", "invalid_auth"), ("xapp-local", "not_allowed_token_type")]
)
async def test_a_wrong_token_is_refused_with_slacks_name(slack: RunningWorkspace, token: str, error: str) -> None:
    answer = await slack.http.post("/api/chat.postMessage", data={"token": token})
    assert answer.json()["error"] == error


async def test_an_unknown_method_is_refused(slack: RunningWorkspace) -> None:
    caught = await refusal(slack.web.api_call("chat.shout"))
    assert caught.response["error"] == "unknown_method"


async def test_a_missing_scope_names_what_is_needed_and_what_is_provided() -> None:
    async with run_workspace() as full:
        app = full.workspace.seed.app.model_copy(update={"scopes": ("users:read",)})
        seed = full.workspace.seed.model_copy(update={"app": app})
    async with run_workspace(seed=seed) as poor:
        caught = await refusal(poor.web.chat_postMessage(channel=ALERTS, text="hello"))
    assert caught.response["error"] == "missing_scope"
    assert (caught.response["needed"], caught.response["provided"]) == ("chat:write", "users:read")


async def test_a_message_is_read_back_as_it_was_posted(slack: RunningWorkspace) -> None:
    blocks = [section("*hello*"), actions(button("Plan", "plan", value="7"))]
    posted = await slack.web.chat_postMessage(channel="ai-alerts", text="hello", blocks=blocks)
    history = await slack.web.conversations_history(channel=ALERTS)
    (message,) = history["messages"]
    assert message["ts"] == posted["ts"]
    assert message["bot_id"] == "B0STANCH"
    assert message["blocks"][1]["elements"][0]["value"] == "7"
    assert message["blocks"][0]["block_id"], "Slack fills in ids that were not given"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a & b", "a &amp; b"),
        ("a &amp; b", "a &amp; b"),
        ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
        ("<script>", "&lt;script&gt;"),
        ("<@U0OWNER> <https://example.com|x> <!channel>", "<@U0OWNER> <https://example.com|x> <!channel>"),
    ],
)
async def test_text_is_stored_with_slacks_escapes(slack: RunningWorkspace, sent: str, stored: str) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text=sent)
    assert posted["message"]["text"] == stored


async def test_metadata_is_returned_only_when_asked_for(slack: RunningWorkspace) -> None:
    metadata = {"event_type": "card", "event_payload": {"incident": 12}}
    await slack.web.chat_postMessage(channel=ALERTS, text="card", metadata=metadata)
    silent = await slack.web.conversations_history(channel=ALERTS)
    full = await slack.web.conversations_history(channel=ALERTS, include_all_metadata=True)
    assert "metadata" not in silent["messages"][0]
    assert full["messages"][0]["metadata"] == metadata


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": ALERTS, "text": ""}, "no_text"),
        ({"channel": ALERTS, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": ALERTS, "text": "x", "blocks": "not json"}, "invalid_blocks_format"),
        ({"channel": ALERTS, "text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
    ],
)
async def test_a_message_that_slack_refuses_is_refused_by_name(
    slack: RunningWorkspace, arguments: dict[str, str], error: str
) -> None:
    caught = await refusal(slack.web.api_call("chat.postMessage", json=arguments))
    assert caught.response["error"] == error


async def test_forty_thousand_characters_are_accepted(slack: RunningWorkspace) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text="x" * 40_000)
    assert len(posted["message"]["text"]) == 40_000


async def test_new_text_without_blocks_takes_the_blocks_away(slack: RunningWorkspace) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text="one", blocks=[section("one")])
    updated = await slack.web.chat_update(channel=ALERTS, ts=posted["ts"], text="two")
    assert updated["message"]["text"] == "two"
    assert "blocks" not in updated["message"]
    assert updated["message"]["edited"]["user"] == "U0STANCH"


async def test_only_its_own_message_can_be_changed_or_deleted(slack: RunningWorkspace, commander: Person) -> None:
    ts = await commander.say("ai-alerts", "mine")
    changed = await refusal(slack.web.chat_update(channel=ALERTS, ts=ts, text="yours"))
    deleted = await refusal(slack.web.chat_delete(channel=ALERTS, ts=ts))
    gone = await refusal(slack.web.chat_update(channel=ALERTS, ts="1.000001", text="x"))
    assert changed.response["error"] == "cant_update_message"
    assert deleted.response["error"] == "cant_delete_message"
    assert gone.response["error"] == "message_not_found"


async def test_a_deleted_message_is_gone_for_everybody(slack: RunningWorkspace, commander: Person) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text="soon gone")
    await slack.web.chat_delete(channel=ALERTS, ts=posted["ts"])
    assert (await slack.web.conversations_history(channel=ALERTS))["messages"] == []
    assert await commander.messages("ai-alerts") == []


async def test_an_ephemeral_message_is_seen_by_its_person_only(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    await slack.web.chat_postEphemeral(channel=ALERTS, user="U0COMMANDER", text="psst")
    seen = await commander.messages("ai-alerts")
    assert [(one["text"], one["ephemeral"]) for one in seen] == [("psst", True)]
    assert await responder.messages("ai-alerts") == []
    assert (await slack.web.conversations_history(channel=ALERTS))["messages"] == []


async def test_replies_stay_out_of_the_history_unless_broadcast(slack: RunningWorkspace) -> None:
    parent = await slack.web.chat_postMessage(channel=ALERTS, text="parent")
    await slack.web.chat_postMessage(channel=ALERTS, text="quiet", thread_ts=parent["ts"])
    await slack.web.chat_postMessage(channel=ALERTS, text="loud", thread_ts=parent["ts"], reply_broadcast=True)
    history = await slack.web.conversations_history(channel=ALERTS)
    replies = await slack.web.conversations_replies(channel=ALERTS, ts=parent["ts"])
    assert [one["text"] for one in history["messages"]] == ["loud", "parent"]
    assert history["messages"][1]["reply_count"] == 2
    assert [one["text"] for one in replies["messages"]] == ["parent", "quiet", "loud"]


async def test_a_permalink_leads_to_the_message(slack: RunningWorkspace) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text="here")
    link = await slack.web.chat_getPermalink(channel=ALERTS, message_ts=posted["ts"])
    page = await slack.http.get(link["permalink"], follow_redirects=True)
    assert page.status_code == 200
    assert f"p{posted['ts'].replace('.', '')}" in page.text


async def test_the_sixth_message_of_a_burst_is_limited_until_a_second_has_passed() -> None:
    async with run_workspace(limits=Limits()) as slack:
        for number in range(5):
            await slack.web.chat_postMessage(channel=ALERTS, text=str(number))
        caught = await refusal(slack.web.chat_postMessage(channel=ALERTS, text="too fast"))
        assert caught.response.status_code == 429
        assert caught.response["error"] == "ratelimited"
        assert caught.response.headers["Retry-After"] == "1"
        await slack.web.chat_postMessage(channel="general", text="another channel has its own allowance")
        slack.clock.advance(timedelta(seconds=1))
        await slack.web.chat_postMessage(channel=ALERTS, text="now")


async def test_the_rate_limit_can_be_switched_off() -> None:
    async with run_workspace(limits=NO_RATE) as slack:
        for number in range(20):
            await slack.web.chat_postMessage(channel=ALERTS, text=str(number))


async def test_every_request_is_recorded_without_its_token(slack: RunningWorkspace) -> None:
    await slack.web.chat_postMessage(channel=ALERTS, text="one")
    await refusal(slack.web.chat_postMessage(channel="C0NOWHERE", text="two"))
    recorded = (await slack.http.get("/_workspace/requests", params={"method": "chat.postMessage"})).json()["requests"]
    assert [(one["arguments"]["text"], one["response"]["ok"]) for one in recorded] == [("one", True), ("two", False)]
    assert "xoxb" not in str(recorded)
    later = await slack.http.get("/_workspace/requests", params={"after": recorded[0]["number"]})
    assert [one["arguments"]["text"] for one in later.json()["requests"]] == ["two"]
