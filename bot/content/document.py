"""A content file as plain data that remembers the line of every value.

YAML is read here as JSON with comments: what is quoted is text, and so are `yes`, `on` and a date. What else differs
from PyYAML's own loader is wanted: a tag and a duplicate key are problems, and nesting and aliases have bounds.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Protocol

import yaml
from yaml.events import CollectionStartEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_VALUES = 10_000

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Place = tuple[str | int, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in one file; sorts by where it is."""

    path: str
    line: int
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.place}: {self.message}"


@dataclass(frozen=True)
class Document:
    """One file, read.

    Attributes:
        path: As problems show it.
        data: The whole file as JSON.
        lines: Line of every place that can be named, the first being 1; `()` is the whole file.
    """

    path: str
    data: Json
    lines: dict[Place, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name without `.yaml`."""
        return PurePath(self.path).stem

    def problem(self, place: Place, message: str) -> Problem:
        """Return a problem at a place, or at the nearest place around it that the file has."""
        known = self.nearest(place)
        return Problem(self.path, self.lines.get(known, 1), spell(known), message)

    def nearest(self, place: Place) -> Place:
        """Return the deepest place on the way to `place`, passing over steps that the file does not have."""
        found: Place = ()
        for step in place:
            if (*found, step) in self.lines:
                found = (*found, step)
        return found

    def where(self, place: Place) -> str:
        """Return `path:line` of a place."""
        return f"{self.path}:{self.lines.get(self.nearest(place), 1)}"


def spell(place: Place) -> str:
    """Return a place as people write it: `steps[0].params.to`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.lstrip(".") or "file"


def read(file: Path, shown_as: str) -> tuple[Document | None, list[Problem]]:
    """Read a file; without a document the problems say why, with one they may still name duplicate keys."""
    try:
        if file.stat().st_size > MAX_BYTES:
            return None, [Problem(shown_as, 1, "file", f"it is larger than {MAX_BYTES >> 20} MiB")]
        content = file.read_bytes()
    except OSError as error:
        return None, [Problem(shown_as, 1, "file", f"it cannot be read: {error.strerror}")]
    try:
        return _parse(content.decode(), shown_as)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Problem(shown_as, line, "file", "it is not UTF-8 text")]


def _parse(text: str, path: str) -> tuple[Document | None, list[Problem]]:
    try:
        node = _Composer(text).get_single_node()
        if node is None:
            return None, [Problem(path, 1, "file", "it is empty")]
        walk = _Walk(path)
        data = walk.value(node, ())
    except _Refused as refused:
        return None, [Problem(path, refused.line, "file", refused.message)]
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark or error.context_mark)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return None, [Problem(path, line, "file", f"not YAML: {said}")]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [Problem(path, line, "file", "a control character does not belong in a text file")]
    return Document(path, data, walk.lines), walk.problems


class _Mark(Protocol):
    """PyYAML has two classes for a position."""

    @property
    def line(self) -> int:
        """Count from 0."""
        ...


class _Refused(Exception):
    """The file is YAML, and more than content may use."""

    def __init__(self, mark: _Mark | None, message: str) -> None:
        super().__init__(message)
        self.line = _line(mark)
        self.message = message


def _line(mark: _Mark | None) -> int:
    return 1 if mark is None else mark.line + 1


class _Composer(yaml.SafeLoader):
    """Builds nodes from text; refuses tags, and what would exhaust stack or patience.

    A key is a node too, so it may build two for each value that a file may hold.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it out
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            raise _Refused(
                event.start_mark, f"YAML tags are not used in content; write the value without `{event.tag}`"
            )
        self._count += 1
        if self._count > 2 * MAX_VALUES:
            raise _Refused(event.start_mark, f"it holds more than {MAX_VALUES:,} values")
        if self._depth > MAX_DEPTH:
            raise _Refused(event.start_mark, f"it is nested more than {MAX_DEPTH} deep")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Walk:
    """Turns nodes into data; an alias is walked each time, so that the count of values bounds what it multiplies."""

    def __init__(self, path: str) -> None:
        self.lines: dict[Place, int] = {(): 1}
        self.problems: list[Problem] = []
        self._path = path
        self._values = 0

    def value(self, node: Node, place: Place) -> Json:
        """Return a node's data."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise _Refused(node.start_mark, f"it holds more than {MAX_VALUES:,} values")
        if len(place) > MAX_DEPTH:
            raise _Refused(node.start_mark, f"it is nested more than {MAX_DEPTH} deep")
        match node:
            case MappingNode():
                return dict(self._members(node, place))
            case SequenceNode():
                return [self._entry(item, item, (*place, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return _scalar(node)
        raise TypeError(type(node))

    def _entry(self, shown: Node, node: Node, place: Place) -> Json:
        self.lines[place] = _line(shown.start_mark)
        return self.value(node, place)

    def _members(self, mapping: MappingNode, place: Place) -> Iterator[tuple[str, Json]]:
        first: dict[str, int] = {}
        for key, node in mapping.value:
            if not isinstance(key, ScalarNode):
                raise _Refused(key.start_mark, "a key must be a word")
            name, line = str(key.value), _line(key.start_mark)
            if name in first:
                message = f"the key `{name}` is there already, on line {first[name]}"
                self.problems.append(Problem(self._path, line, spell((*place, name)), message))
                continue
            first[name] = line
            yield name, self._entry(key, node, (*place, name))


def _scalar(node: ScalarNode) -> Json:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
