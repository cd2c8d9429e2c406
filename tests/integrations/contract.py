"""What an integration hands to the contract suite, in `tests/integrations/<name>/contract.py` as `CONTRACT`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.sdk import JsonObject

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class ActionCase:
    """A plan that can be made in the seeded world.

    Attributes:
        disturb: What somebody else could do to the target's document so that the plan no longer holds.
        missing: A ref that is well-formed and leads nowhere.
        bad_params: Parameters that the action must refuse.
    """

    ref: JsonObject
    params: JsonObject
    disturb: Callable[[JsonObject], JsonObject]
    missing: JsonObject
    bad_params: tuple[JsonObject, ...]


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
        secrets: Secret settings that its simulator does not ask for, to see that they stay secret.
    """

    world: dict[str, JsonObject] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    actions: dict[str, ActionCase] = field(default_factory=dict)
    signals: SignalCase | None = None
    alerts: AlertCase | None = None
