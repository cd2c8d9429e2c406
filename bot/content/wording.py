"""What pydantic found, in words for someone who writes YAML and has never seen Python."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.content.document import Document, Place, Problem
from bot.domain.values import JsonObject, Value, human_duration

_DAYS = re.compile(r"datetime\.timedelta\((?:days=)?([0-9]+)\)")

_PATTERNS = {
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "use lower-case letters and digits, with single hyphens between words",
    r"^[a-z][a-z0-9_]*$": "use lower-case letters, digits and underscores, beginning with a letter",
    r"^[a-z0-9][a-z0-9._-]*$": "write the handle of a Slack user group, in lower case and without the @",
    r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$": "name an action as `integration.action`",
}
_SHAPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping (lines like `name: value`)",
    "model_type": "a mapping (lines like `name: value`)",
    "model_attributes_type": "a mapping (lines like `name: value`)",
    "list_type": "a list (lines that begin with `- `)",
    "tuple_type": "a list (lines that begin with `- `)",
    "time_delta_type": "a duration: a number and s, m, h or d, like 15m",
}
_BOUNDS = {
    "greater_than": ("gt", "be greater than"),
    "greater_than_equal": ("ge", "be at least"),
    "less_than": ("lt", "be less than"),
    "less_than_equal": ("le", "be at most"),
    "string_too_long": ("max_length", "be shorter; characters at most:"),
    "too_short": ("min_length", "have more entries; at least:"),
    "too_long": ("max_length", "have fewer entries; at most:"),
}


def refusals(model: type[Value], data: JsonObject, *, strict: bool = False) -> list[ErrorDetails]:
    """Return what a model refuses in some data; empty when it fits. Strict takes no `"1"` for a number."""
    try:
        model.model_validate_json(json.dumps(data), strict=strict)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def worded(details: Iterable[ErrorDetails], document: Document, at: Place = (), prefix: str = "") -> Iterator[Problem]:
    """Say each refusal at its line; `at` is where the refused part lies in the file."""
    for detail in details:
        yield document.problem((*at, *detail["loc"]), prefix + _say(detail))


def _say(detail: ErrorDetails) -> str:  # noqa: PLR0911 - one return for each kind of error
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    field = detail["loc"][-1] if detail["loc"] else ""
    if kind == "missing":
        return f"the field `{field}` is missing"
    if kind == "extra_forbidden":
        return f"there is no field `{field}` here"
    if kind == "union_tag_not_found":
        return f"the field {context['discriminator'].replace(chr(39), '`')} is missing"
    if kind == "union_tag_invalid":
        return f"the field {context['discriminator'].replace(chr(39), '`')} must be one of {context['expected_tags']}"
    if kind == "enum":
        return f"must be one of {context['expected']}, not {_quoted(given)}"
    if kind == "string_pattern_mismatch":
        return f"{_quoted(given)} does not fit: {_PATTERNS.get(context['pattern'], context['pattern'])}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind in _SHAPES:
        quotes = "; put it in quotes" if kind == "string_type" and isinstance(given, int | float) else ""
        return f"must be {_SHAPES[kind]}, not {_quoted(given)}{quotes}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must {words} {_bound(context[name])}"
    return detail["msg"].removeprefix("Value error, ")


def _bound(value: object) -> str:
    """Return a bound as people write it; pydantic spells a duration as Python does."""
    days = _DAYS.fullmatch(str(value))
    return human_duration(timedelta(days=int(days[1]))) if days else str(value)


def _quoted(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return str(value).lower() if isinstance(value, bool) else f"`{value}`"
