"""The slash command by the name that this installation's Slack app gave it.

Sentences say `/incident` wherever they are written, as the shipped manifest does; only what leaves for Slack says what
people can type here.
"""

import re
from typing import Any

WRITTEN = "/incident"
# Only as code, which is how every sentence names it: a channel or an address that holds the word stays as it is.
_IN_CODE = re.compile(r"`/incident(?=[ `])")


def as_registered(node: Any, command: str) -> Any:
    """Return a text, or every text in a JSON structure, with the command by its registered name."""
    if command == WRITTEN:
        return node
    if isinstance(node, str):
        return _IN_CODE.sub(f"`{command}", node)
    if isinstance(node, list):
        return [as_registered(each, command) for each in node]
    if isinstance(node, dict):
        return {key: as_registered(value, command) for key, value in node.items()}
    return node
