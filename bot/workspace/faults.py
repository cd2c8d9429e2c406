"""Faults on demand: a caller of the workspace tells it to be slow, to fail, or to lose and repeat things.

`answer` with `applied` carries the request out and loses only its answer: what a client sees when the network breaks
after Slack has accepted a message.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Slow(_Fault):
    """Answer `method` (`*` for all) `milliseconds` late, for the next `calls` calls; `None` means until cleared.

    `events_api`, `slash_commands` or `interactive` in place of a method delays what is sent to the app.
    """

    kind: Literal["slow"]
    method: str = "*"
    milliseconds: PositiveInt
    calls: PositiveInt | None = None


class Answer(_Fault):
    """Answer the next `calls` calls of `method` with an HTTP status; `retry_after` seconds go with 429."""

    kind: Literal["answer"]
    method: str = "*"
    status: Literal[429, 500, 502, 503]
    retry_after: PositiveInt = 1
    calls: PositiveInt = 1
    applied: bool = False


class DropSockets(_Fault):
    """Close every open socket, at once or after the `disconnect` message that Slack sends when it refreshes."""

    kind: Literal["drop_sockets"]
    announced: bool = False


class DuplicateEvents(_Fault):
    """Deliver each of the next `events` events twice, under the same event id."""

    kind: Literal["duplicate_events"]
    events: PositiveInt = 1


class ReorderEvents(_Fault):
    """Hold the next `events` events back and deliver them in reverse order."""

    kind: Literal["reorder_events"]
    events: Annotated[int, Field(ge=2)] = 2


class Replay(_Fault):
    """Send the last request to the request URL once more, byte for byte, as somebody would who had overheard it."""

    kind: Literal["replay"]


Fault = Annotated[Slow | Answer | DropSockets | DuplicateEvents | ReorderEvents | Replay, Field(discriminator="kind")]
FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        self._active.append(fault)

    def clear(self) -> None:
        """Lift every fault."""
        self._active.clear()

    def listed(self) -> list[dict[str, object]]:
        """Return the faults in force as JSON."""
        return [fault.model_dump() for fault in self._active]

    def slowness(self, method: str) -> float:
        """Return by how many seconds this call of `method` must be slowed, and count it."""
        milliseconds = 0
        for fault in [one for one in self._active if isinstance(one, Slow) and _meets(one.method, method)]:
            milliseconds += fault.milliseconds
            if fault.calls is not None:
                self._use(fault, fault.calls - 1, "calls")
        return milliseconds / 1000

    def answer(self, method: str) -> Answer | None:
        """Return the failure that this call of `method` must meet, and count it."""
        for fault in self._active:
            if isinstance(fault, Answer) and _meets(fault.method, method):
                self._use(fault, fault.calls - 1, "calls")
                return fault
        return None

    def copies(self) -> int:
        """Return how often the next event must be delivered, and count it."""
        for fault in self._active:
            if isinstance(fault, DuplicateEvents):
                self._use(fault, fault.events - 1, "events")
                return 2
        return 1

    def holds(self, held: int) -> bool:
        """Tell whether events must still be held back when `held` of them are."""
        for fault in self._active:
            if isinstance(fault, ReorderEvents):
                if held < fault.events:
                    return True
                self._active.remove(fault)
        return False

    def _use(self, fault: Slow | Answer | DuplicateEvents, left: int, field: str) -> None:
        if left:
            setattr(fault, field, left)
        else:
            self._active.remove(fault)


def _meets(wanted: str, name: str) -> bool:
    """Tell whether a fault is for this method; only methods have a dot, kinds of delivery have none."""
    return wanted == name or (wanted == "*" and "." in name)
