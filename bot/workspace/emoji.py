"""The common emoji shortcodes, as characters; an unknown one stays as it was typed."""

import json
import re
from functools import cache
from pathlib import Path

from bot.workspace.wire import Json

_SHORTCODE = re.compile(r":([a-z0-9_+'\-]+):(?::skin-tone-[2-6]:)?")


@cache
def emoji_table() -> dict[str, str]:
    """Return the character of each known shortcode, without its colons."""
    table: dict[str, str] = json.loads(Path(__file__).with_name("emoji.json").read_text(encoding="utf-8"))
    return table


def shown(text: Json) -> str:
    """Return a plain text object as it reads; with `emoji` switched off its shortcodes stay as they are."""
    return emojify(str(text["text"])) if text.get("emoji", True) else str(text["text"])


def emojify(text: str) -> str:
    """Return a text with the shortcodes it holds replaced by characters."""
    return _SHORTCODE.sub(lambda match: emoji_table().get(match.group(1), match.group()), text)
