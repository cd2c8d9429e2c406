"""Lists of what a policy refuses, in the data document: topics by their name, patterns as regular expressions.

A list is a JSON array of texts, or an object whose keys they are. The object is the better shape: an entry is added and
taken away by its key, so nobody else's change can be lost on the way.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, UserError, Value, fitting
from integrations.opa.client import NAME, TITLE, OpaAction, Path

_LONGEST = 300
# OPA matches with RE2, which has no look-around and no back-references: it takes the data, and then matches nothing.
_NOT_IN_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]|[*+?}]\+")
_TAKEN_LITERALLY = re.compile(r"\\[^1-9]|\[\^?\]?[^\]]*\]")


def _topic(text: str) -> str:
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError("must be a name without spaces around it")
    return text


def _pattern(text: str) -> str:
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression ({error})") from error
    if _NOT_IN_RE2.search(_TAKEN_LITERALLY.sub("", text)):
        raise ValueError("has look-around, a back-reference or a possessive quantifier, which RE2 does not know")
    if compiled.search(""):
        raise ValueError("matches the empty text, so it would deny everything")
    return text


class ListRef(Value):
    """A deny list of the data document, such as `guardrails/denied_topics`."""

    path: Path


class TopicParams(Value):
    """A topic, by the name that the policy compares with."""

    topic: Annotated[str, Field(min_length=1, max_length=_LONGEST), AfterValidator(_topic)]


class PatternParams(Value):
    """A regular expression of RE2, for a policy that calls `regex.match`."""

    pattern: Annotated[str, Field(min_length=1, max_length=_LONGEST), AfterValidator(_pattern)]


class _DenyAction(OpaAction):
    ref_model: type[Value] = ListRef
    lowest_level = Level.L2

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the list.

        Raises:
            Rejected: There is none at the path.
        """
        path = fitting(ListRef, ref, whom=TITLE).path
        denied = await self._api.value(path)
        if not _is_list(denied):
            detail = f"data/{path} is neither an array of texts nor an object"
            raise Rejected(NAME, "read data", status=404, detail=detail)
        return {"denied": denied}

    async def _write(self, ref: JsonObject, current: JsonObject, after: JsonObject) -> None:
        path, old, new = fitting(ListRef, ref, whom=TITLE).path, current["denied"], after["denied"]
        if isinstance(old, list):
            await self._api.patch(path, {"op": "replace", "path": "", "value": new})
            return
        added = [{"op": "add", "path": _pointer(key), "value": new[key]} for key in new if key not in old]
        removed = [{"op": "remove", "path": _pointer(key)} for key in old if key not in new]
        await self._api.patch(path, *added, *removed)

    def _denying(self, ref: JsonObject, state: JsonObject, entry: str, kind: str) -> Proposal | None:
        path, denied = fitting(ListRef, ref, whom=TITLE).path, state["denied"]
        if entry in denied:
            if isinstance(denied, list) or denied[entry]:
                return None
            raise UserError(f"data/{path} has {entry} switched off by hand; switch it on there.")
        return Proposal(
            before=state,
            after={"denied": [*denied, entry] if isinstance(denied, list) else {**denied, entry: True}},
            summary=f"Deny the {kind} {entry} in data/{path}",
            blast_radius=(
                f"{len(denied)} denied before, {len(denied) + 1} after",
                f"every decision that reads data.{path.replace('/', '.')}, from the next one on",
            ),
        )


class DenyTopic(_DenyAction):
    """Adds a topic to a deny list."""

    name = "deny_topic"
    title = "Deny a topic"
    params_model: type[Value] = TopicParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the longer list; `None` when the topic is on it."""
        return self._denying(ref, state, fitting(TopicParams, params, whom=TITLE).topic, "topic")


class DenyPattern(_DenyAction):
    """Adds a regular expression to a deny list."""

    name = "deny_pattern"
    title = "Deny a pattern"
    params_model: type[Value] = PatternParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the longer list; `None` when the pattern is on it."""
        return self._denying(ref, state, fitting(PatternParams, params, whom=TITLE).pattern, "pattern")


def _is_list(denied: Any) -> bool:
    return isinstance(denied, dict) or (isinstance(denied, list) and all(isinstance(each, str) for each in denied))


def _pointer(key: str) -> str:
    """Return where a key lies as JSON Pointer; OPA takes percent signs out of it as out of an address."""
    return "/" + key.replace("~", "~0").replace("/", "~1").replace("%", "%25")
