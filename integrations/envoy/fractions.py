"""Shares of requests that a runtime key decides: who takes a route, who is rate limited, who is aborted.

Envoy takes a number for percent, everything above 100 for 100, and what is no number for what the configuration says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, UserError, Value, WholeNumber, fitting
from integrations.envoy.client import KEY, NAME, READ, TITLE, EnvoyAction
from integrations.envoy.config import Part, percent, read_listeners, read_routes
from integrations.envoy.runtime import Runtime, number, read_runtime

_NONE = "0 %"
_GATES = {"filter_enabled": "filter_enforced", "filter_enforced": "filter_enabled"}
_ABORT_KEY = "fault.http.abort.abort_percent"


class KeyRef(Value):
    """One key of the runtime."""

    runtime_key: str = Field(pattern=KEY, max_length=200)


class AbortRef(KeyRef):
    """The key of the fault filters' aborts; another one where a filter names its own."""

    runtime_key: str = Field(default=_ABORT_KEY, pattern=KEY, max_length=200)


class ShareParams(Value):
    """Percent of the requests."""

    percent: Annotated[WholeNumber, Field(ge=0, le=100)]


class SomeParams(ShareParams):
    """Percent of the requests, at least 1."""

    percent: Annotated[WholeNumber, Field(ge=1, le=100)]


@dataclass(frozen=True)
class Reader:
    """A part of the configuration that reads the key.

    Attributes:
        default: The share that it takes where the runtime says nothing.
        gate: Another share, without which this one has no effect; empty for none.
    """

    name: str
    default: str
    gate: str = ""


class _FractionAction(EnvoyAction):
    ref_model: type[Value] = KeyRef
    params_model: type[Value] = SomeParams
    lowest_level = Level.L4
    # What reads the key, and what becomes of that share of the requests; for people.
    _part: str
    _fate: str

    async def _look(self, ref: JsonObject) -> JsonObject:
        """Return the share as the admin API has set it and as it is without, and what reads it."""
        key, runtime = self._key(ref), await read_runtime(self._api)
        parts = [*await read_routes(self._api), *await read_listeners(self._api)]
        readers = [reader for part in parts for reader in self._readers(part, key, runtime)]
        if not readers:
            detail = f"no {self._part} in the configuration reads the runtime key {key}"
            raise Rejected(NAME, READ, status=404, detail=detail)
        beneath = runtime.beneath(key)
        return {
            "override": runtime.override(key),
            "underneath": _share(beneath) if beneath else ", ".join(sorted({reader.default for reader in readers})),
            "read_by": sorted(reader.name for reader in readers),
            "gates": sorted({reader.gate for reader in readers} - {""}),
        }

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new share; `None` when it is that already.

        Raises:
            UserError: It would have no effect, because something else lets no request through to it.
        """
        named, given = self._named(ref), int(fitting(self._shape(), params, whom=TITLE).percent)
        shut = [gate for gate in state["gates"] if gate.endswith(f" {_NONE}")]
        if shut:
            raise UserError(f"The {named} has no effect while {shut[0]}; set that first.")
        old, new = _share(state["override"]) if state["override"] else state["underneath"], _share(str(given))
        if old == new:
            return None
        return Proposal(
            before=state,
            after={**state, "override": str(given)},
            summary=f"Set the {named} to {given} %",
            blast_radius=(f"{old} -> {new} of the requests {self._fate}", *state["read_by"], *state["gates"]),
        )

    def _key(self, ref: JsonObject) -> str:
        return fitting(KeyRef, ref, whom=TITLE).runtime_key

    def _shape(self) -> type[ShareParams]:
        return SomeParams

    def _named(self, ref: JsonObject) -> str:
        return f"share {self._key(ref)}"

    def _overrides(self, ref: JsonObject, state: JsonObject) -> Mapping[str, str | None]:
        return {self._key(ref): state["override"]}

    def _readers(self, part: Part, key: str, runtime: Runtime) -> Iterator[Reader]:
        raise NotImplementedError


class SetShare(_FractionAction):
    """Sends another share of the requests down a route."""

    name = "set_share"
    title = "Set a route's share"
    params_model: type[Value] = ShareParams
    _part = "runtime_fraction"
    _fate = "take the route"

    def _shape(self) -> type[ShareParams]:
        return ShareParams

    def _readers(self, part: Part, key: str, runtime: Runtime) -> Iterator[Reader]:  # noqa: ARG002 - nothing else decides
        if part.field == "runtime_fraction" and part.value.get("runtime_key") == key:
            yield Reader(part.name, percent(part.value["default_value"]))


class LimitRate(_FractionAction):
    """Turns the local rate limit on for a share of the requests; how many it admits, the configuration says."""

    name = "limit_rate"
    title = "Turn a rate limit on"
    _part = "filter_enabled or filter_enforced of a local rate limit"
    _fate = "are rate limited"

    def _readers(self, part: Part, key: str, runtime: Runtime) -> Iterator[Reader]:
        if part.kind != "LocalRateLimit":
            return
        for field, other in _GATES.items():
            fraction, beside = part.value.get(field, {}), part.value.get(other, {})
            if fraction.get("runtime_key") == key:
                gate = "" if beside.get("runtime_key") == key else f"{other} is {_gate(beside, runtime)}"
                yield Reader(f"{part.name} / {field}", percent(fraction["default_value"]), gate)


class AbortRequests(_FractionAction):
    """Has a fault filter abort a share of the requests, all of them where that is 100 percent."""

    name = "abort_requests"
    title = "Abort requests"
    ref_model: type[Value] = AbortRef
    lowest_level = Level.L6
    _part = "abort of a fault filter"
    _fate = "are aborted with the filter's status"

    def _key(self, ref: JsonObject) -> str:
        return fitting(AbortRef, ref, whom=TITLE).runtime_key

    def _readers(self, part: Part, key: str, runtime: Runtime) -> Iterator[Reader]:  # noqa: ARG002 - nothing else decides
        abort = part.value.get("abort") if part.kind == "HTTPFault" else None
        if abort is not None and part.value.get("abort_percent_runtime", _ABORT_KEY) == key:
            yield Reader(part.name, percent(abort.get("percentage", {})))


def _gate(fraction: JsonObject, runtime: Runtime) -> str:
    """Return a share that counts now; one that is not configured is 0, which Envoy takes for safe."""
    value = runtime.value(fraction.get("runtime_key", ""))
    if value is None or number(value) is None:
        return percent(fraction.get("default_value", {}))
    return _share(value)


def _share(value: str) -> str:
    """Return a value of the runtime as Envoy takes it; as it stands where that is not a number."""
    found = number(value)
    return f"“{value}”" if found is None else f"{min(int(found), 100)} %"
