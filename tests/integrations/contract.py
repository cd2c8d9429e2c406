"""What an integration hands to the contract suite, in `tests/integrations/<name>/contract.py` as `CONTRACT`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from bot.sdk import JsonObject

READS = frozenset({"GET", "HEAD"})
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def read_by_method(request: httpx.Request) -> bool:
    return request.method in READS


@dataclass(frozen=True)
class ActionCase:
    """A plan that can be made in the seeded world.

    Attributes:
        disturb: What somebody else could do to the target's document so that the plan no longer holds.
        missing: A ref that is well-formed and leads nowhere.
        bad_params: Parameters that the action must refuse.
        open_params: The connection declares the parameters, so only a plan can refuse an unknown one.
    """

    ref: JsonObject
    params: JsonObject
    disturb: Callable[[JsonObject], JsonObject]
    missing: JsonObject
    bad_params: tuple[JsonObject, ...]
    open_params: bool = False


@dataclass(frozen=True)
class SignalCase:
    """A query that yields one series in the seeded world, one that yields none, and one that is wrong."""

    query: str
    empty: str
    wrong: str


@dataclass(frozen=True)
class AlertCase:
    """Bodies as the vendor sends them, bodies that are known and not wanted, and bodies of somebody else."""

    wanted: tuple[bytes, ...]
    ignored: tuple[bytes, ...]
    foreign: tuple[bytes, ...]


@dataclass(frozen=True)
class Contract:
    """All that the suite needs to know of one integration.

    Attributes:
        world: The documents that its simulator starts from, by connection; its own has the integration's name.
        settings: What a connections file must say for its simulator.
        secrets: Secret settings that its simulator does not ask for, to see that they stay secret.
        is_read: Tells reads from writes, for a vendor that does not tell them by the method.
    """

    world: dict[str, JsonObject] = field(default_factory=dict)
    settings: JsonObject = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    actions: dict[str, ActionCase] = field(default_factory=dict)
    signals: SignalCase | None = None
    alerts: AlertCase | None = None
    is_read: Callable[[httpx.Request], bool] = read_by_method
