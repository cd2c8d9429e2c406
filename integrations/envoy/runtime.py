"""Envoy's runtime: layers of values, of which the last one that has a value for a key counts.

The admin API writes one of the layers. Envoy takes any text for any key and says OK: what it cannot read as a number it
replaces by what the configuration says, and nobody is told.
Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime, checked against Envoy 1.39.3.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.sdk import JsonObject, Rejected
from integrations.envoy.client import NAME, READ, AdminApi, foreign, objects

_LAYERS = "bootstrap.layered_runtime"
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE]\+?[0-9]{1,2})?")


@dataclass(frozen=True)
class Runtime:
    """The values of all layers.

    Attributes:
        layers: The names of the layers, the strongest last.
        admin: Which of them the admin API writes.
        values: By key, one text for each layer; empty where it has none.
    """

    layers: Sequence[str]
    admin: int
    values: dict[str, Sequence[str]]

    def override(self, key: str) -> str | None:
        """Return what the admin API has set, `None` for nothing.

        Raises:
            Rejected: A stronger layer has a value, so that the admin API's would count for nothing.
        """
        values, above = self._of(key), self.admin + 1
        stronger = [layer for layer, value in zip(self.layers[above:], values[above:], strict=True) if value]
        if stronger:
            detail = f"the runtime layer {stronger[-1]} has a value for {key}, and overrules what can be set here"
            raise Rejected(NAME, READ, status=409, detail=detail)
        return values[self.admin] or None

    def beneath(self, key: str) -> str | None:
        """Return what the layers below the admin API's say, `None` for nothing."""
        return next((value for value in reversed(self._of(key)[: self.admin]) if value), None)

    def value(self, key: str) -> str | None:
        """Return what counts, `None` where no layer says anything."""
        return next((value for value in reversed(self._of(key)) if value), None)

    def _of(self, key: str) -> Sequence[str]:
        return self.values.get(key, [""] * len(self.layers))


async def read_runtime(api: AdminApi) -> Runtime:
    """Return the runtime as it is.

    Raises:
        Rejected: Envoy's configuration has no layer for the admin API, so nothing can be set.
    """
    found = await api.get("/runtime")
    layers, entries = found.get("layers"), found.get("entries")
    if not isinstance(layers, list) or not isinstance(entries, dict):
        raise foreign()
    admin = {each.get("name") for each in _configured(await api.config(_LAYERS)) if "admin_layer" in each}
    place = next((number for number, layer in enumerate(layers) if layer in admin), None)
    if place is None:
        detail = "Envoy's layered_runtime has no admin_layer, so nothing can be set at run time"
        raise Rejected(NAME, READ, status=409, detail=detail)
    return Runtime(layers, place, {key: _values(entry, len(layers)) for key, entry in entries.items()})


def number(text: str | None) -> float | None:
    """Return a value as the number that Envoy reads in it, `None` for what it reads none in."""
    return float(text) if text and _NUMBER.fullmatch(text) else None


def _configured(dumps: Sequence[JsonObject]) -> Iterator[JsonObject]:
    for dump in dumps:
        layered = dump.get("bootstrap", {}).get("layered_runtime", {})
        yield from objects(layered.get("layers", []))


def _values(entry: object, layers: int) -> Sequence[str]:
    values = entry.get("layer_values") if isinstance(entry, dict) else None
    if not isinstance(values, list) or len(values) != layers:
        raise foreign()
    return [str(value) for value in values]
