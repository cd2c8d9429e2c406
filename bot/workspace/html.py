"""Turns parsed text into HTML for the page. Everything that comes from a message is escaped here, in one place.

Each block carries `dir="auto"`, so that right-to-left text and override characters cannot rearrange what surrounds it.
A channel's link is relative to the page, `/client/{person}/{place}`: it stays with the person whose tab it is.
"""

from collections.abc import Iterable

from markupsafe import Markup, escape

from bot.workspace.emoji import shown
from bot.workspace.moments import show
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
    Styled,
    Text,
    parse,
)
from bot.workspace.rich_text import parse_rich_text
from bot.workspace.wire import Json

_EMPTY = Markup()


def mrkdwn_html(source: str, names: Names, viewer: str = "") -> Markup:
    """Return mrkdwn as HTML; mentions of `viewer` stand out."""
    return tree_html(parse(source, names), viewer)


def text_html(text: Json, names: Names, viewer: str = "") -> Markup:
    """Return a text object as HTML."""
    if text["type"] == "mrkdwn":
        return mrkdwn_html(text["text"], names, viewer)
    return Markup('<span dir="auto" class="plain">{}</span>').format(shown(text))


def rich_text_html(block: Json, names: Names, viewer: str = "") -> Markup:
    """Return a `rich_text` block as HTML."""
    return tree_html(parse_rich_text(block, names), viewer)


def tree_html(tree: Iterable[Block], viewer: str = "") -> Markup:
    """Return parsed text as HTML."""
    return _EMPTY.join(_block(block, viewer) for block in tree)


def _block(block: Block, viewer: str) -> Markup:
    match block:
        case Paragraph(children):
            return Markup('<p dir="auto">{}</p>').format(_inlines(children, viewer))
        case Quote(children):
            return Markup('<blockquote dir="auto">{}</blockquote>').format(_inlines(children, viewer))
        case Preformatted(text):
            return Markup('<pre dir="auto"><code>{}</code></pre>').format(text)
        case Listing():
            return _listing(block, viewer)


def _listing(listing: Listing, viewer: str) -> Markup:
    items = _EMPTY.join(Markup('<li dir="auto">{}</li>').format(_inlines(item, viewer)) for item in listing.items)
    tag = "ol" if listing.ordered else "ul"
    return Markup('<{} class="indent-{}">{}</{}>').format(tag, min(listing.indent, 5), items, tag)


def _inlines(children: Iterable[Inline], viewer: str) -> Markup:
    return _EMPTY.join(_inline(child, viewer) for child in children)


def _inline(node: Inline, viewer: str) -> Markup:
    match node:
        case Text(text):
            return Markup("<br>").join(escape(line) for line in text.split("\n"))
        case Styled(style, children):
            return Markup("<{}>{}</{}>").format(style, _inlines(children, viewer), style)
        case Link(url, label):
            return _link(url, escape(label))
        case Mention(kind, target, label):
            mine = " mine" if target == viewer or kind == "broadcast" else ""
            shown = Markup('<span class="mention {}{}"><bdi>{}</bdi></span>').format(kind, mine, label)
            is_place = kind == "channel" and target.isalnum()
            return Markup('<a href="{}">{}</a>').format(target, shown) if is_place else shown
        case Moment(at, pattern, fallback, url):
            shown = Markup('<time data-at="{}" data-pattern="{}" title="{}">{}</time>').format(
                at, pattern, fallback, show(at, pattern)
            )
            return _link(url, shown) if url else shown


def _link(url: str, label: Markup) -> Markup:
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, label)
