"""Puts a client into an IP set that a rule of the web ACL blocks."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.sdk import JsonObject, Level, Proposal, Unavailable, UserError, Value, fitting
from integrations.aws_waf.client import NAME, TITLE, EntityRef, Locked, WafAction

_SMALLEST_PREFIX = {4: 24, 6: 48}
_MOST_ADDRESSES = 10_000


def _network(text: str) -> str:
    """Return an address or a small network in its one spelling; half the world is not a client."""
    network = ip_network(text)
    if network.prefixlen < _SMALLEST_PREFIX[network.version]:
        raise ValueError(f"is wider than a /{_SMALLEST_PREFIX[network.version]}, which is more than one client")
    return str(network)


class IpSetRef(EntityRef):
    """An IP set that a rule with the action Block refers to."""


class ClientParams(Value):
    """An IP address or a network no wider than a /24 or, of IPv6, a /48."""

    client: Annotated[str, Field(max_length=60), AfterValidator(_network)]


class BlockClient(WafAction):
    """Adds an address to an IP set."""

    name = "block_client"
    title = "Block a client"
    ref_model: type[Value] = IpSetRef
    params_model: type[Value] = ClientParams
    lowest_level = Level.L1

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the longer set; `None` when the client is in it.

        Raises:
            UserError: The set holds addresses of the other version of IP, or is full.
        """
        named, client = fitting(IpSetRef, ref, whom=TITLE), fitting(ClientParams, params, whom=TITLE).client
        network, listed = ip_network(client), state["addresses"]
        if state["version"] != f"IPV{network.version}":
            raise UserError(f"IP set {named.name} holds addresses of {state['version']}, and {client} is none.")
        if any(_within(network, ip_network(each)) for each in listed):
            return None
        if len(listed) >= _MOST_ADDRESSES:
            raise UserError(f"IP set {named.name} is full: WAF takes {_MOST_ADDRESSES:,} addresses in one.")
        return Proposal(
            before=state,
            after={**state, "addresses": {**listed, client: "listed"}},
            summary=f"Add {client} to IP set {named.name}",
            blast_radius=(
                f"client {client}: {network.num_addresses:,} address(es)",
                f"every rule that refers to IP set {named.name}, scope {named.scope}",
                f"{len(listed):,} address(es) are in it already and stay so",
            ),
        )

    async def _look(self, ref: JsonObject) -> Locked:
        return await self._api.get("GetIPSet", "IPSet", fitting(IpSetRef, ref, whom=TITLE))

    def _state(self, ref: JsonObject, entity: JsonObject) -> JsonObject:  # noqa: ARG002 - the whole set is managed
        addresses = entity.get("Addresses")
        if not isinstance(addresses, list):
            raise Unavailable(NAME, "GetIPSet", "the answer is not that of AWS WAF")
        try:
            listed = {str(ip_network(each)): "listed" for each in addresses}
        except ValueError as error:
            raise Unavailable(NAME, "GetIPSet", "the answer holds what is no address") from error
        return {"version": str(entity.get("IPAddressVersion")), "addresses": listed}

    async def _write(self, ref: JsonObject, seen: Locked, after: JsonObject) -> None:
        body = {**fitting(IpSetRef, ref, whom=TITLE).named, "Addresses": list(after["addresses"])}
        if seen.entity.get("Description"):
            body["Description"] = seen.entity["Description"]
        await self._api.call("UpdateIPSet", {**body, "LockToken": seen.token})


def _within(network: IPv4Network | IPv6Network, listed: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(listed, IPv4Network) and network.subnet_of(listed)
    return isinstance(listed, IPv6Network) and network.subnet_of(listed)
