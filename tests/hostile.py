"""Strategies for what no honest sender sends: any JSON, and honest documents that were spoiled."""

import json
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

# JSON that Python's own encoder would not write; each stands in a document as a text that `as_json` replaces.
_RAW = {
    "raw:digits": b"9" * 4_000,
    "raw:too-many-digits": b"9" * 5_000,
    "raw:exponent": b"1e999999",
    "raw:deep-lists": b"[" * 3_000 + b"]" * 3_000,
    "raw:deep-objects": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "raw:half-a-character": b'"\\ud83d"',
    "raw:no-utf-8": b'"\xff\xfe"',
    "raw:unencoded-surrogate": b'"\xed\xa0\x80"',
}
_LEFT_OUT = object()

TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=30),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "\u202eturned",
            "<!channel> <@U0COMMANDER> *x* `y`",
            "'; DROP TABLE incidents; --",
            "{{ 7 * 7 }} ${inputs.x}",
            "../../etc/passwd",
            "\ud800",
            "\U0001f600" * 50,
            "x" * 70_000,
        ]
    ),
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([-1, 2**31, 2**63, 2**64, "raw:digits", "raw:too-many-digits"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from(sorted(_RAW)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def as_json(value: object) -> bytes:
    """Return a value as JSON, with what stands for raw bytes replaced by them."""
    body = json.dumps(value).encode()
    for name, raw in _RAW.items():
        body = body.replace(json.dumps(name).encode(), raw)
    return body


@st.composite
def spoiled(draw: st.DrawFn, honest: st.SearchStrategy[Any]) -> Any:
    """Draw a JSON document in which up to three values are left out, or replaced by others of their kind or of any."""
    document = draw(honest)
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        place, value = draw(_places(document))
        by = draw(st.sampled_from([_alike(value), _alike(value), ANY_JSON, st.just(_LEFT_OUT)]))
        document = _replaced(document, place, draw(by))
    return None if document is _LEFT_OUT else document


@st.composite
def _places(draw: st.DrawFn, document: Any) -> tuple[Path, Any]:
    """Draw a path into a document and what is there, shallow as often as deep, however much there is below."""
    path: Path = ()
    value = document
    while isinstance(value, dict | list) and value and draw(st.integers(0, 5)):
        key: Any = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        path, value = (*path, key), value[key]
    return path, value


def _alike(value: object) -> st.SearchStrategy[Any]:
    if isinstance(value, str):
        return TEXTS
    return NUMBERS if isinstance(value, int | float) else ANY_JSON


def _replaced(value: Any, path: Path, by: object) -> Any:
    """Return a copy of a document with another value at one place."""
    if not path:
        return by
    first, *rest = path
    changed = _replaced(value[first], tuple(rest), by)
    if isinstance(value, dict):
        return {
            key: changed if key == first else child
            for key, child in value.items()
            if key != first or changed is not _LEFT_OUT
        }
    return [
        changed if index == first else child
        for index, child in enumerate(value)
        if index != first or changed is not _LEFT_OUT
    ]
