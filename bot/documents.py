"""Renders the templates of `postmortems/` to Markdown.

A newcomer would escape in the template, and forget it once. Here every value that a template writes is escaped on its
way out; only what stands in the template itself is markup, and a value that is missing comes out as a gap.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.domain.actor import Actor, ActorKind
from bot.domain.review import Review
from bot.domain.values import human_duration

MISSING = "**Gap:** not on record"
MOST_CHARACTERS = 2_000

# All that CommonMark and GitHub's dialect read as markup within a line (https://github.github.com/gfm/). Entities where
# some renderers pass HTML on; the rest by backslash.
_MARKUP = {
    **{char: f"\\{char}" for char in "\\`*_[]|~#$!"},
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    # A mention is looked for after Markdown was rendered, so no escape keeps it off: an empty character does.
    "@": "@&#8203;",
}
# At the beginning of a line these make a list, an underline of a heading, or a table.
_OPENS_BLOCK = re.compile(r"\A(?:[-+=:]|\d{1,9}(?=[.)](?:\s|$)))")
# Addresses become links by themselves.
_ADDRESS = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
# Control and format characters (bidirectional overrides, zero-width ones) hide or turn what is read; halves of
# surrogate pairs fit no encoding.
_HIDDEN = frozenset({"Cc", "Cf", "Cs"})


class MarkdownDocuments:
    """Implements the port `Documents`."""

    def __init__(self, folder: Path) -> None:
        """Take the folder with the templates, and read them.

        Raises:
            jinja2.TemplateError: A template is not there or cannot be parsed.
        """
        environment = Environment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - HTML's rules are not Markdown's: `finalize` escapes every value
            finalize=escape,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters.update(utc=utc, duration=duration, party=party, pairs=pairs)
        self._review = environment.get_template("review.md.j2")

    def review(self, review: Review) -> str:
        """Return a review's draft as Markdown.

        Raises:
            jinja2.UndefinedError: The template asks for something that a review does not have.
        """
        return self._review.render({name: getattr(review, name) for name in Review.model_fields})


def escape(value: object) -> str:
    """Return a value as Markdown text on one line, in which nothing is markup; a gap when it is `None` or blank.

    More than `MOST_CHARACTERS` are cut, with their number.
    """
    if value is None:
        return MISSING
    text = _visible(str(value))
    if not text:
        return MISSING
    left = len(text) - MOST_CHARACTERS
    cut = f" … ({left} more characters)" if left > 0 else ""
    shown = _ADDRESS.sub(r"\\\g<0>", "".join(_MARKUP.get(char, char) for char in text[:MOST_CHARACTERS]))
    return _OPENS_BLOCK.sub(_harmless, shown) + cut


def _harmless(opening: re.Match[str]) -> str:
    return f"{opening[0]}\\" if opening[0].isdigit() else f"\\{opening[0]}"


def _visible(text: str) -> str:
    words = " ".join(text.split())
    return "".join(char for char in words if unicodedata.category(char) not in _HIDDEN).strip()


def utc(at: datetime | None) -> str | None:
    """Return an instant to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else None


def duration(length: timedelta | None) -> str | None:
    """Return a duration as people say it."""
    return human_duration(length) if length is not None else None


def party(actor: Actor | None) -> str | None:
    """Return who acted: a Slack user id for a person."""
    if actor is None:
        return None
    if actor.kind is ActorKind.STANCH:
        return "Stanch"
    if not actor.is_person:
        return f"alert source {actor.id}"
    return f"{actor.id} (from the {actor.via.value})" if actor.via else actor.id


def pairs(named: Mapping[str, object]) -> str:
    """Return names and their values."""
    return ", ".join(f"{name}={value}" for name, value in named.items())
