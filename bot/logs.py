"""How log lines look, what every line of one request or job carries, and what none may hold.

Whatever comes from outside ends up in a message sooner or later: in text format a line break is escaped, and a
traceback is indented, so that a line which begins with an instant is always one that Stanch wrote. Standard library
only, because every layer may say what it is about.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

FORMATS = ("text", "json")
# A traceback's own lines begin with blanks, so they are told apart from a record by this.
_INDENT = "    "
# Line and paragraph separators break lines for some readers; control characters steer terminals.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_HIDDEN = "***"
# Shorter values are words that a message may hold by chance.
_SHORTEST_SECRET = 6

_about: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("stanch_log_about", default=())


@contextmanager
def about(**names: str) -> Iterator[None]:
    """Have every line that is logged inside the block, and in tasks started there, carry these names."""
    token = _about.set((*((name, value) for name, value in _about.get() if name not in names), *names.items()))
    try:
        yield
    finally:
        _about.reset(token)


def names() -> Mapping[str, str]:
    """Return what a line that is logged here would be about."""
    return dict(_about.get())


def configure(style: str, secrets: Collection[str] = (), stream: TextIO | None = None) -> None:
    """Send all logs to one stream, standard error by default, replacing what was configured before.

    Args:
        style: One of `FORMATS`.
        secrets: Values that are cut out wherever they occur.
        stream: Where to write.

    Raises:
        ValueError: There is no such format.
    """
    conceal = _concealing(secrets)
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter({"text": TextLines, "json": JsonLines}[_known(style)](conceal))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # The durable engine writes to a handler of its own unless its logger has one.
    engine = logging.getLogger("dbos")
    engine.handlers, engine.propagate = [handler], False
    # One line a vendor call, with its whole address.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def one_line(text: str) -> str:
    """Return text with everything escaped that could begin another line or steer a terminal."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


Conceal = Callable[[str], str]


class _Lines(logging.Formatter):
    """What both formats share."""

    def __init__(self, conceal: Conceal) -> None:
        super().__init__()
        self._conceal = conceal

    def message(self, record: logging.LogRecord) -> str:
        """Return the message without secrets."""
        return self._conceal(record.getMessage())

    def traceback(self, record: logging.LogRecord) -> str:
        """Return the traceback without secrets; empty without one."""
        return self._conceal(self.formatException(record.exc_info)) if record.exc_info else ""


class TextLines(_Lines):
    """For people: instant, level, logger, message, and in brackets what the line is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and below it an indented traceback if there is one."""
        names = " ".join(f"{name}={self._conceal(value)}" for name, value in _about.get())
        ending = f" [{names}]" if names else ""
        line = one_line(f"{_instant(record)} {record.levelname} {record.name} {self.message(record)}{ending}")
        return "\n".join([line, *(f"{_INDENT}{one_line(each)}" for each in self.traceback(record).splitlines())])


class JsonLines(_Lines):
    """For machines: one ASCII JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; names that the line is about stand beside the fields that every line has."""
        fields = {name: self._conceal(value) for name, value in _about.get()} | {
            "time": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message(record),
        }
        if traceback := self.traceback(record):
            fields["traceback"] = traceback
        return json.dumps(fields)


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _concealing(secrets: Collection[str]) -> Conceal:
    # Longest first: a secret may be the beginning of another one.
    values = sorted({each for each in secrets if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True)
    if not values:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, values)))
    return lambda text: pattern.sub(_HIDDEN, text)


def _known(style: str) -> str:
    if style not in FORMATS:
        raise ValueError(f"there is no log format {style!r}; there are {', '.join(FORMATS)}")
    return style
