"""JSON pointers: where in an answer a value lies (https://www.rfc-editor.org/rfc/rfc6901)."""

import re
from typing import Annotated, Any

from pydantic import Field

Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$", max_length=300)]

_INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


class Nothing(LookupError):
    """A pointer leads nowhere."""


def found(document: Any, pointer: str) -> Any:
    """Return what a pointer leads to.

    Raises:
        Nothing: It leads nowhere.
    """
    value = document
    for token in pointer.split("/")[1:]:
        value = _member(value, token.replace("~1", "/").replace("~0", "~"))
    return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    raise Nothing(name)
