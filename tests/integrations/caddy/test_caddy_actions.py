"""What the plans of the Caddy actions say, and the cases in which they refuse."""

import copy

import httpx
import pytest

from bot.sdk import Action, JsonObject, Proposal, Rejected, Simulator, UserError
from integrations.caddy import INTEGRATION
from integrations.caddy.client import Settings
from tests.integrations.caddy.contract import BALANCER, NEW, OLD, PATH, SERVER, config, with_other_weights
from tests.integrations.contract import NOW
from tests.integrations.wire import Wire, body
from tests.integrations.world import MemoryWorld


class SimulatedCaddy:
    def __init__(self, given: JsonObject | None = None) -> None:
        self.world = MemoryWorld({"caddy": {"config": given or config()}})
        assert INTEGRATION.simulator
        self.wire = Wire(INTEGRATION.simulator(Simulator("caddy", self.world, lambda: NOW)))
        self._client = httpx.AsyncClient(transport=self.wire, base_url="http://caddy.simulated")

    def action(self, name: str) -> Action:
        made = next(each for each in INTEGRATION.actions if each.name == name)
        return made(Settings(url="http://caddy.simulated"), self._client)

    async def plan(self, name: str, ref: JsonObject, **params: object) -> Proposal | None:
        action = self.action(name)
        return action.plan(ref, params, await action.read(ref))

    async def carry_out(self, name: str, ref: JsonObject, **params: object) -> Proposal:
        proposal = await self.plan(name, ref, **params)
        assert proposal
        await self.action(name).apply(ref, proposal.before, proposal.after, key="k")
        return proposal


def with_policy(policy: JsonObject | None) -> JsonObject:
    whole = config()
    handler = whole["apps"]["http"]["servers"]["main"]["routes"][0]["handle"][0]
    handler["load_balancing"] = {"selection_policy": policy} if policy else {}
    return whole


async def test_moving_weight_shows_every_upstreams_share() -> None:
    proposal = await SimulatedCaddy().plan("set_weight", BALANCER, upstream=NEW, weight="0")
    assert proposal
    assert proposal.summary == f"Set the weight of {NEW} to 0 in load balancer assistant"
    assert proposal.blast_radius == (
        "load balancer assistant, policy weighted_round_robin, 2 upstreams",
        f"upstream {OLD}: 75 % -> 100 % of the traffic",
        f"upstream {NEW}: 25 % -> 0 % of the traffic",
    )
    assert (proposal.before["weights"], proposal.after["weights"]) == ([3, 1], [3, 0])


async def test_weights_that_would_all_be_0_are_refused_before_caddy_is_asked() -> None:
    caddy = SimulatedCaddy()
    await caddy.carry_out("set_weight", BALANCER, upstream=OLD, weight=0)
    with pytest.raises(UserError, match="no upstream with a weight left"):
        await caddy.plan("set_weight", BALANCER, upstream=NEW, weight=0)
    with pytest.raises(UserError, match="the only upstream of the load balancer assistant that gets traffic"):
        await caddy.plan("drain", BALANCER, upstream=NEW)


async def test_an_upstream_without_a_weight_counts_as_1_as_caddy_counts_it() -> None:
    caddy = SimulatedCaddy(with_policy({"policy": "weighted_round_robin", "weights": [3]}))
    proposal = await caddy.carry_out("set_weight", BALANCER, upstream=OLD, weight=0)
    assert proposal.blast_radius[1:] == (
        f"upstream {OLD}: 75 % -> 0 % of the traffic",
        f"upstream {NEW}: 25 % -> 100 % of the traffic",
    )
    await caddy.action("set_weight").apply(BALANCER, proposal.after, proposal.before, key="k")
    assert (await caddy.action("set_weight").read(BALANCER))["weights"] == [3]


@pytest.mark.parametrize(("policy", "name"), [(None, "random"), ({"policy": "least_conn"}, "least_conn")])
async def test_a_policy_without_weights_can_drain_and_nothing_else(policy: JsonObject | None, name: str) -> None:
    caddy = SimulatedCaddy(with_policy(policy))
    with pytest.raises(UserError, match=f"selects by {name}, which has no weights"):
        await caddy.plan("set_weight", BALANCER, upstream=NEW, weight=1)
    before = caddy.world.document("caddy")["config"]
    proposal = await caddy.carry_out("drain", BALANCER, upstream=OLD)
    assert proposal.blast_radius[1] == f"upstream {OLD}: one of 2 -> none of the traffic"
    await caddy.action("drain").apply(BALANCER, proposal.after, proposal.before, key="k")
    assert caddy.world.document("caddy")["config"] == before


async def test_choices_are_the_upstreams() -> None:
    assert await SimulatedCaddy().action("drain").choices(BALANCER) == [OLD, NEW]


async def test_an_object_that_balances_nothing_is_rejected() -> None:
    whole = config()
    whole["apps"]["http"]["servers"]["main"]["routes"][0]["handle"][0]["handler"] = "static_response"
    with pytest.raises(Rejected, match="is no reverse_proxy handler"):
        await SimulatedCaddy(whole).action("drain").read(BALANCER)


async def test_a_change_between_the_last_read_and_the_write_is_refused_by_caddy() -> None:
    caddy = SimulatedCaddy()
    proposal = await caddy.plan("drain", BALANCER, upstream=NEW)
    assert proposal
    caddy.world.meanwhile.append(("caddy", with_other_weights))
    with pytest.raises(Rejected) as refused:
        await caddy.action("drain").apply(BALANCER, proposal.before, proposal.after, key="k")
    assert refused.value.status == 412
    assert len((await caddy.action("drain").read(BALANCER))["upstreams"]) == 3


async def test_a_caddy_that_says_yes_and_does_nothing_shows_when_it_is_read() -> None:
    caddy = SimulatedCaddy()
    proposal = await caddy.plan("cut_off", PATH)
    assert proposal
    caddy.wire.break_with(body(""), concerns="writes")
    await caddy.action("cut_off").apply(PATH, proposal.before, proposal.after, key="k")
    assert await caddy.action("cut_off").read(PATH) == proposal.before


async def test_blocks_of_two_clients_stand_in_one_route_and_the_last_takes_it_away() -> None:
    caddy = SimulatedCaddy()
    before = caddy.world.document("caddy")["config"]
    first = await caddy.carry_out("block_client", SERVER, client="203.0.113.7")
    second = await caddy.carry_out("block_client", SERVER, client="2001:DB8:0::1")
    assert second.after == {"clients": {"203.0.113.7/32": "blocked", "2001:db8::1/128": "blocked"}}
    assert second.blast_radius[1:] == (
        "client 2001:db8::1/128: 1 address(es) get 403",
        "1 client(s) are blocked there already and stay so",
    )
    for done in (second, first):
        await caddy.action("block_client").apply(SERVER, done.after, done.before, key="k")
    assert caddy.world.document("caddy")["config"] == before


async def test_a_cut_beside_a_block_does_not_disturb_it() -> None:
    caddy = SimulatedCaddy()
    blocked = await caddy.carry_out("block_client", SERVER, client="203.0.113.7")
    await caddy.carry_out("cut_off", PATH)
    assert await caddy.action("block_client").read(SERVER) == blocked.after


async def test_a_route_that_somebody_put_before_ours_shows() -> None:
    caddy = SimulatedCaddy()
    done = await caddy.carry_out("block_client", SERVER, client="203.0.113.7")

    def put_in_front(document: JsonObject) -> JsonObject:
        changed = copy.deepcopy(document)
        changed["config"]["apps"]["http"]["servers"]["main"]["routes"].insert(0, {"handle": []})
        return changed

    caddy.world.disturb("caddy", put_in_front)
    read = await caddy.action("block_client").read(SERVER)
    assert read == {"clients": {"203.0.113.7/32": "behind another route"}} != done.after
    with pytest.raises(Rejected, match="another route was put before"):
        await caddy.plan("block_client", SERVER, client="203.0.113.8")


@pytest.mark.parametrize("name", ["../x", "..", ".", "a/b", "a b", "a%2Fb", "", "a?b", "a#b"])
async def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="Caddy cannot take id"):
        await SimulatedCaddy().action("drain").read({"id": name})
    with pytest.raises(UserError, match="Caddy cannot take server"):
        await SimulatedCaddy().action("cut_off").read({**PATH, "server": name})
