"""Finds what reads a runtime key in the configuration as Envoy has loaded it.

A key that nothing reads can be set all the same, and Envoy says OK: so a target is what reads its key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.sdk import JsonObject
from integrations.envoy.client import AdminApi

# A route configuration that stands in a listener is among the route configurations too; what is warming or draining
# gets no new traffic.
_ELSEWHERE = frozenset({"route_config", "warming_state", "draining_state"})
_ROUTES = "static_route_configs,dynamic_route_configs"
_LISTENERS = "static_listeners,dynamic_listeners"
_DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


@dataclass(frozen=True)
class Part:
    """One object of the configuration.

    Attributes:
        field: What it is the value of.
        kind: The type that it belongs to, without its package.
        trail: The names of what it stands in, outermost first.
    """

    field: str
    kind: str
    trail: Sequence[str]
    value: JsonObject

    @property
    def name(self) -> str:
        """Where it stands, for people."""
        return " / ".join((*self.trail, self.field))


async def read_routes(api: AdminApi) -> Sequence[Part]:
    """Return every part of every route configuration."""
    dumps = await api.config(_ROUTES)
    lists = [each for dump in dumps for field in _ROUTES.split(",") for each in dump.get(field, [])]
    return [part for each in lists for part in _parts(each.get("route_config"), Part("", "", (), {}))]


async def read_listeners(api: AdminApi) -> Sequence[Part]:
    """Return every part of every listener, but for the route configurations in it."""
    return [part for dump in await api.config(_LISTENERS) for part in _parts(dump, Part("", "", (), {}))]


def percent(fraction: JsonObject) -> str:
    """Return a `FractionalPercent` of the configuration for people."""
    of = _DENOMINATORS[fraction.get("denominator", "HUNDRED")]
    return f"{100 * fraction.get('numerator', 0) / of:g} %"


def _matched(match: object) -> str | None:
    """Return the path that a route is for, which is what people know it by where it has no name."""
    return next((match[how] for how in ("prefix", "path") if how in match), None) if isinstance(match, dict) else None


def _parts(value: object, outer: Part, field: str = "") -> Iterator[Part]:
    if isinstance(value, list):
        for each in value:
            yield from _parts(each, outer, field)
    if not isinstance(value, dict):
        return
    kind = str(value.get("@type", outer.kind)).rpartition(".")[2]
    named = value.get("name") or _matched(value.get("match"))
    part = Part(field, kind, (*outer.trail, str(named)) if named else outer.trail, value)
    yield part
    for inner, each in value.items():
        if inner not in _ELSEWHERE:
            yield from _parts(each, part, inner)
