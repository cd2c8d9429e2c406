"""`${ref.x}`, `${params.x}` and `${values.x}`: each stands for a whole value, or for a whole segment of a path.

There is no language here. Nothing is ever pasted into a text, so what a person types cannot become a second path
segment, another field or another request.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, JsonValue

Source = Literal["ref", "params", "values"]
Known = Mapping[str, Mapping[str, Any]]
"""What stands in for placeholders, by source and name."""

_PLACEHOLDER = re.compile(r"\$\{(ref|params|values)\.([a-z][a-z0-9_]*)\}")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9_.~:@+,;=!*'()-]|%[0-9A-Fa-f]{2})+")
_UP_OR_HERE = frozenset({"", ".", ".."})


def _checked_path(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("a path begins with /; the host is the connection's `url`")
    *inner, last = path[1:].split("/")
    for segment in (*inner, *([last] if last or not inner else [])):
        if segment in _UP_OR_HERE or not (_PLACEHOLDER.fullmatch(segment) or _SEGMENT.fullmatch(segment)):
            raise ValueError(
                f"{segment!r} cannot be a path segment; write letters and digits, or one `${{...}}` and nothing else"
            )
    return path


def _checked_value(value: JsonValue) -> JsonValue:
    for text in _texts(value):
        if "${" in text and not _PLACEHOLDER.fullmatch(text):
            raise ValueError(
                f"{text!r}: a placeholder is a whole value, never a part of a text; "
                "write `${ref.name}`, `${params.name}` or `${values.name}` and nothing else"
            )
    return value


Path = Annotated[str, Field(max_length=500), AfterValidator(_checked_path)]
Template = Annotated[JsonValue, AfterValidator(_checked_value)]


def placeholders(value: object) -> Iterator[tuple[str, str]]:
    """Yield source and name of every placeholder in a value; in a path, of every segment that is one."""
    for text in _texts(value):
        for part in text.split("/"):
            if match := _PLACEHOLDER.fullmatch(part):
                yield match[1], match[2]


def filled(value: Any, known: Known) -> Any:
    """Return a JSON value with every placeholder replaced by its whole value, of its own type."""
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    match = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return known[match[1]][match[2]] if match else value


def filled_path(path: str, known: Known) -> str:
    """Return a path with every placeholder replaced by one URL-encoded segment.

    Raises:
        ValueError: A value cannot be a segment of its own: it is empty, `.`, `..`, or no text, number or switch.
    """
    return "/".join(_segment(segment, known) for segment in path.split("/"))


def plain(value: object) -> str:
    """Return a scalar as it stands in a path or a query.

    Raises:
        ValueError: It is no scalar.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("only a text, a number or a switch can stand in a path or a query")


def _segment(segment: str, known: Known) -> str:
    match = _PLACEHOLDER.fullmatch(segment)
    if not match:
        return segment
    text = plain(known[match[1]][match[2]])
    if text in _UP_OR_HERE:
        raise ValueError(f"`{match[2]}` is {text!r}, which cannot be a segment of a path")
    return quote(text, safe="")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
