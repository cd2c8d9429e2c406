"""What all actions share: a target is read whole, and only what differs from the wanted reading is written.

LiteLLM has no optimistic lock, so the guard is to read again right before writing. Every write names one target and
the values that it shall have, so doing it twice is doing it once.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import httpx
from pydantic import BeforeValidator, Field

from bot.sdk import Guard, JsonObject, Level, Rejected, Value, WholeNumber
from integrations.litellm.client import NAME, AdminApi, Settings

HIGHEST_LIMIT = 1_000_000_000


def _number(value: object) -> object:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic tells a ValueError as a problem of the field
    return value


# LiteLLM itself takes a limit of -5, and then refuses every request without saying why.
Limit = Annotated[WholeNumber, Field(ge=0, le=HIGHEST_LIMIT)]
Dollars = Annotated[float, BeforeValidator(_number), Field(ge=0, le=HIGHEST_LIMIT, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[^\s/?#][^/?#\x00-\x1f]*$", max_length=200)]


_Ref = TypeVar("_Ref", bound=Value)


class LiteLlmAction(ABC, Generic[_Ref]):
    """Reads and writes one kind of target; each action adds its plan."""

    name: str
    title: str
    ref_model: type[Value]
    params_model: type[Value]
    lowest_level: Level
    reversible = True
    guard = Guard.REREAD
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = AdminApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the target's state."""
        return await self._read(self._target(ref))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - LiteLLM takes none
        """Write what differs from `after`, or nothing if something reads neither as `before` nor as `after`."""
        target = self._target(ref)
        current = await self._read(target)
        drifted = sorted(set(_drifted(current, before, after)))
        if drifted:
            detail = f"somebody else changed {', '.join(drifted)} of {target}; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        if current != after:
            await self._write(target, current, after)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()

    @abstractmethod
    def _target(self, ref: JsonObject) -> _Ref:
        """Return the validated target."""

    @abstractmethod
    async def _read(self, target: _Ref) -> JsonObject:
        """Return the target's state."""

    @abstractmethod
    async def _write(self, target: _Ref, current: JsonObject, after: JsonObject) -> None:
        """Bring the target from `current` to `after`."""


_ABSENT = object()


def _drifted(current: object, before: object, after: object, name: str = "it") -> list[str]:
    """Return the names of fields that read neither as before nor as after."""
    if current in (before, after):
        return []
    if not (isinstance(current, dict) and isinstance(before, dict) and isinstance(after, dict)):
        return [name]
    return [
        drifted
        for field in {**current, **before, **after}
        for drifted in _drifted(
            current.get(field, _ABSENT), before.get(field, _ABSENT), after.get(field, _ABSENT), str(field)
        )
    ]


def lowered(now: float | None, wanted: float) -> bool:
    """Return whether a limit is stricter than the one in force."""
    return now is None or now > wanted


def shown(value: float | None) -> str:
    """Return a limit as people read it."""
    return "no limit" if value is None else f"{value:g}" if isinstance(value, float) else f"{value:,}"
