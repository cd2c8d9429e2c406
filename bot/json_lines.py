"""JSON lines in, JSON lines out: how rules are asked from outside, one case a line.

A line that cannot be answered says so in its place, and the rest is answered all the same.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bot.domain.values import JsonObject
from bot.errors import BadCommand, SettingsError, UserError

STANDARD_INPUT = "-"
MAX_BYTES = 1 << 20


def answer_lines(source: str, answer: Callable[[JsonObject], JsonObject], write: Callable[[str], object]) -> int:
    """Answer every line of a file, or of standard input where the source is `-`; return 1 if one could not be.

    Args:
        source: A path or `-`.
        answer: From a line's object to what is said about it, without the id. It raises a `UserError`.
        write: Takes whole lines.

    Raises:
        SettingsError: The file cannot be read.
    """
    status = 0
    with ExitStack() as stack:
        try:
            lines = sys.stdin.buffer if source == STANDARD_INPUT else stack.enter_context(Path(source).open("rb"))
        except OSError as error:
            raise SettingsError(f"{source} cannot be read: {error.strerror}") from error
        for said in _answers(lines, answer):
            status = 1 if "error" in said else status
            write(json.dumps(said) + "\n")
    return status


def _answers(lines: Iterable[bytes], answer: Callable[[JsonObject], JsonObject]) -> Iterator[JsonObject]:
    for line in lines:
        if not line.strip():
            continue
        name: str | int | None = None
        try:
            case = _read(line)
            name = _id(case)
            yield {"id": name, **answer(case)}
        except UserError as error:
            yield {"id": name, "error": str(error)}
        except RecursionError:
            yield {"id": name, "error": "it is nested too deep"}


def _read(line: bytes) -> JsonObject:
    if len(line) > MAX_BYTES:
        raise BadCommand(f"the line is longer than {MAX_BYTES >> 20} MiB")
    try:
        case = json.loads(line, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadCommand(f"it is not JSON: {error}") from error
    if not isinstance(case, dict):
        raise BadCommand("a line must be a JSON object")
    return case


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    """Build an object; a name that is there twice contradicts itself, and JSON would keep the last one silently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise BadCommand(f"given more than once: {', '.join(twice)}")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _id(case: JsonObject) -> str | int:
    name = case.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise BadCommand("a line needs an `id`: text or a whole number")
    return name
