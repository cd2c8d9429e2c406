"""What a request, a job or a delivery did and how long each part took, as spans; told where a collector is configured.

Every layer may open a span, so this module knows no tracing library and imports none: `bot.otlp` puts a tracer in place
where an endpoint was set. Names and attributes are of our own making: ids, actions, statuses; never an address, a body,
a header or what people wrote.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import ClassVar, Protocol

from bot.errors import UserError
from bot.logs import about, names

Value = str | int
Attributes = Mapping[str, Value]


class Kind(StrEnum):
    """What a span stands for, in OpenTelemetry's words."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"


class Span(Protocol):
    """Something that takes time."""

    @property
    def trace_id(self) -> str:
        """The trace that it is part of, as 32 hex digits."""
        ...

    def set(self, name: str, value: Value) -> None:
        """Add an attribute; without effect once the span has ended."""
        ...

    def fail(self, error: str) -> None:
        """Say that it failed, with the kind of error; without effect once the span has ended."""
        ...

    def end(self) -> None:
        """Say that it is over."""
        ...


class Tracer(Protocol):
    """Takes spans down."""

    def start(
        self, name: str, kind: Kind, attributes: Attributes, within: Span | str | None, cause: Span | None
    ) -> Span:
        """Begin a span; see `span` and `apart`."""
        ...


class _Nobody:
    """The span where nobody is told."""

    trace_id = ""

    def set(self, name: str, value: Value) -> None:
        """Do nothing."""

    def fail(self, error: str) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class _Process:
    """What this process has one of."""

    tracer: ClassVar[Tracer | None] = None


_TRACE = "trace_id"
_OFF: AbstractContextManager[Span] = nullcontext(_Nobody())
_NONE: Attributes = {}
_here: ContextVar[Span | None] = ContextVar("stanch_span", default=None)


def use(tracer: Tracer | None) -> None:
    """Have one tracer take down all spans of this process; with `None`, nobody."""
    _Process.tracer = tracer


def here() -> Span | None:
    """Return the span around the caller, so that work which begins later can name it."""
    return _here.get()


def span(name: str, attributes: Attributes = _NONE, *, kind: Kind = Kind.INTERNAL) -> AbstractContextManager[Span]:
    """Open a span within the one around the caller; where there is none, a trace of its own."""
    tracer = _Process.tracer
    return _OFF if tracer is None else _opened(tracer, name, kind, attributes, _here.get(), None)


def call(name: str, attributes: Attributes = _NONE) -> AbstractContextManager[Span]:
    """Open a span for a call of another system; where no span is around the caller, none: it would tell of no work."""
    tracer, around = _Process.tracer, _here.get()
    return _OFF if tracer is None or around is None else _opened(tracer, name, Kind.CLIENT, attributes, around, None)


def apart(
    name: str,
    attributes: Attributes = _NONE,
    *,
    kind: Kind,
    within: Span | str | None = None,
    cause: Span | None = None,
) -> AbstractContextManager[Span]:
    """Open a span elsewhere than in the one around the caller.

    Args:
        name: What it stands for; of few different values.
        attributes: What is known of it already.
        kind: What it stands for, in OpenTelemetry's words.
        within: The span that it belongs to, which may have ended, or a W3C `traceparent`; `None` begins a trace.
        cause: A span of another trace that led to this one.
    """
    tracer = _Process.tracer
    return _OFF if tracer is None else _opened(tracer, name, kind, attributes, within, cause)


def mark(error: Exception) -> None:
    """Say of the span around the caller that it failed, where the error is dealt with and goes no further."""
    around = _here.get()
    if around is not None:
        _note(around, error)


@contextmanager
def _opened(
    tracer: Tracer,
    name: str,
    kind: Kind,
    attributes: Attributes,
    within: Span | str | None,
    cause: Span | None,
) -> Iterator[Span]:
    known = {f"stanch.{each}": value for each, value in names().items() if each != _TRACE}
    opened = tracer.start(name, kind, {**known, **attributes}, within, cause)
    token = _here.set(opened)
    try:
        with about(**{_TRACE: opened.trace_id}):
            yield opened
    except Exception as error:
        _note(opened, error)
        raise
    finally:
        _here.reset(token)
        opened.end()


def _note(noted: Span, error: Exception) -> None:
    """Name an error by its kind alone: its message may hold what a vendor or a person wrote."""
    kind = type(error).__name__
    if isinstance(error, UserError):  # Stanch did its work, and said no
        noted.set("error.type", kind)
    else:
        noted.fail(kind)
