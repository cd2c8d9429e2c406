"""Reads `rich_text` blocks into the same tree as mrkdwn.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterable

from bot.workspace.emoji import emoji_table
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
)
from bot.workspace.wire import Json

_STYLES: dict[str, Style] = {"bold": "strong", "italic": "em", "strike": "del", "code": "code"}


def parse_rich_text(block: Json, names: Names) -> list[Block]:
    """Return the tree of a `rich_text` block."""
    return [_block(element, names) for element in block.get("elements") or []]


def _block(element: Json, names: Names) -> Block:
    children = element.get("elements") or []
    if element["type"] == "rich_text_list":
        items = tuple(_inlines(item.get("elements") or [], names) for item in children)
        return Listing(element.get("style") == "ordered", items, int(element.get("indent") or 0))
    if element["type"] == "rich_text_preformatted":
        return Preformatted("".join(str(one.get("text") or one.get("url") or "") for one in children))
    if element["type"] == "rich_text_quote":
        return Quote(_inlines(children, names))
    return Paragraph(_inlines(children, names))


def _inlines(elements: Iterable[Json], names: Names) -> tuple[Inline, ...]:
    return tuple(_styled(element, _inline(element, names)) for element in elements)


def _inline(element: Json, names: Names) -> Inline:
    kind = str(element.get("type"))
    if kind == "link":
        return _link(element)
    if kind == "date":
        return Moment(int(element["timestamp"]), str(element.get("format")), str(element.get("fallback") or ""))
    if kind == "emoji":
        name = str(element.get("name"))
        return Text(emoji_table().get(name, f":{name}:"))
    if kind in ("user", "usergroup", "channel", "broadcast"):
        return _mention(kind, element, names)
    return Text(str(element.get("text") or ""))


def _link(element: Json) -> Inline:
    url = str(element.get("url") or "")
    label = str(element.get("text") or url)
    return Link(url, label) if url.lower().startswith(("http://", "https://", "mailto:", "tel:")) else Text(label)


def _mention(kind: str, element: Json, names: Names) -> Inline:
    target = str(element.get("range") or element.get(f"{kind}_id"))
    if kind == "user":
        return Mention("user", target, f"@{names.users.get(target, target)}")
    if kind == "usergroup":
        return Mention("group", target, f"@{names.groups.get(target, target)}")
    if kind == "channel":
        return Mention("channel", target, f"#{names.channels.get(target, target)}")
    return Mention("broadcast", target, f"@{target}")


def _styled(element: Json, inline: Inline) -> Inline:
    for name, on in (element.get("style") or {}).items():
        if on and name in _STYLES:
            inline = Styled(_STYLES[name], (inline,))
    return inline
