"""Collects what is wrong with a Block Kit payload, each problem with the JSON pointer of its place.

The sentences are Slack's own, because an app's log is where a developer reads them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.workspace.wire import Json

PLAIN = ("plain_text",)
EITHER = ("plain_text", "mrkdwn")


@dataclass(slots=True)
class Checks:
    """The problems found so far, as `sentence [json-pointer:/place]`."""

    problems: list[str] = field(default_factory=list)

    def add(self, problem: str, pointer: str) -> None:
        """Note one problem."""
        self.problems.append(f"{problem} [json-pointer:{pointer}]")

    def must(self, claim: bool, problem: str, pointer: str) -> bool:  # noqa: FBT001 - reads as an assertion
        """Note a problem unless the claim holds; return the claim."""
        if not claim:
            self.add(problem, pointer)
        return claim

    def string(self, owner: Json, name: str, pointer: str, *, most: int, required: bool = False) -> None:
        """Check a string property and its length."""
        value = owner.get(name)
        if value is None:
            self.must(not required, f"missing required field: {name}", pointer)
        elif self.must(isinstance(value, str), "must be a string", f"{pointer}/{name}"):
            self._length(value, f"{pointer}/{name}", most, required=required)

    def text(
        self, owner: Json, name: str, pointer: str, *, most: int, kinds: tuple[str, ...] = PLAIN, required: bool = True
    ) -> None:
        """Check a property that holds a text object."""
        if name not in owner or owner[name] is None:
            self.must(not required, f"missing required field: {name}", pointer)
            return
        self.text_object(owner[name], f"{pointer}/{name}", most=most, kinds=kinds)

    def text_object(self, value: Any, pointer: str, *, most: int, kinds: tuple[str, ...] = EITHER) -> None:
        """Check a text object itself."""
        if not self.must(isinstance(value, dict), "must be an object", pointer):
            return
        if not self.must(value.get("type") in kinds, f"must be of type {' or '.join(kinds)}", f"{pointer}/type"):
            return
        text = value.get("text")
        if self.must(text is not None, "missing required field: text", pointer) and self.must(
            isinstance(text, str), "must be a string", f"{pointer}/text"
        ):
            self._length(str(text), f"{pointer}/text", most, required=True)

    def items(self, owner: Json, name: str, pointer: str, *, most: int, least: int = 1) -> Iterable[tuple[Json, str]]:
        """Check a list of objects and return its objects, each with its pointer."""
        place = f"{pointer}/{name}"
        value = owner.get(name)
        if value is None:
            self.must(least == 0, f"missing required field: {name}", pointer)
            return []
        if not self.must(isinstance(value, list), "must be an array", place):
            return []
        self.must(len(value) >= least, f"no fewer than {least} items allowed", place)
        self.must(len(value) <= most, f"no more than {most} items allowed", place)
        return [
            (item, f"{place}/{index}")
            for index, item in enumerate(value)
            if self.must(isinstance(item, dict), "must be an object", f"{place}/{index}")
        ]

    def _length(self, value: str, pointer: str, most: int, *, required: bool) -> None:
        if required and not value:
            self.add("must be more than 0 characters", pointer)
        if len(value) > most:
            self.add(f"must be less than {most + 1} characters", pointer)
