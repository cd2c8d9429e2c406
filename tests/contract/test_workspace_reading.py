"""What helps a reader: what is new and for whom, search, menus, and typed text as apps and people read it."""

import re

import pytest

from bot.workspace.client import Person
from bot.workspace.seed import Shortcut
from tests.contract.workspace_fixtures import RunningWorkspace, actions, run_workspace, section

ALERTS = "C0AIALERTS"


async def page(slack: RunningWorkspace, path: str) -> str:
    answer = await slack.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("text", ["<@U0COMMANDER> look", "<!here> look", "<!subteam^S0LEADS> look"])
async def test_a_mention_has_a_number_for_whom_it_is_meant(slack: RunningWorkspace, text: str) -> None:
    await slack.web.chat_postMessage(channel="general", text=text)
    await slack.web.chat_postMessage(channel="general", text="x", blocks=[section(text)])
    assert "2 for you" in await page(slack, f"/client/commander/{ALERTS}/sidebar")
    if "here" not in text:
        assert "for you" not in await page(slack, f"/client/responder/{ALERTS}/sidebar")


async def test_a_typed_mention_counts_and_quoting_one_does_not(slack: RunningWorkspace, commander: Person) -> None:
    await commander.say("general", "@responder and @incident-responders, look")
    await commander.say("general", "write <@U0RESPONDER> to ask")
    async with slack.person("responder") as responder:
        general = next(one for one in await responder.channels() if one["name"] == "general")
    assert (general["unread"], general["mentions"]) == (2, 1)


async def test_every_message_of_a_direct_conversation_is_for_its_reader(
    slack: RunningWorkspace, commander: Person
) -> None:
    await slack.web.chat_postMessage(channel="U0COMMANDER", text="for you alone")
    assert "1 for you" in await page(slack, f"/client/commander/{ALERTS}/sidebar")


async def test_a_line_shows_from_where_on_a_channel_is_new(slack: RunningWorkspace, commander: Person) -> None:
    await commander.say("ai-alerts", "seen")
    await slack.http.post("/people/responder/read", json={"channel": ALERTS})
    mark = slack.workspace.state.channel(ALERTS).read["U0RESPONDER"]
    await commander.say("ai-alerts", "not yet")
    opened = await page(slack, f"/client/responder/{ALERTS}")
    assert 0 < opened.index(">seen<") < opened.index('data-key="new"') < opened.index(">not yet<")
    assert f'data-seen="{mark}"' in opened
    await slack.http.post("/people/responder/read", json={"channel": ALERTS})
    assert 'data-key="new"' in await page(slack, f"/client/responder/{ALERTS}/main?seen={mark}"), "it stays while open"
    assert 'data-key="new"' not in await page(slack, f"/client/responder/{ALERTS}")
    assert 'data-key="new"' not in await page(slack, f"/client/commander/{ALERTS}"), "one's own messages are not new"


async def test_a_channel_is_searched_for_all_words_in_what_is_visible(
    slack: RunningWorkspace, commander: Person
) -> None:
    await slack.web.chat_postMessage(channel=ALERTS, text="x", blocks=[section("*Prompt* leak in <@U0OWNER>'s system")])
    parent = await commander.say("ai-alerts", "unrelated")
    await commander.say("ai-alerts", "the leak again", thread_ts=parent)
    await slack.web.chat_postEphemeral(channel=ALERTS, user="U0RESPONDER", text="a secret leak")
    found = [one["visible"] for one in await commander.search("ai-alerts", "LEAK prompt")]
    assert found == ["Prompt leak in @owner's system"]
    assert len(await commander.search("#ai-alerts", "leak")) == 2
    assert await commander.search("ai-alerts", "<script>") == []


async def test_the_page_shows_what_was_searched_for(slack: RunningWorkspace, commander: Person) -> None:
    for text in ("a leak", "unrelated"):
        await commander.say("ai-alerts", text)
    html = await page(slack, f"/client/commander/{ALERTS}/main?search=leak")
    assert "a leak" in html
    assert "unrelated" not in html
    nothing = await page(slack, f"/client/commander/{ALERTS}/main?search=%3Cb%3Enothing")
    assert "No message in here holds “&lt;b&gt;nothing”" in nothing


async def test_a_private_channel_is_searched_by_its_members_only(slack: RunningWorkspace) -> None:
    channel = (await slack.web.conversations_create(name="inc-1", is_private=True))["channel"]["id"]
    answer = await slack.http.get(f"/people/commander/channels/{channel}/search?query=x")
    assert (answer.status_code, answer.json()["error"]) == (404, "channel_not_found")


async def test_the_message_box_follows_membership_and_archiving(slack: RunningWorkspace, commander: Person) -> None:
    channel = (await slack.web.conversations_create(name="inc-1"))["channel"]["id"]
    path = f"/client/commander/{channel}/composer"
    assert "Join channel" in await page(slack, path)
    await commander.join("inc-1")
    assert "textarea" in await page(slack, path)
    await slack.web.conversations_archive(channel=channel)
    assert "has been archived" in await page(slack, path)


async def test_shortcuts_are_in_menus_where_the_app_has_some(slack: RunningWorkspace) -> None:
    shortcuts = (
        Shortcut(type="global", callback_id="declare", name="Declare an incident"),
        Shortcut(type="message", callback_id="attach", name="Attach to an incident"),
    )
    htmls = []
    for own in (shortcuts, ()):
        app = slack.workspace.seed.app.model_copy(update={"shortcuts": own})
        async with run_workspace(seed=slack.workspace.seed.model_copy(update={"app": app})) as running:
            await running.web.chat_postMessage(channel=ALERTS, text="it leaks")
            htmls.append(await page(running, f"/client/commander/{ALERTS}"))
    assert 0 < htmls[0].index("More actions") < htmls[0].index("Attach to an incident")
    assert 0 < htmls[0].index('aria-label="Shortcuts"') < htmls[0].index("Declare an incident")
    assert "More actions" not in htmls[1]
    assert 'aria-label="Shortcuts"' not in htmls[1]


async def test_pins_and_bookmarks_are_in_the_header(slack: RunningWorkspace) -> None:
    posted = await slack.web.chat_postMessage(channel=ALERTS, text="The card")
    await slack.web.pins_add(channel=ALERTS, timestamp=posted["ts"])
    await slack.web.bookmarks_add(channel_id=ALERTS, title="Dashboard", type="link", link="https://example.com/d")
    html = await page(slack, f"/client/responder/{ALERTS}/header")
    assert f'href="#p{posted["ts"].replace(".", "")}">The card' in html
    assert 'href="https://example.com/d"' in html


async def test_what_was_typed_is_a_rich_text_block_that_reads_the_same(
    slack: RunningWorkspace, commander: Person
) -> None:
    typed = "*bold* and `code` for @owner in #general\n> quoted\n```\nx < y\n```\nhttps://example.com @here"
    await commander.say("ai-alerts", typed)
    (message,) = (await slack.web.conversations_history(channel=ALERTS))["messages"]
    (block,) = message["blocks"]
    assert block["block_id"]
    first, quote, code, last = block["elements"]
    kinds = ["rich_text_section", "rich_text_quote", "rich_text_preformatted", "rich_text_section"]
    assert [one["type"] for one in (first, quote, code, last)] == kinds
    assert first["elements"][0] == {"type": "text", "text": "bold", "style": {"bold": True}}
    assert first["elements"][2]["style"] == {"code": True}
    assert {"type": "user", "user_id": "U0OWNER"} in first["elements"]
    assert first["elements"][-1] == {"type": "channel", "channel_id": "C0GENERAL"}
    assert code["elements"][0]["text"] == "x < y"
    assert [one["type"] for one in last["elements"]] == ["link", "text", "broadcast"]
    (seen,) = await commander.messages("ai-alerts")
    assert seen["visible"] == "bold and code for @owner in #general\nquoted\nx < y\nhttps://example.com @here"
    assert message["text"].startswith("*bold* and `code` for <@U0OWNER>")


async def test_forty_thousand_typed_characters_are_taken(slack: RunningWorkspace, commander: Person) -> None:
    for piece in ("*a ", "_x_ ", "`", "> \n", "```", "@owner ", "*_~"):
        await commander.say("ai-alerts", (piece * 40_000)[:40_000])
    assert len(await commander.messages("ai-alerts")) == 7


async def test_a_menu_of_conversations_offers_what_its_reader_may_look_at(
    slack: RunningWorkspace, commander: Person, responder: Person
) -> None:
    secret = (await slack.web.conversations_create(name="inc-1-secret", is_private=True))["channel"]["id"]
    await slack.web.conversations_invite(channel=secret, users="U0COMMANDER")
    gone = (await slack.web.conversations_create(name="inc-2-gone"))["channel"]["id"]
    await slack.web.conversations_archive(channel=gone)
    direct = (await slack.web.conversations_open(users="U0COMMANDER"))["channel"]["id"]
    everywhere = {"C0AIALERTS", "C0GENERAL"}
    for element, for_commander, for_responder in (
        ({"type": "conversations_select"}, everywhere | {secret, direct}, everywhere),
        ({"type": "conversations_select", "filter": {"include": ["private"]}}, {secret}, set()),
        ({"type": "conversations_select", "filter": {"include": ["im"], "exclude_bot_users": True}}, set(), set()),
        ({"type": "channels_select"}, everywhere, everywhere),
    ):
        await slack.web.chat_postMessage(channel=ALERTS, text="x", blocks=[actions(element | {"action_id": "where"})])
        for person, expected in ((commander, for_commander), (responder, for_responder)):
            html = await page(slack, f"/client/{person.account}/{ALERTS}/main")
            offered = re.findall(r'<option value="(\w+)"', html.rpartition("<article")[2])
            assert set(offered) == expected, element


async def test_what_slack_notes_names_who_did_it_once(slack: RunningWorkspace) -> None:
    await slack.web.conversations_setTopic(channel=ALERTS, topic="Sev-2")
    (noted,) = (await slack.web.conversations_history(channel=ALERTS))["messages"]
    assert noted["text"] == "<@U0STANCH> set the channel topic: Sev-2"
    html = await page(slack, f"/client/commander/{ALERTS}/main")
    assert '<p dir="auto">set the channel topic: Sev-2</p>' in html
