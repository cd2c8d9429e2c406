"""The Web API's conversations, people, pins, bookmarks and reactions, through slack_sdk."""

from collections.abc import Awaitable

import pytest
from pydantic import ValidationError
from slack_sdk.errors import SlackApiError

from bot.workspace.client import Person
from bot.workspace.seed import DEFAULT_SEED, Account
from tests.contract.workspace_fixtures import RunningWorkspace, run_workspace

ALERTS = "C0AIALERTS"


async def error_of(awaitable: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await awaitable
    return str(caught.value.response["error"])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Inc-12", "invalid_name_specials"),
        ("inc 12", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
        ("general", "name_taken"),
    ],
)
async def test_a_bad_channel_name_is_refused_by_name(slack: RunningWorkspace, name: str, error: str) -> None:
    assert await error_of(slack.web.conversations_create(name=name)) == error


async def test_a_channel_lives_from_creation_to_archive(slack: RunningWorkspace, commander: Person) -> None:
    created = await slack.web.conversations_create(name="inc-12_support")
    channel = created["channel"]["id"]
    invited = await slack.web.conversations_invite(channel=channel, users=["U0COMMANDER", "U0OWNER"])
    assert invited["channel"]["num_members"] == 3
    await slack.web.conversations_setTopic(channel=channel, topic="Sev-1")
    await slack.web.conversations_setPurpose(channel=channel, purpose="Contain it")
    await slack.web.conversations_rename(channel=channel, name="inc-12")
    info = (await slack.web.conversations_info(channel=channel))["channel"]
    assert (info["name"], info["previous_names"]) == ("inc-12", ["inc-12_support"])
    assert (info["topic"]["value"], info["purpose"]["value"]) == ("Sev-1", "Contain it")
    members = await slack.web.conversations_members(channel=channel)
    assert members["members"] == ["U0STANCH", "U0COMMANDER", "U0OWNER"]
    await slack.web.conversations_archive(channel=channel)
    assert await error_of(slack.web.chat_postMessage(channel=channel, text="too late")) == "is_archived"
    shown = await commander.channels()
    assert any(one["id"] == channel and one["is_archived"] for one in shown)


async def test_invitations_that_cannot_be_made_are_refused(slack: RunningWorkspace) -> None:
    web = slack.web
    assert await error_of(web.conversations_invite(channel=ALERTS, users="U0OWNER")) == "already_in_channel"
    assert await error_of(web.conversations_invite(channel=ALERTS, users="U0STANCH")) == "cant_invite_self"
    assert await error_of(web.conversations_invite(channel=ALERTS, users="U0NOBODY")) == "user_not_found"
    assert await error_of(web.conversations_setTopic(channel=ALERTS, topic="x" * 251)) == "too_long"


async def test_the_bot_must_be_in_a_channel_to_manage_it(slack: RunningWorkspace) -> None:
    channel = slack.workspace.state.channel(ALERTS)
    channel.members.remove("U0STANCH")
    assert await error_of(slack.web.conversations_setTopic(channel=ALERTS, topic="x")) == "not_in_channel"
    assert await error_of(slack.web.conversations_history(channel=ALERTS)) == "not_in_channel"
    joined = await slack.web.conversations_join(channel=ALERTS)
    assert joined["channel"]["is_member"]
    assert (await slack.web.conversations_join(channel=ALERTS))["warning"] == "already_in_channel"


async def test_a_private_channel_does_not_exist_for_an_outsider(slack: RunningWorkspace, commander: Person) -> None:
    created = await slack.web.conversations_create(name="secret", is_private=True)
    assert created["channel"]["is_private"]
    assert "secret" not in {one.get("name") for one in await commander.channels()}
    await slack.web.conversations_invite(channel=created["channel"]["id"], users="U0RESPONDER")
    await slack.web.conversations_leave(channel=created["channel"]["id"])
    gone = slack.web.chat_postMessage(channel=created["channel"]["id"], text="x")
    assert await error_of(gone) == "channel_not_found"


async def test_lists_are_paged_by_cursor(slack: RunningWorkspace) -> None:
    for number in range(5):
        await slack.web.conversations_create(name=f"inc-{number}")
    names: list[str] = []
    cursor = ""
    while True:
        page = await slack.web.conversations_list(limit=3, cursor=cursor)
        assert len(page["channels"]) <= 3
        names += [one["name"] for one in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert names == ["general", "ai-alerts", "inc-0", "inc-1", "inc-2", "inc-3", "inc-4"]
    assert await error_of(slack.web.conversations_list(cursor="nonsense")) == "invalid_cursor"


async def test_history_is_read_in_windows_and_pages(slack: RunningWorkspace) -> None:
    sent = [(await slack.web.chat_postMessage(channel=ALERTS, text=str(number)))["ts"] for number in range(5)]
    window = await slack.web.conversations_history(channel=ALERTS, oldest=sent[1], latest=sent[3])
    inclusive = await slack.web.conversations_history(channel=ALERTS, oldest=sent[1], latest=sent[3], inclusive=True)
    first = await slack.web.conversations_history(channel=ALERTS, limit=2)
    rest = await slack.web.conversations_history(channel=ALERTS, cursor=first["response_metadata"]["next_cursor"])
    assert [one["text"] for one in window["messages"]] == ["2"]
    assert [one["text"] for one in inclusive["messages"]] == ["3", "2", "1"]
    assert first["has_more"]
    assert [one["text"] for one in [*first["messages"], *rest["messages"]]] == ["4", "3", "2", "1", "0"]


async def test_a_direct_conversation_reaches_one_person(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    opened = await slack.web.conversations_open(users="U0COMMANDER")
    direct = opened["channel"]["id"]
    await slack.web.chat_postMessage(channel="U0COMMANDER", text="for you")
    assert [one["text"] for one in await commander.messages(direct)] == ["for you"]
    assert direct not in {one["id"] for one in await responder.channels()}


async def test_people_and_groups_are_found(slack: RunningWorkspace) -> None:
    by_id = (await slack.web.users_info(user="U0OWNER"))["user"]
    by_email = (await slack.web.users_lookupByEmail(email="owner@example.com"))["user"]
    groups = (await slack.web.usergroups_list(include_users=True))["usergroups"]
    leads = (await slack.web.usergroups_users_list(usergroup="S0LEADS"))["users"]
    assert by_id == by_email
    assert by_id["profile"]["title"] == "support assistant owner"
    assert {one["handle"]: one["users"] for one in groups}["incident-leads"] == leads == ["U0COMMANDER", "U0LEADER"]
    assert len((await slack.web.users_list())["members"]) == 6
    assert len((await slack.web.users_conversations(user="U0OWNER"))["channels"]) == 2
    assert await error_of(slack.web.users_info(user="U0NOBODY")) == "user_not_found"
    assert await error_of(slack.web.users_lookupByEmail(email="nobody@example.com")) == "users_not_found"
    assert await error_of(slack.web.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"


async def test_everybody_has_the_time_zone_that_the_seed_gives_them() -> None:
    far, *others = DEFAULT_SEED.accounts
    seed = DEFAULT_SEED.model_copy(update={"accounts": (far.model_copy(update={"tz": "Asia/Tokyo"}), *others)})
    async with run_workspace(seed=seed) as slack:
        shown = {one["name"]: one for one in (await slack.web.users_list())["members"]}
    zones = {name: (one["tz"], one["tz_label"], one["tz_offset"]) for name, one in shown.items()}
    assert zones["commander"] == ("Asia/Tokyo", "JST", 32_400)
    assert zones["responder"] == ("Etc/UTC", "Coordinated Universal Time", 0)


@pytest.mark.parametrize("tz", ["Mars/Olympus", "../../etc/passwd", ""])
def test_a_time_zone_that_is_none_is_refused(tz: str) -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        Account(id="U1", name="x", real_name="X", tz=tz)


async def test_the_team_and_the_bot_introduce_themselves(slack: RunningWorkspace) -> None:
    assert (await slack.web.team_info())["team"]["domain"] == "local"
    assert (await slack.web.bots_info(bot="B0STANCH"))["bot"]["user_id"] == "U0STANCH"
    assert await error_of(slack.web.bots_info(bot="B0OTHER")) == "bot_not_found"


async def test_messages_are_pinned_once_and_unpinned(slack: RunningWorkspace) -> None:
    ts = (await slack.web.chat_postMessage(channel=ALERTS, text="card"))["ts"]
    await slack.web.pins_add(channel=ALERTS, timestamp=ts)
    assert await error_of(slack.web.pins_add(channel=ALERTS, timestamp=ts)) == "already_pinned"
    assert [one["message"]["ts"] for one in (await slack.web.pins_list(channel=ALERTS))["items"]] == [ts]
    await slack.web.pins_remove(channel=ALERTS, timestamp=ts)
    assert await error_of(slack.web.pins_remove(channel=ALERTS, timestamp=ts)) == "no_pin"


async def test_bookmarks_are_added_edited_and_removed(slack: RunningWorkspace) -> None:
    link = "https://example.com/"
    made = await slack.web.bookmarks_add(channel_id=ALERTS, title="Runbook", type="link", link=link)
    wanted = made["bookmark"]["id"]
    await slack.web.bookmarks_edit(channel_id=ALERTS, bookmark_id=wanted, title="Playbook")
    assert [one["title"] for one in (await slack.web.bookmarks_list(channel_id=ALERTS))["bookmarks"]] == ["Playbook"]
    await slack.web.bookmarks_remove(channel_id=ALERTS, bookmark_id=wanted)
    gone = slack.web.bookmarks_remove(channel_id=ALERTS, bookmark_id=wanted)
    assert await error_of(gone) == "not_found"
    bad = slack.web.bookmarks_add(channel_id=ALERTS, title="x", type="link", link="javascript:alert(1)")
    assert await error_of(bad) == "invalid_link"


async def test_reactions_are_counted_once_a_person(slack: RunningWorkspace, commander: Person) -> None:
    ts = (await slack.web.chat_postMessage(channel=ALERTS, text="card"))["ts"]
    await slack.web.reactions_add(channel=ALERTS, timestamp=ts, name="eyes")
    (message,) = await commander.messages("ai-alerts")
    await commander.react(message, "eyes")
    shown = await slack.web.reactions_get(channel=ALERTS, timestamp=ts)
    assert shown["message"]["reactions"] == [{"name": "eyes", "users": ["U0STANCH", "U0COMMANDER"], "count": 2}]
    assert await error_of(slack.web.reactions_add(channel=ALERTS, timestamp=ts, name="eyes")) == "already_reacted"
    await slack.web.reactions_remove(channel=ALERTS, timestamp=ts, name="eyes")
    assert await error_of(slack.web.reactions_remove(channel=ALERTS, timestamp=ts, name="eyes")) == "no_reaction"


async def test_what_cannot_be_left_or_archived_twice_has_slacks_names(slack: RunningWorkspace) -> None:
    channel = (await slack.web.conversations_create(name="inc-1"))["channel"]["id"]
    assert await error_of(slack.web.conversations_leave(channel=channel)) == "last_member"
    assert await error_of(slack.web.conversations_leave(channel="C0GENERAL")) == "cant_leave_general"
    await slack.web.conversations_archive(channel=channel)
    assert await error_of(slack.web.conversations_archive(channel=channel)) == "already_archived"


async def test_a_direct_conversation_is_opened_once(slack: RunningWorkspace) -> None:
    first = await slack.web.conversations_open(users="U0COMMANDER")
    again = await slack.web.conversations_open(users="U0COMMANDER")
    assert first["channel"] == again["channel"]
    assert (first.get("no_op"), again.get("no_op"), again.get("already_open")) == (None, True, True)
