"""Turns what a person typed into the `rich_text` block that Slack's own message box makes of it.

An app that reads only `text` sees mrkdwn; one that reads `blocks` sees this. Both say the same.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterable, Mapping

from bot.workspace.mrkdwn import (
    Block,
    Inline,
    Link,
    Listing,
    Mention,
    Moment,
    Names,
    Paragraph,
    Preformatted,
    Quote,
    Style,
    Styled,
    Text,
    parse,
)
from bot.workspace.wire import Json

_STYLES: Mapping[Style, str] = {"strong": "bold", "em": "italic", "del": "strike", "code": "code"}


def typed_block(source: str) -> Json:
    """Return a typed text, as it is stored, as a `rich_text` block without an id."""
    return {"type": "rich_text", "elements": [_block(one) for one in parse(source, Names())]}


def _block(block: Block) -> Json:
    match block:
        case Paragraph(children):
            return {"type": "rich_text_section", "elements": _inlines(children, {})}
        case Quote(children):
            return {"type": "rich_text_quote", "elements": _inlines(children, {})}
        case Preformatted(text):
            return {"type": "rich_text_preformatted", "border": 0, "elements": [{"type": "text", "text": text}]}
        case Listing():
            raise TypeError("mrkdwn has no lists")


def _inlines(children: Iterable[Inline], style: Mapping[str, bool]) -> list[Json]:
    found: list[Json] = []
    for child in children:
        if isinstance(child, Styled):
            found += _inlines(child.children, {**style, _STYLES[child.style]: True})
        else:
            found.append(_leaf(child) | ({"style": dict(style)} if style else {}))
    return found


def _leaf(node: Text | Link | Mention | Moment) -> Json:
    match node:
        case Text(text):
            return {"type": "text", "text": text}
        case Link(url, label):
            return {"type": "link", "url": url} | ({"text": label} if label != url else {})
        case Mention("user", target):
            return {"type": "user", "user_id": target}
        case Mention("group", target):
            return {"type": "usergroup", "usergroup_id": target}
        case Mention("channel", target):
            return {"type": "channel", "channel_id": target}
        case Mention(_, target):
            return {"type": "broadcast", "range": target}
        case Moment():
            raise TypeError("nobody can type an instant")
