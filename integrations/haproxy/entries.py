"""What can be done to the files that the configuration looks things up in: deny lists, and maps with limits.

The run-time copy is changed, the file never. What an entry means, the configuration decides.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, Unavailable, Value, WholeNumber, fitting
from integrations.haproxy.client import FILE, NAME, TITLE, HaproxyAction, Seen

_LISTED = "listed"
_MOST_ENTRIES = 1_000
_SMALLEST_PREFIX = {4: 24, 6: 48}
_ENTRY = re.compile(r"0x[0-9a-f]+ (\S+)(?: (.*))?")
_NUMBER = re.compile(r"[0-9]{1,10}")


def _small_network(text: str) -> str:
    """Return an address or a small network in its one spelling; half the world is not a client."""
    network = ip_network(text)
    if network.prefixlen < _SMALLEST_PREFIX[network.version]:
        raise ValueError(f"is wider than a /{_SMALLEST_PREFIX[network.version]}, which is more than one client")
    return _one_spelling(text)


def _one_spelling(text: str) -> str:
    """Return what two spellings of one address or network have in common; other text as it is."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return text
    return str(network.network_address) if network.num_addresses == 1 else str(network)


class ListRef(Value):
    """A deny list that the configuration loads with `-f`, by that very path."""

    acl: str = Field(pattern=FILE, max_length=200)


class MapRef(Value):
    """The limit of one key in a map that the configuration loads, by that very path."""

    map: str = Field(pattern=FILE, max_length=200)
    key: str = Field(pattern=r"^[A-Za-z0-9_.:/@-]+$", max_length=200)


class ClientParams(Value):
    """An IP address or a network no wider than a /24 or, of IPv6, a /48."""

    client: Annotated[str, Field(max_length=60), AfterValidator(_small_network)]


class ValueParams(Value):
    """What the list is compared with: the name of a tenant, a user, a session."""

    value: str = Field(pattern=r"^[A-Za-z0-9_.:/@-]+$", max_length=200)


class LimitParams(Value):
    """The new limit, in the unit that the configuration compares it in."""

    limit: Annotated[WholeNumber, Field(ge=0, le=1_000_000_000)]


class _BlockAction(HaproxyAction):
    ref_model: type[Value] = ListRef
    lowest_level = Level.L1

    async def _look(self, ref: JsonObject) -> Seen:
        """Return what is on the list; beside that, each entry as it is spelt there, which is how it is deleted."""
        lines = await self._api.show(f"show acl {fitting(ListRef, ref, whom=TITLE).acl}")
        spelt = {entry: self._spelling(entry) for entry in (" ".join(parts).strip() for parts in _entries(lines))}
        listed = sorted(set(spelt.values()))
        if len(listed) > _MOST_ENTRIES:
            detail = f"the {self._named(ref)} holds more than {_MOST_ENTRIES} entries; give Stanch a list of its own"
            raise Rejected(NAME, "read list", status=409, detail=detail)
        return Seen({"entries": dict.fromkeys(listed, _LISTED)}, spelt)

    def _named(self, ref: JsonObject) -> str:
        return f"list {ref['acl']}"

    def _commands(self, ref: JsonObject, seen: Seen, after: JsonObject) -> Sequence[str]:
        wanted, present = after["entries"], seen.state["entries"]
        added = [f"add acl {ref['acl']} {each}" for each in wanted if each not in present]
        return [*added, *(f"del acl {ref['acl']} {entry}" for entry, each in seen.beside.items() if each not in wanted)]

    def _block(self, ref: JsonObject, entry: str, state: JsonObject, who: str) -> Proposal | None:
        if entry in state["entries"]:
            return None
        return Proposal(
            before=state,
            after={"entries": dict(sorted({**state["entries"], entry: _LISTED}.items()))},
            summary=f"Block {entry} by {self._named(ref)}",
            blast_radius=(
                f"{self._named(ref)}: whatever the configuration refuses by it",
                who,
                f"{len(state['entries'])} entries are on it already and stay so",
            ),
        )

    def _spelling(self, entry: str) -> str:
        raise NotImplementedError


class BlockClient(_BlockAction):
    """Puts one client on a list of addresses."""

    name = "block_client"
    title = "Block a client"
    params_model: type[Value] = ClientParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the block; `None` when the client is on the list."""
        client = fitting(ClientParams, params, whom=TITLE).client
        return self._block(ref, client, state, f"client {client}: {ip_network(client).num_addresses} address(es)")

    def _spelling(self, entry: str) -> str:
        return _one_spelling(entry)


class BlockValue(_BlockAction):
    """Puts one value on a list of texts, such as the name of a tenant."""

    name = "block_value"
    title = "Block a tenant, user or session"
    params_model: type[Value] = ValueParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the block; `None` when the value is on the list."""
        value = fitting(ValueParams, params, whom=TITLE).value
        return self._block(ref, value, state, f"value {value}: every request that carries it")

    def _spelling(self, entry: str) -> str:
        return entry


class SetLimit(HaproxyAction):
    """Gives one key of a map another limit."""

    name = "set_limit"
    title = "Set a limit"
    ref_model: type[Value] = MapRef
    params_model: type[Value] = LimitParams
    lowest_level = Level.L4

    async def _look(self, ref: JsonObject) -> Seen:
        """Return the key's limit as text, `None` when the map has no entry for it."""
        where = fitting(MapRef, ref, whom=TITLE)
        entries = _entries(await self._api.show(f"show map {where.map}"))
        found = [value for key, value in entries if key == where.key]
        if len(found) > 1 or not all(_NUMBER.fullmatch(value) for value in found):
            detail = f"the {self._named(ref)} stands more than once, or with something that is no number"
            raise Rejected(NAME, "read limit", status=409, detail=detail)
        return Seen({"limit": found[0] if found else None})

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the new limit; `None` when it is that already."""
        limit = str(int(fitting(LimitParams, params, whom=TITLE).limit))
        if state["limit"] == limit:
            return None
        named, was = self._named(ref), state["limit"] or "what the configuration says where there is no entry"
        return Proposal(
            before=state,
            after={"limit": limit},
            summary=f"Set the {named} to {limit}",
            blast_radius=(f"{named}: {was} -> {limit}", "whatever the configuration limits by it"),
        )

    def _named(self, ref: JsonObject) -> str:
        return f"limit of {ref['key']} in map {ref['map']}"

    def _commands(self, ref: JsonObject, seen: Seen, after: JsonObject) -> Sequence[str]:
        place = f"map {ref['map']} {ref['key']}"
        if after["limit"] is None:
            return [f"del {place}"]
        return [f"{'add' if seen.state['limit'] is None else 'set'} {place} {after['limit']}"]


def _entries(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return the key and the value of each line; HAProxy puts an address of its memory before them."""
    entries = [_ENTRY.fullmatch(line) for line in lines]
    if not all(entries):
        raise Unavailable(NAME, "read entries", "the answer is not HAProxy's")
    return [(entry[1], entry[2] or "") for entry in entries if entry]
