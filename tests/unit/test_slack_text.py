"""Foreign text in Slack: escaped once, nothing hidden in it, cut to what Slack takes."""

import html
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actor import STANCH, person, source
from bot.domain.values import utc_text
from bot.slack.text import (
    clean,
    code_block,
    date,
    escape,
    link,
    mention,
    mrkdwn,
    party,
    plain,
    with_local_instants,
)


def test_what_slack_reserves_is_escaped_once() -> None:
    assert escape("<!channel> & <@U1> &amp;") == "&lt;!channel&gt; &amp; &lt;@U1&gt; &amp;amp;"


@given(st.text(), st.integers(min_value=10, max_value=200))
def test_escaped_text_keeps_its_limit_and_reads_as_it_was(text: str, limit: int) -> None:
    escaped = escape(text, limit)
    assert len(escaped) <= limit
    shown = html.unescape(escaped.replace("&amp;", "\x00")).replace("\x00", "&")
    assert clean(text).startswith(shown.removesuffix("…").rstrip()) or shown == clean(text)
    assert "<" not in escaped
    assert ">" not in escaped


def test_a_cut_never_splits_an_escape() -> None:
    assert escape("<" * 10, 10) == "&lt;&lt;…"


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\u00ad", "\U000e0041"])
def test_characters_that_hide_or_turn_text_are_stripped(hidden: str) -> None:
    assert escape(f"pay{hidden}pal") == "paypal"
    assert plain(f"pay{hidden}pal", 20) == "paypal"


def test_plain_text_is_one_line_within_its_limit() -> None:
    assert plain("a\n b\t c", 20) == "a b c"
    assert plain("x" * 40_000, 75) == "x" * 74 + "…"
    assert plain("", 75) == ""


def test_a_code_block_cannot_be_left() -> None:
    assert code_block("``` *out* <!here> ```") == "```\n''' *out* &lt;!here&gt; '''\n```"
    assert len(code_block("&" * 40_000)) <= 3_000
    assert code_block("&" * 40_000).endswith("\n```")


def test_markup_over_the_limit_is_cut_between_lines() -> None:
    text = mrkdwn("first line\n" + "<@U0COMMANDER> " * 300, 200).text
    assert text == "first line …"


def test_markup_is_taken_as_it_is_written() -> None:
    assert mrkdwn("text").to_dict() == {"type": "mrkdwn", "text": "text", "verbatim": True}


def test_an_instant_is_shown_in_the_readers_zone_with_utc_to_fall_back_on() -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert date(at) == "<!date^1772442000^{date_short_pretty} {time}|2026-03-02 09:00 UTC>"


def test_instants_within_a_text_are_shown_in_the_readers_zone() -> None:
    at = datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)
    shown = with_local_instants(f"Clean since {utc_text(at)}; more")
    assert shown == "Clean since <!date^1772442007^{date_short_pretty} {time_secs}|2026-03-02 09:00:07 UTC>; more"


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-45 99:99:99 UTC",
        "0000-00-00 00:00:00 UTC",
        "12026-03-02 09:00:07 UTC",
        "2026-03-02 09:00:07 UTCX",
        "09:00:07 UTC",
        "٢026-03-02 09:00:07 UTC",
    ],
)
def test_what_is_no_instant_of_ours_stays_as_it_is(text: str) -> None:
    assert with_local_instants(text) == text


def test_only_a_slack_id_becomes_a_mention() -> None:
    assert mention("U0COMMANDER") == "<@U0COMMANDER>"
    assert mention("U1> <!channel") == "U1&gt; &lt;!channel"
    assert party(person("U0OWNER")) == "<@U0OWNER>"
    assert party(source("<b>")) == "alert source &lt;b&gt;"
    assert party(STANCH) == "Stanch"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x.example/a|b", "https://x.example/ >", None, ""])
def test_only_a_clean_web_address_becomes_a_link(url: str | None) -> None:
    assert link(url, "a <b>") == "a &lt;b&gt;"


def test_a_link_escapes_its_address_and_its_words() -> None:
    assert link("https://x.example/?a=1&b=2", "a|b") == "<https://x.example/?a=1&amp;b=2|a/b>"
