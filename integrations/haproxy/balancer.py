"""What can be done to the servers of one backend: weights, and whether they take new traffic.

A server's weight counts only while it is ready. HAProxy answers 503 to everybody once no server of a backend is left,
so what would leave none is refused here.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from bot.sdk import JsonObject, Level, Proposal, Unavailable, UserError, Value, WholeNumber, fitting
from integrations.haproxy.client import NAME, TITLE, WORD, HaproxyAction, Seen

_FORMAT = "1"
# What an administrator has forced, of `srv_admin_state`; its other bits are inherited, or the resolver's.
_MAINTENANCE, _DRAINED = 0x01, 0x08
_READY, _DRAIN, _MAINT = "ready", "drain", "maint"


class BackendRef(Value):
    """One backend of the configuration."""

    backend: str = Field(pattern=WORD, max_length=100)


class ServerParams(Value):
    """One server of the backend, by its name."""

    server: str = Field(pattern=WORD, max_length=100)


class WeightParams(ServerParams):
    """The server's new weight, beside those that the others keep."""

    weight: Annotated[WholeNumber, Field(ge=0, le=256)]


class _BackendAction(HaproxyAction):
    ref_model: type[Value] = BackendRef
    lowest_level = Level.L4
    offers_choices = True

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the servers."""
        return list((await self.read(ref))["servers"])

    async def _look(self, ref: JsonObject) -> Seen:
        """Return each server's weight and whether it is ready; beside that, the weights of the configuration."""
        backend = fitting(BackendRef, ref, whom=TITLE).backend
        lines = await self._api.show(f"show servers state {backend}")
        if len(lines) < 2 or lines[0] != _FORMAT or not lines[1].startswith("# "):
            raise Unavailable(NAME, "read servers", "the answer is not HAProxy's")
        columns = lines[1].removeprefix("# ").split()
        try:
            rows = [dict(zip(columns, line.split(), strict=True)) for line in lines[2:]]
            servers = {row["srv_name"]: {"weight": int(row["srv_uweight"]), "state": _state(row)} for row in rows}
            return Seen({"servers": servers}, {row["srv_name"]: int(row["srv_iweight"]) for row in rows})
        except (KeyError, ValueError) as error:
            raise Unavailable(NAME, "read servers", "the answer is not HAProxy's") from error

    def _named(self, ref: JsonObject) -> str:
        return f"backend {ref['backend']}"

    def _commands(self, ref: JsonObject, seen: Seen, after: JsonObject) -> Sequence[str]:
        return [
            f"set server {ref['backend']}/{name} {field} {_spelled(field, value, seen.beside[name])}"
            for name, server in after["servers"].items()
            for field, value in server.items()
            if value != seen.state["servers"][name][field]
        ]


class SetWeight(_BackendAction):
    """Gives one server another weight; the others keep theirs."""

    name = "set_weight"
    title = "Move weight between servers"
    params_model: type[Value] = WeightParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new weights; `None` when the server has that weight.

        Raises:
            UserError: The backend has no such server, or no server would be left with a weight.
        """
        given = fitting(WeightParams, params, whom=TITLE)
        summary = f"Set the weight of {given.server} to {given.weight} in {self._named(ref)}"
        return _proposal(self._named(ref), state, given.server, {"weight": int(given.weight)}, summary)


class Drain(_BackendAction):
    """Gives one server no new traffic, but what a cookie or a stick table binds to it."""

    name = "drain"
    title = "Drain a server"
    params_model: type[Value] = ServerParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the drain; `None` when the server is drained.

        Raises:
            UserError: The backend has no such server, or no other one that gets traffic.
        """
        server = fitting(ServerParams, params, whom=TITLE).server
        summary = f"Drain {server} in {self._named(ref)}"
        also = "requests under way are served to their end; sessions that are bound to it stay with it"
        return _proposal(self._named(ref), state, server, {"state": _DRAIN}, summary, also)


class TakeOut(_BackendAction):
    """Gives one server no new traffic at all."""

    name = "take_out"
    title = "Take a server out"
    params_model: type[Value] = ServerParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the maintenance; `None` when the server is in it.

        Raises:
            UserError: The backend has no such server, or no other one that gets traffic.
        """
        server = fitting(ServerParams, params, whom=TITLE).server
        summary = f"Take {server} out of {self._named(ref)}"
        also = "requests under way are served to their end; sessions that are bound to it go to the others"
        return _proposal(self._named(ref), state, server, {"state": _MAINT}, summary, also)


def _state(row: dict[str, str]) -> str:
    forced = int(row["srv_admin_state"])
    return _MAINT if forced & _MAINTENANCE else _DRAIN if forced & _DRAINED else _READY


def _spelled(field: str, value: object, configured: int) -> object:
    """Return a value as HAProxy takes it: where weights are static, the configured one only as `100%`."""
    return "100%" if field == "weight" and value == configured else value


def _proposal(
    named: str, state: JsonObject, name: str, change: JsonObject, summary: str, *also: str
) -> Proposal | None:
    servers = state["servers"]
    if name not in servers:
        raise UserError(f"The {named} has no server {name}; it has {', '.join(servers) or 'none'}.")
    after = {"servers": {**servers, name: {**servers[name], **change}}}
    if after == state:
        return None
    if not any(_weights(after).values()):
        raise UserError(f"The {named} would have no server left that gets traffic; give another one weight first.")
    return Proposal(before=state, after=after, summary=summary, blast_radius=(*_shares(named, state, after), *also))


def _weights(state: JsonObject) -> dict[str, int]:
    """Return the weight that counts of each server: none for one that is not ready."""
    return {name: each["weight"] if each["state"] == _READY else 0 for name, each in state["servers"].items()}


def _shares(named: str, before: JsonObject, after: JsonObject) -> Iterator[str]:
    old, new = _weights(before), _weights(after)
    yield f"{named}, {len(old)} servers"
    for name in old:
        yield f"server {name}: {_share(old, name)} -> {_share(new, name)} of the traffic"


def _share(weights: dict[str, int], name: str) -> str:
    return f"{100 * weights[name] / (sum(weights.values()) or 1):.4g} %"
