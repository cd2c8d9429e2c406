"""How text from outside becomes safe for Slack, and how instants and parties are written.

Whoever composes a message escapes each foreign part once, with `escape`, and adds markup around it. Escaping the
composed text again would show `&amp;amp;`; not escaping a part would let an alert write `<!channel>`.
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from datetime import UTC, datetime

from slack_sdk.models.blocks import MarkdownTextObject, PlainTextObject

from bot.domain.actor import Actor, ActorKind
from bot.domain.values import Instant, utc_text

# Limits of https://docs.slack.dev/reference/block-kit/blocks and its composition objects, in characters.
SECTION = 3_000
FIELD = 2_000
HEADER = 150
BUTTON = 75
OPTION = 75
OPTION_VALUE = 150
MODAL_TITLE = 24
LABEL = 2_000
TOPIC = 250
# Slack recommends at most 4,000 characters of fallback text.
FALLBACK = 4_000

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Control characters, zero-width characters, bidirectional marks and overrides, tags: they hide or turn what is read.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_INSTANT = re.compile(r"(?<![\w-])(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) UTC\b", re.ASCII)
_SLACK_ID = re.compile(r"[A-Z0-9]{2,30}")


def clean(text: str) -> str:
    """Return the text without the characters that hide, reorder or terminate it."""
    return _HIDDEN.sub("", text)


def escape(text: str, limit: int = SECTION) -> str:
    """Return foreign text for a mrkdwn text: cleaned, escaped once, and cut to a limit with an ellipsis.

    The limit counts escaped characters, as Slack does; an escape is never cut in two.
    """
    cleaned = clean(text)
    escaped = "".join(_ESCAPES.get(char, char) for char in cleaned[: limit + 1])
    if len(escaped) <= limit and len(cleaned) <= limit:
        return escaped
    kept, room = [], limit - 1
    for char in cleaned:
        piece = _ESCAPES.get(char, char)
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    return "".join(kept).rstrip() + "…"


def one_line(text: str, limit: int) -> str:
    """Return foreign text as `escape` does, on one line."""
    return escape(" ".join(text.split()), limit)


def plain(text: str, limit: int) -> str:
    """Return foreign text for a plain_text object, where nothing is markup: cleaned, on one line, cut to a limit."""
    words = " ".join(clean(text).split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def plain_object(text: str, limit: int) -> PlainTextObject:
    """Return a plain_text object that also shows `:words:` as they are written."""
    return PlainTextObject(text=plain(text, limit) or "-", emoji=False)


def mrkdwn(markup: str, limit: int = SECTION) -> MarkdownTextObject:
    """Return a mrkdwn object of composed markup, in which Slack looks for nothing but the markup that is there.

    Markup over the limit is cut between lines, or else between words.
    """
    return MarkdownTextObject(text=_fit(markup, limit), verbatim=True)


def _fit(markup: str, limit: int) -> str:
    if len(markup) <= limit:
        return markup
    head = markup[: limit - 2]
    cut = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or len(head)
    return f"{head[:cut]} …"


def code_block(text: str, limit: int = SECTION) -> str:
    """Return foreign text as a code block that it cannot leave."""
    body = escape(text.replace("```", "'''"), limit - 8)
    return f"```\n{body}\n```"


def date(at: Instant) -> str:
    """Return an instant in the reader's own time zone, with UTC where a client cannot."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{utc(at)}>"


def date_to_the_second(at: Instant) -> str:
    """Return an instant like `date`, with its second."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{utc_text(at)}>"


def with_local_instants(markup: str) -> str:
    """Return escaped text in which every instant that `utc_text` wrote is shown in the reader's own time zone."""
    return _INSTANT.sub(_local, markup)


def _local(match: re.Match[str]) -> str:
    try:
        return date_to_the_second(datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return match[0]


def utc(at: Instant) -> str:
    """Return an instant in UTC, for texts that Slack does not format."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def party(actor: Actor) -> str:
    """Return who acted: a mention for a person, a name for everything else."""
    if actor.kind is ActorKind.STANCH:
        return "Stanch"
    if not actor.is_person:
        return f"alert source {escape(actor.id, 60)}"
    return f"{mention(actor.id)} (from the {actor.via.value})" if actor.via else mention(actor.id)


def mention(user_id: str) -> str:
    """Return a mention of a Slack user; what is no user id is shown as text."""
    return f"<@{user_id}>" if _SLACK_ID.fullmatch(user_id) else escape(user_id, 60)


def channel_link(channel_id: str) -> str:
    """Return a link to a channel by its id."""
    return f"<#{channel_id}>" if _SLACK_ID.fullmatch(channel_id) else escape(channel_id, 60)


def link(url: str | None, words: str) -> str:
    """Return a link with words; only the words when there is no web address."""
    shown = one_line(words, 200)
    if url is None or not url.startswith(("http://", "https://")) or len(url) > 2_000 or re.search(r"[\s<>|]", url):
        return shown
    return f"<{escape(url)}|{shown.replace('|', '/')}>"
