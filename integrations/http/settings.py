"""How an operation is declared: what it reads, what it sets, and the requests that write it.

The declaration stands in the connections file, which operators own, and never in a runbook: a runbook only names an
operation. All mistakes that can be seen without the vendor are found when the file is read.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from bot.sdk import ConnectionSettings, JsonObject, Level, SecretStr, Value
from integrations.http.inputs import Declared, Name
from integrations.http.placeholders import Path, Template, placeholders
from integrations.http.pointers import Pointer

IN_FORCE = "in_force"

Sentence = Annotated[str, Field(min_length=1, max_length=300)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")]
HeaderText = Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=500)]
_OWN_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "if-match"})


class Auth(Value):
    """How the secret `token` is sent.

    Attributes:
        scheme: Word before the token; empty for none.
    """

    header: HeaderName = "Authorization"
    scheme: Literal["Bearer", "Basic", "Token", "Api-Key", ""] = "Bearer"


class Place(Value):
    """Where a value lies in an answer.

    Attributes:
        reads: The value itself, or whether there is one.
        optional: Where nothing is, the value reads null; without it such an answer is an error.
    """

    at: Pointer
    reads: Literal["value", "presence"] = "value"
    optional: bool = False


def _as_place(given: object) -> object:
    return {"at": given} if isinstance(given, str) else given


Places = Annotated[dict[Name, Annotated[Place, BeforeValidator(_as_place)]], Field(min_length=1, max_length=50)]
Query = dict[Annotated[str, Field(min_length=1, max_length=100)], Template]


class Look(Value):
    """A GET request, and what to take from its answer.

    Attributes:
        not_found: Whether 404 is an error, or says that there is nothing: presences read false, values null.
    """

    path: Path
    query: Query = Field(default_factory=dict)
    values: Places
    not_found: Literal["refused", "absent"] = "refused"


class Write(Value):
    """A request that writes."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: Path
    query: Query = Field(default_factory=dict)
    body: Template = None
    content_type: Literal["application/json", "application/merge-patch+json", "application/json-patch+json"] = (
        "application/json"
    )


class Choices(Value):
    """A GET request whose answer lists what a form may offer for the operation's parameter.

    Attributes:
        items: Where the list is.
        value: Where in each item the value is; the item itself if empty.
    """

    path: Path
    query: Query = Field(default_factory=dict)
    items: Pointer = ""
    value: Pointer = ""


class Operation(Value):
    """One thing that can be done, and taken back, at one kind of target.

    Attributes:
        level: Ladder level; only the action of that level carries it out.
        ref: What a target must say, under `at`.
        params: What a step must say.
        touches: Sentences for the people who approve: who is affected, and how far it reaches.
        read: The state that is managed: compared before every write, restored by undo.
        verify: Another place that must show the same once it is in force.
        sets: What the values become: a literal, `${params.x}`, or `{add: ...}` and `{remove: ...}` on a list.
        apply: Writes values, `${values.x}`: those that are set, or those that were read, to restore them.
        undo: Restores instead of `apply`, where the vendor has another request for that.
        if_match: Send the ETag of the last read, so that the vendor refuses a stale write.
    """

    title: Annotated[str, Field(min_length=1, max_length=75)]
    level: Level
    ref: dict[Name, Declared] = Field(default_factory=dict)
    params: dict[Name, Declared] = Field(default_factory=dict)
    touches: list[Sentence] = Field(default_factory=list, max_length=10)
    read: Look
    verify: Look | None = None
    sets: dict[Name, Template] = Field(min_length=1)
    apply: Write
    undo: Write | None = None
    choices: Choices | None = None
    if_match: bool = False

    @property
    def literals(self) -> JsonObject:
        """What is set whatever the parameters are."""
        return {name: value for name, value in self.sets.items() if not list(placeholders(value)) and not edit(value)}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = [*self._unknown_placeholders(), *self._unknown_values()]
        used = {name for source, name in placeholders(self.sets) if source == "params"}
        problems += [f"`sets` does not use the parameter `{name}`" for name in sorted(set(self.params) - used)]
        if self.undo and not self.literals:
            problems.append(
                "`undo` is told from `apply` by what `sets` sets to a fixed value, and there is none; "
                "leave `undo` out, then `apply` restores what was read"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown_placeholders(self) -> Iterator[str]:
        known = {"ref": set(self.ref), "params": set(self.params), "values": set(self.read.values)}
        for part, sources in _SOURCES.items():
            declared = getattr(self, part)
            given = declared.model_dump() if isinstance(declared, Value) else declared
            for source, name in placeholders(given):
                if source not in sources:
                    yield f"`{part}` cannot use `${{{source}.{name}}}`, only {' and '.join(sources)}"
                elif name not in known[source]:
                    yield f"`{part}` uses `${{{source}.{name}}}`, which is not declared"

    def _unknown_values(self) -> Iterator[str]:
        values = self.read.values
        for part, names in (("sets", set(self.sets)), ("verify", set(self.verify.values) if self.verify else set())):
            for name in sorted(names - set(values)):
                yield f"`{part}` names `{name}`, which `read` does not read"
        for name in sorted(set(self.sets) & set(values)):
            if values[name].reads == "presence" and not isinstance(self.sets[name], bool):
                yield f"`sets` must say true or false for `{name}`, which reads a presence"
        if IN_FORCE in values:
            yield f"a value cannot be called `{IN_FORCE}`"


_SOURCES: dict[str, tuple[str, ...]] = {
    "read": ("ref",),
    "verify": ("ref",),
    "choices": ("ref",),
    "sets": ("params", "ref"),
    "apply": ("values", "ref"),
    "undo": ("values", "ref"),
}


def edit(value: JsonValue) -> tuple[str, Any] | None:
    """Return `("add", x)` or `("remove", x)` for an edit of a list; `None` for a value."""
    if isinstance(value, dict) and len(value) == 1:
        [(word, operand)] = value.items()
        if word in {"add", "remove"}:
            return word, operand
    return None


class Settings(ConnectionSettings):
    """Where the API is, its credential, and what can be done there.

    Attributes:
        headers: Sent with every request; nothing secret belongs here.
    """

    token: SecretStr | None = None
    auth: Auth = Field(default_factory=Auth)
    headers: dict[HeaderName, HeaderText] = Field(default_factory=dict)
    operations: dict[Name, Operation] = Field(min_length=1)

    @model_validator(mode="after")
    def _headers_are_free(self) -> Self:
        taken = {*_OWN_HEADERS, self.auth.header.lower()} & {name.lower() for name in self.headers}
        if taken:
            raise ValueError(f"`headers` cannot set {', '.join(sorted(taken))}")
        return self
