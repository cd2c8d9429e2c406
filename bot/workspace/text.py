"""Slack's text escapes: what an app may send, what a person types, and which mentions a text holds.

Slack knows three escapes (`&amp;`, `&lt;`, `&gt;`) and control sequences in angle brackets; anything else in angle
brackets is text. https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Mapping

CONTROL = re.compile(r"<(?:[@#!][^<>\n]+|(?:https?://|mailto:|tel:)[^<>\n]+)>")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
_TYPED = re.compile(r"(?P<url>https?://(?:(?!&[lg]t;)[^\s<>|])+)|@(?P<user>[A-Za-z0-9._-]+)|#(?P<channel>[a-z0-9_-]+)")
_STORED = re.compile(
    r"<(?:@(?P<user>\w+)|!subteam\^(?P<group>\w+)|#(?P<channel>\w+)|!(?P<broadcast>channel|here|everyone)"
    r"|(?P<url>https?://[^<>|\n]+))(?:\|[^<>\n]*)?>"
)
_BROADCASTS = ("channel", "here", "everyone")


def escape(text: str) -> str:
    """Escape the three characters that Slack reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Undo `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def from_app(text: str) -> str:
    """Return an app's text as Slack stores it: control sequences kept, everything else escaped once."""
    stored, end = [], 0
    for match in CONTROL.finditer(text):
        stored += [_escape_once(text[end : match.start()]), match.group()]
        end = match.end()
    return "".join([*stored, _escape_once(text[end:])])


def from_person(text: str, users: Mapping[str, str], groups: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """Return what a person typed as Slack stores it: escaped, then `@name`, `#name` and addresses turned into links.

    The mappings lead from visible names to ids. A typed `<!channel>` stays text; only a typed `@channel` notifies.
    """

    def link(match: re.Match[str]) -> str:
        url, user, channel = match.group("url", "user", "channel")
        if url:
            return f"<{url}>"
        if user in _BROADCASTS:
            return f"<!{user}>"
        if user in users:
            return f"<@{users[user]}>"
        if user in groups:
            return f"<!subteam^{groups[user]}|@{user}>"
        if channel in channels:
            return f"<#{channels[channel]}|{channel}>"
        return str(match.group())

    return _TYPED.sub(link, escape(text))


def as_typed(text: str, users: Mapping[str, str], groups: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """Return a stored text as a person would type it, the inverse of `from_person`; the mappings lead to names."""

    def typed(match: re.Match[str]) -> str:
        user, group, channel, broadcast, url = match.group("user", "group", "channel", "broadcast", "url")
        if user:
            return f"@{users.get(user, user)}"
        if group:
            return f"@{groups.get(group, group)}"
        if channel:
            return f"#{channels.get(channel, channel)}"
        return f"@{broadcast}" if broadcast else str(url)

    return unescape(_STORED.sub(typed, text))


def mentions(text: str, user_id: str) -> bool:
    """Tell whether a stored text mentions a user."""
    return re.search(rf"<@{re.escape(user_id)}(?:\|[^<>]*)?>", text) is not None


def _escape_once(text: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
