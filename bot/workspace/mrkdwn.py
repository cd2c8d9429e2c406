"""Reads Slack's mrkdwn into a small tree, from which the page makes HTML and the people's door makes plain text.

Every pattern here runs in linear time, because a message may be 40,000 hostile characters long.
https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.workspace.emoji import emojify
from bot.workspace.text import unescape

Style = Literal["strong", "em", "del", "code"]


@dataclass(frozen=True, slots=True)
class Text:
    """Characters to be shown as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Styled:
    """A bold, italic, struck or code passage."""

    style: Style
    children: "tuple[Inline, ...]"


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a web or mail address."""

    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A mentioned user, group, channel or everybody (`kind`); `target` is the id."""

    kind: Literal["user", "group", "channel", "broadcast"]
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in seconds since the epoch, shown by Slack's date `pattern`, else as `fallback`."""

    at: int
    pattern: str
    fallback: str
    url: str | None = None


Inline = Text | Styled | Link | Mention | Moment


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text; a newline in it is a line break."""

    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation."""

    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Preformatted:
    """A block of code, shown exactly."""

    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A bulleted or numbered list."""

    ordered: bool
    items: tuple[tuple[Inline, ...], ...]
    indent: int = 0


Block = Paragraph | Quote | Preformatted | Listing


@dataclass(frozen=True, slots=True)
class Names:
    """The visible names of users, channels and groups, by id."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)


_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<control>[^<>\n]+)>"
    r"|(?<!\w)\*(?=\S)(?P<strong>[^*\n]+)(?<=\S)\*(?!\w)"
    r"|(?<!\w)_(?=\S)(?P<em>[^_\n]+)(?<=\S)_(?!\w)"
    r"|(?<!\w)~(?=\S)(?P<del>[^~\n]+)(?<=\S)~(?!\w)"
)
_QUOTE = re.compile(r"(?:&gt;|>) ?")
_LONG_QUOTE = re.compile(r"(?:(?:&gt;){3}|>>>) ?")
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_BROADCASTS = ("channel", "here", "everyone")


def parse(source: str, names: Names) -> list[Block]:
    """Return the blocks of a mrkdwn text."""
    blocks: list[Block] = []
    for number, part in enumerate(source.split("```")):
        fenced = number % 2 == 1
        if fenced:
            blocks.append(Preformatted(unescape(part.strip("\n"))))
        elif part.strip("\n"):
            blocks += _lines(part.strip("\n"), names)
    return blocks


def parse_inline(source: str, names: Names) -> tuple[Inline, ...]:
    """Return the passages of one stretch of mrkdwn without block structure."""
    found: list[Inline] = []
    end = 0
    for match in _INLINE.finditer(source):
        found += _text(source[end : match.start()])
        found.append(_passage(match, names))
        end = match.end()
    return (*found, *_text(source[end:]))


def _lines(source: str, names: Names) -> Iterable[Block]:
    quoted: list[str] = []
    plain: list[str] = []
    lines = source.split("\n")
    for number, line in enumerate(lines):
        long_quote = _LONG_QUOTE.match(line)
        quote = long_quote or _QUOTE.match(line)
        if plain and quote:
            yield Paragraph(parse_inline("\n".join(plain), names))
            plain = []
        if long_quote:
            rest = "\n".join([*quoted, line[long_quote.end() :], *lines[number + 1 :]])
            yield Quote(parse_inline(rest, names))
            return
        if quote:
            quoted.append(line[quote.end() :])
            continue
        if quoted:
            yield Quote(parse_inline("\n".join(quoted), names))
            quoted = []
        plain.append(line)
    if quoted:
        yield Quote(parse_inline("\n".join(quoted), names))
    if plain:
        yield Paragraph(parse_inline("\n".join(plain), names))


def _passage(match: re.Match[str], names: Names) -> Inline:
    kind = match.lastgroup
    inner = str(match.group(kind or 0))
    if kind == "code":
        return Styled("code", (Text(unescape(inner)),))
    if kind == "control":
        return _control(inner, names)
    style: Style = "strong" if kind == "strong" else "em" if kind == "em" else "del"
    return Styled(style, parse_inline(inner, names))


def _control(inner: str, names: Names) -> Inline:
    target, _, label = inner.partition("|")
    if target.startswith(("@", "#", "!subteam^")):
        return _mention(target, unescape(label), names)
    if target.startswith("!") and target[1:] in _BROADCASTS:
        return Mention("broadcast", target[1:], f"@{target[1:]}")
    if target.startswith("!date^"):
        return _moment(target, unescape(label))
    if _LINK.match(target):
        return Link(unescape(target), emojify(unescape(label or target)).removeprefix("mailto:"))
    return Text(unescape(f"<{inner}>"))


def _mention(target: str, label: str, names: Names) -> Mention:
    if target.startswith("@"):
        user = target[1:]
        return Mention("user", user, f"@{names.users.get(user) or label or user}")
    if target.startswith("#"):
        channel = target[1:]
        return Mention("channel", channel, f"#{names.channels.get(channel) or label or channel}")
    group = target.removeprefix("!subteam^")
    return Mention("group", group, f"@{names.groups.get(group) or label.lstrip('@') or group}")


def _moment(target: str, fallback: str) -> Inline:
    parts = target.split("^")
    if len(parts) < 3 or not parts[1].isdecimal() or len(parts[1]) > 11:
        return Text(fallback)
    link = parts[3] if len(parts) > 3 and _LINK.match(parts[3]) else None
    return Moment(int(parts[1]), unescape(parts[2]), fallback, link)


def _text(source: str) -> list[Inline]:
    return [Text(emojify(unescape(source)))] if source else []
