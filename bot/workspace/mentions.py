"""Finds out whether a message names somebody: in its text, or in blocks that are shown in its place.

https://docs.slack.dev/messaging/formatting-message-text#mentioning-users
"""

import re
from dataclasses import dataclass
from typing import Any

from bot.workspace.wire import Json

_CONTROL = re.compile(r"<(?:@(?P<user>\w+)|!subteam\^(?P<group>\w+)|!(?P<broadcast>channel|here|everyone))[|>]")


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whose mentions are looked for: a user, and the groups that they are in."""

    user: str
    groups: frozenset[str]

    def are_in(self, text: str, blocks: list[Json]) -> bool:
        """Tell whether a stored message names the user, one of their groups, or everybody."""
        return self._in_text(text) if not blocks else any(self._in_node(block) for block in blocks)

    def _in_text(self, text: str) -> bool:
        for match in _CONTROL.finditer(text):
            if match["broadcast"] or match["user"] == self.user or match["group"] in self.groups:
                return True
        return False

    def _in_node(self, node: Any) -> bool:
        if isinstance(node, list):
            return any(self._in_node(one) for one in node)
        if not isinstance(node, dict):
            return False
        kind = node.get("type")
        if kind == "mrkdwn":
            return self._in_text(str(node.get("text")))
        named = kind == "broadcast" or (kind == "user" and node.get("user_id") == self.user)
        return (
            named
            or (kind == "usergroup" and node.get("usergroup_id") in self.groups)
            or self._in_node(list(node.values()))
        )
