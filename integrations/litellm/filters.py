"""The content filter's lists as objects by name, so that plans show what differs and can be taken back one by one.

LiteLLM replaces a list as a whole; the order of what is left is kept.
"""

from collections.abc import Callable, Sequence

from bot.sdk import JsonObject


def by_word(words: Sequence[JsonObject] | None) -> JsonObject:
    """Return blocked words by the word."""
    return _named(words, lambda word: str(word.get("keyword", "")).lower())


def by_topic(categories: Sequence[JsonObject] | None) -> JsonObject:
    """Return categories by their name."""
    return _named(categories, lambda category: str(category.get("category", "")))


def named_patterns(patterns: Sequence[JsonObject] | None) -> JsonObject:
    """Return patterns by the name of a built-in one, or by the name that an own one was given."""
    return _named(patterns, lambda pattern: str(pattern.get("pattern_name") or pattern.get("name") or "unnamed"))


def as_sent(current: JsonObject, after: JsonObject) -> list[JsonObject]:
    """Return a list to write: what stays in its order, what is new at the end."""
    staying = [after[name] for name in current if name in after]
    return [*staying, *(after[name] for name in after if name not in current)]


def _named(entries: Sequence[JsonObject] | None, name_of: Callable[[JsonObject], str]) -> JsonObject:
    named: JsonObject = {}
    for entry in entries or []:
        name = name_of(entry)
        twin = 2
        while name in named:
            name, twin = f"{name_of(entry)} ({twin})", twin + 1
        named[name] = entry
    return named
