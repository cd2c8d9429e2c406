"""Tagged unions that people write as a mapping with exactly one key: `all: [...]`, `hours: 72`."""

from collections.abc import Mapping
from typing import Any

from pydantic import Discriminator


def by_single_key(what: str, kinds: Mapping[type, str]) -> Discriminator:
    """Return what tells the members of a union apart by their one key.

    Args:
        what: The name of the whole, for the message when the key is none of these or there are two.
        kinds: The key of each member.
    """

    def key(value: Any) -> str | None:
        if isinstance(value, dict):
            return str(next(iter(value))) if len(value) == 1 else None
        return kinds.get(type(value))

    return Discriminator(
        key,
        custom_error_type=f"unknown_{what.replace(' ', '_')}",
        custom_error_message=f"{what} has exactly one of the keys {', '.join(kinds.values())}",
    )
