"""One action for each ladder level, each for the operations that are declared at it.

A step's level may not be lower than its action's, so the level that whoever owns the connections file has given an
operation is the one that policy sees, whatever a runbook says.
"""

from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import ConfigDict, Field, ValidationError

from bot.sdk import Action, Guard, JsonObject, Level, Proposal, Rejected, UserError, Value
from integrations.http.client import NAME, Api
from integrations.http.inputs import Name, Scalar, parsed
from integrations.http.placeholders import filled
from integrations.http.settings import IN_FORCE, Operation, Settings, Write, edit


class OperationRef(Value):
    """An operation of the connection, and the target that it acts at.

    Attributes:
        at: What the operation declares under `ref`.
    """

    operation: Name
    at: dict[Name, Scalar] = Field(default_factory=dict)


class OperationParams(Value):
    """What the operation declares under `params`; the names are its own."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Scalar]


class _Declared:
    """Carries out declared operations of one level."""

    name = ""
    title = ""
    ref_model: type[Value] = OperationRef
    params_model: type[Value] = OperationParams
    lowest_level = Level.L0
    reversible = True
    guard = Guard.REREAD
    offers_choices = True

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._operations = settings.operations
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the values that the operation reads."""
        operation, at = self._named(ref)
        state, _ = await self._api.state(operation, {"ref": at})
        return state

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the values that the operation sets; `None` when they are so.

        Raises:
            UserError: The parameters do not fit what is declared.
        """
        operation, at = self._named(ref)
        try:
            given = parsed(operation.params, params)
        except ValueError as error:
            raise UserError(f"“{operation.title}” cannot take this: {error}.") from error
        wanted = _set(operation, {"ref": at, "params": given}, state)
        after = {**state, **wanted}
        if IN_FORCE in state:
            after[IN_FORCE] = {**state[IN_FORCE], **{name: after[name] for name in state[IN_FORCE]}}
        if after == state:
            return None
        changes = [
            f"{name}: {_shown(state[name])} -> {_shown(after[name])}" for name in wanted if state[name] != after[name]
        ]
        where = [f"{name} {_shown(value)}" for name, value in at.items()]
        return Proposal(
            before=state,
            after=after,
            summary=f"{operation.title} ({'; '.join([*where, *changes])})",
            blast_radius=(*where, *changes, *operation.touches),
        )

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - every write is a desired state
        """Write the values of `after` unless they read so; refuse if one reads neither as `before` nor as `after`."""
        operation, at = self._named(ref)
        current, etag = await self._api.state(operation, {"ref": at})
        values = {name: value for name, value in after.items() if name != IN_FORCE}
        drifted = [name for name in values if current[name] not in (before.get(name), after[name])]
        if drifted:
            detail = f"somebody else changed {', '.join(drifted)}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        if all(current[name] == value for name, value in values.items()):
            return
        if operation.if_match and not etag:
            raise Rejected(NAME, "compare", status=412, detail="the vendor sent no ETag; nothing was written")
        known = {"ref": at, "values": values}
        await self._api.write(_request(operation, values), known, etag if operation.if_match else None)

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return what the vendor lists for the operation, in its order; nothing where none is declared."""
        operation, at = self._named(ref)
        return await self._api.choices(operation.choices, {"ref": at}) if operation.choices else ()

    def _named(self, ref: JsonObject) -> tuple[Operation, dict[str, Scalar]]:
        """Return the operation that a target names, and what the target says to it.

        Raises:
            Rejected: There is none, it is of another level, or the target does not fit what it declares.
        """
        try:
            named = OperationRef.model_validate(ref)
        except ValidationError as error:
            raise Rejected(NAME, "find operation", status=400, detail="the target names no operation") from error
        operation = self._operations.get(named.operation)
        if operation is None:
            known = ", ".join(sorted(self._operations))
            detail = f"the connection declares no operation {named.operation}; it has {known}"
            raise Rejected(NAME, "find operation", status=404, detail=detail)
        if operation.level is not self.lowest_level:
            right = f"http.{_NAMES[operation.level][0]}"
            detail = f"{named.operation} is declared at {operation.level.value}, so only {right} carries it out"
            raise Rejected(NAME, "find operation", status=400, detail=detail)
        try:
            return operation, parsed(operation.ref, named.at)
        except ValueError as error:
            raise Rejected(NAME, "find operation", status=400, detail=f"{named.operation}: {error}") from error


_NAMES: dict[Level, tuple[str, str]] = {
    Level.L0: ("preserve", "Preserve evidence at a declared API"),
    Level.L1: ("block", "Block one session, user, key or tenant at a declared API"),
    Level.L2: ("tighten", "Tighten one policy or guardrail at a declared API"),
    Level.L3: ("disable", "Disable one capability at a declared API"),
    Level.L4: ("limit", "Limit rate or spend at a declared API"),
    Level.L5: ("roll_back", "Roll one version back at a declared API"),
    Level.L6: ("switch_off", "Switch a feature off at a declared API"),
    Level.L7: ("revoke", "Revoke, stop or withdraw at a declared API"),
}
ACTIONS: tuple[type[Action], ...] = tuple(
    type(name, (_Declared,), {"__doc__": title + ".", "name": name, "title": title, "lowest_level": level})
    for level, (name, title) in _NAMES.items()
)


def _set(operation: Operation, known: JsonObject, state: JsonObject) -> JsonObject:
    wanted: JsonObject = {}
    for name, template in operation.sets.items():
        edited = edit(template)
        wanted[name] = _edited(name, edited, known, state[name]) if edited else filled(template, known)
    return wanted


def _edited(name: str, edited: tuple[str, Any], known: JsonObject, current: object) -> list[Any]:
    word, operand = edited[0], filled(edited[1], known)
    if current is None:
        current = []
    if not isinstance(current, list):
        raise UserError(f"The vendor holds no list for `{name}`, so nothing can be added or removed.")
    if word == "remove":
        return [each for each in current if each != operand]
    return current if operand in current else [*current, operand]


def _request(operation: Operation, values: JsonObject) -> Write:
    """Return `undo` where the values to write are not those that the operation sets, and it has one; else `apply`."""
    contains = all(values[name] == value for name, value in operation.literals.items())
    return operation.apply if contains or operation.undo is None else operation.undo


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    text = "none" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
