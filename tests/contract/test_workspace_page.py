"""The page: what a person sees is rendered on the server, for that person only, and hostile text stays text."""

import time
from html.parser import HTMLParser
from typing import Any

import pytest

from bot.workspace.client import Person
from bot.workspace.html import mrkdwn_html
from bot.workspace.mrkdwn import Names, parse
from bot.workspace.plain import tree_text
from tests.contract.workspace_fixtures import RunningWorkspace, actions, button, field, modal, options, plain, section

Json = dict[str, Any]
ALERTS = "C0AIALERTS"
NAMES = Names(users={"U0OWNER": "owner"}, channels={"C0GENERAL": "general"}, groups={"S0LEADS": "incident-leads"})


class Elements(HTMLParser):
    """Collects the tags and the attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


async def page(slack: RunningWorkspace, path: str) -> str:
    answer = await slack.http.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    '<https://example.com/"onmouseover=alert(1)|click>',
    "<javascript:alert(1)|click>",
    "<http://x|<b>bold</b>>",
    "`<script>` ```<script>```",
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnp.exe\u202c \u200b\u200d\ufeff",
    "&lt;script&gt; &amp;lt;",
    '<@U0OWNER|<script>> <#C0GENERAL|"><script>>',
    "<!date^1^{date}^javascript:alert(1)|<script>>",
    "<!date^99999999999^{date}|far> <!date^x^y|z> <!date>",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_adds_no_element_of_its_own(slack: RunningWorkspace, commander: Person, text: str) -> None:
    await slack.web.chat_postMessage(channel=ALERTS, text=text)
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}],
    }
    blocks = [
        section(text),
        rich,
        actions(button(text[:75], "x", value=text)),
        field(text, {"type": "plain_text_input", "initial_value": text}, "i"),
    ]
    await slack.web.chat_postMessage(channel=ALERTS, text=text, blocks=blocks)
    await slack.web.chat_postMessage(
        channel=ALERTS, text="x", attachments=[{"title": text, "title_link": text, "text": text, "color": text}]
    )
    await commander.say("ai-alerts", text)
    await slack.web.conversations_setTopic(channel=ALERTS, topic=text)
    shown = Elements(await page(slack, f"/client/commander/{ALERTS}"))
    scripts = [attributes for tag, attributes in shown.tags if tag == "script"]
    assert scripts == [{"src": "/static/workspace.js", "type": "module"}]
    assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes)
    assert not any(tag in ("b", "img") and "alert" in str(attributes) for tag, attributes in shown.tags)
    links = [str(attributes["href"]) for tag, attributes in shown.tags if tag == "a"]
    assert not any(link.startswith("javascript:") for link in links)


async def test_forty_thousand_hostile_characters_are_rendered_quickly(slack: RunningWorkspace) -> None:
    for piece in ("*a ", "_", "`", "<", "<@", "<!date^", ":a", "~x", "&gt;", "> \n", "```", "*_~`<:"):
        await slack.web.chat_postMessage(channel=ALERTS, text=(piece * 40_000)[:40_000])
    started = time.monotonic()
    await page(slack, f"/client/commander/{ALERTS}")
    assert time.monotonic() - started < 10


async def test_the_page_forbids_foreign_scripts_styles_and_frames(slack: RunningWorkspace) -> None:
    answer = await slack.http.get(f"/client/commander/{ALERTS}")
    policy = answer.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    shown = Elements(answer.text)
    assert not any("style" in attributes for _, attributes in shown.tags)
    assert "unsafe" not in policy


async def test_the_first_page_shows_the_seeded_person_and_channel(slack: RunningWorkspace) -> None:
    html = await page(slack, "/")
    assert "#</span>ai-alerts" in html
    assert "incident commander" in html
    assert "no role" in html, "the newcomer plays none"


async def test_another_persons_ephemeral_message_is_not_in_the_page(slack: RunningWorkspace) -> None:
    await slack.web.chat_postEphemeral(channel=ALERTS, user="U0COMMANDER", text="between us")
    assert "between us" in await page(slack, f"/client/commander/{ALERTS}")
    assert "Only visible to you" in await page(slack, f"/client/commander/{ALERTS}")
    assert "between us" not in await page(slack, f"/client/responder/{ALERTS}")


async def test_an_open_modal_is_in_its_persons_page_only(slack: RunningWorkspace) -> None:
    kinds = (
        "plain_text_input",
        "number_input",
        "email_text_input",
        "url_text_input",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "users_select",
        "channels_select",
        "conversations_select",
        "multi_users_select",
        "external_select",
    )
    blocks = [field(kind, {"type": kind, "is_decimal_allowed": False}, kind) for kind in kinds]
    blocks += [
        field(kind, {"type": kind, "options": options("One", "Two")}, kind)
        for kind in ("static_select", "multi_static_select", "radio_buttons", "checkboxes")
    ]
    trigger = slack.workspace.triggers.issue("U0COMMANDER")
    await slack.web.views_open(trigger_id=trigger, view=modal(*blocks, title="Everything"))
    shown = Elements(await page(slack, f"/client/commander/{ALERTS}/modal"))
    drawn = {attributes["data-element"] for _, attributes in shown.tags if "data-element" in attributes}
    assert drawn == {block["element"]["type"] for block in blocks}
    assert "Everything" not in await page(slack, f"/client/responder/{ALERTS}/modal")


async def test_unread_messages_are_counted_until_the_channel_is_read(slack: RunningWorkspace) -> None:
    await slack.web.chat_postMessage(channel="general", text="news")
    html = await page(slack, f"/client/commander/{ALERTS}/sidebar")
    assert "1 unread" in html
    assert "badge" not in html, "only what is meant for the reader gets a number"
    await slack.http.post("/people/commander/read", json={"channel": "general"})
    assert "unread" not in await page(slack, f"/client/commander/{ALERTS}/sidebar")


async def test_a_thread_opens_beside_its_channel(slack: RunningWorkspace, commander: Person) -> None:
    parent = await slack.web.chat_postMessage(channel=ALERTS, text="parent")
    await commander.say("ai-alerts", "a reply", thread_ts=parent["ts"])
    assert "a reply" not in await page(slack, f"/client/commander/{ALERTS}/main")
    assert "1 reply" in await page(slack, f"/client/commander/{ALERTS}/main")
    assert "a reply" in await page(slack, f"/client/commander/{ALERTS}/thread?thread={parent['ts']}")


async def test_images_of_other_hosts_are_named_but_not_fetched(slack: RunningWorkspace) -> None:
    local = f"{slack.base_url}/static/mark.svg"
    blocks = [
        {"type": "image", "image_url": url, "alt_text": name}
        for url, name in ((local, "ours"), ("https://example.com/pixel", "theirs"))
    ]
    await slack.web.chat_postMessage(channel=ALERTS, text="x", blocks=blocks)
    html = await page(slack, f"/client/commander/{ALERTS}")
    pictures = [attributes["src"] for tag, attributes in Elements(html).tags if tag == "img"]
    assert local in pictures
    assert "https://example.com/pixel" not in pictures
    assert "theirs" in html


@pytest.mark.parametrize("path", ["/client/nobody/C0AIALERTS", "/client/commander/C0NOWHERE", "/archives/C0NOWHERE/p1"])
async def test_what_does_not_exist_is_not_found(slack: RunningWorkspace, path: str) -> None:
    assert (await slack.http.get(path, follow_redirects=True)).status_code == 404


@pytest.mark.parametrize(
    ("source", "html", "text"),
    [
        (
            "*bold* _it_ ~no~ `x<y`",
            '<p dir="auto"><strong>bold</strong> <em>it</em> <del>no</del> <code>x&lt;y</code></p>',
            "bold it no x<y",
        ),
        ("2*3*4 snake_case_name", '<p dir="auto">2*3*4 snake_case_name</p>', "2*3*4 snake_case_name"),
        ("<@U0OWNER> <#C0GENERAL> <!here>", None, "@owner #general @here"),
        ("<!subteam^S0LEADS> <!subteam^S0GONE|@gone>", None, "@incident-leads @gone"),
        ("<https://example.com?a=1&amp;b=2|docs>", None, "docs"),
        ("&gt; quoted\nplain", '<blockquote dir="auto">quoted</blockquote><p dir="auto">plain</p>', "quoted\nplain"),
        ("&gt;&gt;&gt; all\nof it", '<blockquote dir="auto">all<br>of it</blockquote>', "all\nof it"),
        ("a\n```\ncode *x*\n```", '<p dir="auto">a</p><pre dir="auto"><code>code *x*</code></pre>', "a\ncode *x*"),
        (":fire: :no-such-thing:", None, "🔥 :no-such-thing:"),
        ("<!date^1392734382^{date_num} {time}|x>", None, "2014-02-18 2:39 PM"),
        ("", "", ""),
    ],
)
def test_mrkdwn_reads_as_on_slack(source: str, html: str | None, text: str) -> None:
    assert tree_text(parse(source, NAMES)) == text
    if html is not None:
        assert mrkdwn_html(source, NAMES) == html


async def test_confirmation_texts_wait_in_the_page(slack: RunningWorkspace) -> None:
    confirm = {
        "title": plain("Pause it?"),
        "text": {"type": "mrkdwn", "text": 'For "all" <users>'},
        "confirm": plain("Pause"),
        "deny": plain("No"),
    }
    blocks = [actions(button("Pause", "pause", style="danger", confirm=confirm))]
    await slack.web.chat_postMessage(channel=ALERTS, text="x", blocks=blocks)
    shown = Elements(await page(slack, f"/client/commander/{ALERTS}"))
    (asked,) = [str(attributes["data-confirm"]) for _, attributes in shown.tags if "data-confirm" in attributes]
    assert '"title": "Pause it?"' in asked


async def test_plain_text_may_keep_its_shortcodes(slack: RunningWorkspace, commander: Person) -> None:
    raw = {"type": "plain_text", "text": ":fire: is down", "emoji": False}
    blocks = [{"type": "header", "text": raw}, actions(button("x", "press") | {"text": raw})]
    await slack.web.chat_postMessage(channel=ALERTS, text="x", blocks=blocks)
    (message,) = await commander.messages("ai-alerts")
    assert message["visible"] == ":fire: is down\n[:fire: is down]"
    assert commander.labels(message) == [":fire: is down"]
    assert "🔥" not in (await page(slack, f"/client/commander/{ALERTS}/main"))
