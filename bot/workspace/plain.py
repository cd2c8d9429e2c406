"""Shows messages and views as plain text, as a person reads them: what the tests and the demo look at."""

from collections.abc import Iterable

from bot.workspace.blocks import elements
from bot.workspace.emoji import shown
from bot.workspace.forms import options_of
from bot.workspace.moments import show
from bot.workspace.mrkdwn import (
    Block,
    Inline,
    Link,
    Listing,
    Mention,
    Moment,
    Names,
    Preformatted,
    Styled,
    Text,
    parse,
)
from bot.workspace.rich_text import parse_rich_text
from bot.workspace.state import State
from bot.workspace.wire import Json


def names_of(state: State) -> Names:
    """Return the visible names of everything that can be mentioned."""
    return Names(
        users={one.id: one.name for one in state.members.values()},
        channels={one.id: one.name for one in state.channels.values()},
        groups={one.id: one.handle for one in state.seed.groups},
    )


def message_text(message: Json, names: Names) -> str:
    """Return a message as read on screen: its blocks, or its text if it has none, then its attachments."""
    parts = (
        blocks_text(message["blocks"], names) if message.get("blocks") else [tree_text(parse(message["text"], names))]
    )
    for attachment in message.get("attachments") or []:
        parts += attachment_text(attachment, names)
    parts += [str(file.get("title") or "This file was deleted.") for file in message.get("files") or []]
    return "\n".join(part for part in parts if part)


def view_text(view: Json, names: Names) -> str:
    """Return a view as read on screen: title, blocks, buttons."""
    ends = [text_object(view.get(name), names) for name in ("submit", "close")]
    return "\n".join(
        part for part in [text_object(view.get("title"), names), *blocks_text(view["blocks"], names), *ends] if part
    )


def blocks_text(blocks: Iterable[Json], names: Names) -> list[str]:
    """Return the blocks as text, each one line or more."""
    return ["\n".join(part for part in _block(block, names) if part) for block in blocks]


def attachment_text(attachment: Json, names: Names) -> list[str]:
    """Return an attachment as text."""
    lines = [str(attachment.get(name) or "") for name in ("pretext", "author_name", "title", "text", "footer")]
    fields = [f"{field.get('title', '')}\n{field.get('value', '')}" for field in attachment.get("fields") or []]
    shown = [tree_text(parse(line, names)) for line in [*lines, *fields]]
    return [*shown, *blocks_text(attachment.get("blocks") or [], names)]


def text_object(text: Json | None, names: Names) -> str:
    """Return a text object, formatted or plain, as text."""
    if not text:
        return ""
    return tree_text(parse(text["text"], names)) if text["type"] == "mrkdwn" else shown(text)


def tree_text(tree: Iterable[Block]) -> str:
    """Return a parsed text without its formatting."""
    return "\n".join(_tree_block(block) for block in tree)


def label_of(element: Json, names: Names) -> str:
    """Return what an element shows on its face: a button's text, else its placeholder, else nothing."""
    return text_object(element.get("text") or element.get("placeholder"), names)


def _block(block: Json, names: Names) -> list[str]:
    kind = block["type"]
    if kind == "rich_text":
        return [tree_text(parse_rich_text(block, names))]
    if kind == "markdown":
        return [str(block["text"])]
    if kind == "image":
        return [text_object(block.get("title"), names), str(block.get("alt_text"))]
    if kind == "context":
        return [" ".join(_context_item(one, names) for one in block["elements"])]
    texts = [text_object(block.get("label"), names), text_object(block.get("text"), names)]
    texts += [text_object(field, names) for field in block.get("fields") or []]
    texts += [_element(element, names) for _, element in elements([block])]
    return [*texts, text_object(block.get("hint"), names)]


def _context_item(item: Json, names: Names) -> str:
    return str(item.get("alt_text")) if item["type"] == "image" else text_object(item, names)


def _element(element: Json, names: Names) -> str:
    if element["type"] == "button":
        return f"[{label_of(element, names)}]"
    options = [text_object(option["text"], names) for option in options_of(element)]
    if element["type"] in ("radio_buttons", "checkboxes", "overflow"):
        return "\n".join(f"( ) {option}" for option in options)
    return f"[{label_of(element, names)} v]" if label_of(element, names) else ""


def _tree_block(block: Block) -> str:
    if isinstance(block, Preformatted):
        return block.text
    if isinstance(block, Listing):
        marks = (f"{number}." if block.ordered else "•" for number in range(1, len(block.items) + 1))
        return "\n".join(f"{mark} {_inlines(item)}" for mark, item in zip(marks, block.items, strict=True))
    return _inlines(block.children)


def _inlines(children: Iterable[Inline]) -> str:
    return "".join(_inline(child) for child in children)


def _inline(node: Inline) -> str:
    match node:
        case Text(text):
            return text
        case Styled(_, children):
            return _inlines(children)
        case Link(_, label) | Mention(_, _, label):
            return label
        case Moment(at, pattern, _, _):
            return show(at, pattern)
