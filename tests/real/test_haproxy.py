"""The HAProxy actions on a real HAProxy, proved by the answers that its clients get."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.sdk import Action, AuthFailed, JsonObject, Rejected, Simulator, UserError
from integrations.haproxy import INTEGRATION
from integrations.haproxy.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld
from tests.real.acting import Acting
from tests.real.haproxy import BACKEND, HAProxy, running_haproxy
from tests.real.traffic import Backends, asked, running_backends

pytestmark = pytest.mark.real

ELSEWHERE = "127.0.0.2"


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    with running_backends() as both:
        yield both


@pytest.fixture
def haproxy(tmp_path: Path, backends: Backends) -> Iterator[HAProxy]:
    with running_haproxy(tmp_path, backends) as server:
        yield server


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client as a live connection has it."""
    assert INTEGRATION.transport
    transport = INTEGRATION.transport(Settings(url=url))
    async with httpx.AsyncClient(base_url=url, timeout=10, transport=transport) as opened:
        yield opened


@pytest.fixture(params=["admin_url", "unix_url"])
async def client(haproxy: HAProxy, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(getattr(haproxy, request.param)) as opened:
        yield opened


def acting(name: str, ref: JsonObject, client: httpx.AsyncClient) -> Acting:
    made: type[Action] = next(each for each in INTEGRATION.actions if each.name == name)
    return Acting(made(Settings(url="tcp://127.0.0.1:1"), client), ref)


async def test_weights_move_exactly_that_share_of_the_traffic_and_undo_moves_it_back(
    haproxy: HAProxy, client: httpx.AsyncClient
) -> None:
    weights = acting("set_weight", BACKEND, client)
    assert asked(haproxy.url, 40) == {"old": 30, "new": 10}
    done = await weights.carry_out(server="new", weight=0)
    assert asked(haproxy.url, 40) == {"old": 40}
    await weights.undo(done)
    assert set(asked(haproxy.url, 40)) == {"old", "new"}


async def test_a_drained_server_keeps_bound_sessions_and_one_that_is_taken_out_does_not(
    haproxy: HAProxy, client: httpx.AsyncClient
) -> None:
    bound = {"Cookie": "SERVER=new"}
    drain = acting("drain", {"backend": "bound"}, client)
    drained = await drain.carry_out(server="new")
    assert asked(haproxy.url, 10, path="/bound") == {"old": 10}
    assert asked(haproxy.url, 10, path="/bound", headers=bound) == {"new": 10}
    take_out = acting("take_out", {"backend": "bound"}, client)
    taken_out = await take_out.carry_out(server="new")
    assert asked(haproxy.url, 10, path="/bound", headers=bound) == {"old": 10}
    with pytest.raises(UserError, match="no server left"):
        await drain.plan(server="old")
    await take_out.undo(taken_out)
    assert asked(haproxy.url, 10, path="/bound") == {"old": 10}
    await drain.undo(drained)
    assert asked(haproxy.url, 10, path="/bound", headers=bound) == {"new": 10}
    assert {answer for _ in range(4) for answer in asked(haproxy.url, 1, path="/bound")} == {"old", "new"}


async def test_what_is_refused_here_would_have_answered_everybody_with_503(haproxy: HAProxy) -> None:
    for server in ("old", "new"):
        assert haproxy.say(f"set server assistant/{server} weight 0") == "\n"
    assert asked(haproxy.url, 5) == {"503": 5}


async def test_a_static_algorithm_takes_0_and_back_and_refuses_the_rest(
    haproxy: HAProxy, client: httpx.AsyncClient
) -> None:
    weights = acting("set_weight", {"backend": "fixed"}, client)
    done = await weights.carry_out(server="new", weight=0)
    assert asked(haproxy.url, 20, path="/fixed") == {"old": 20}
    await weights.undo(done)
    assert set(asked(haproxy.url, 40, path="/fixed")) == {"old", "new"}
    with pytest.raises(Rejected, match="static LB algorithm"):
        await weights.apply(await weights.plan(server="new", weight=5))


async def test_a_blocked_client_gets_403_and_nobody_else_does(haproxy: HAProxy, client: httpx.AsyncClient) -> None:
    block = acting("block_client", haproxy.clients, client)
    one = await block.carry_out(client=ELSEWHERE)
    many = await block.carry_out(client="2001:db8::/48")
    assert asked(haproxy.url, 5, source=ELSEWHERE) == {"403": 5}
    assert asked(haproxy.url, 4) == {"old": 3, "new": 1}
    await block.undo(many)
    await block.undo(one)
    assert set(asked(haproxy.url, 5, source=ELSEWHERE)) == {"old", "new"}
    assert await block.read() == {"entries": {"192.0.2.1": "listed"}}


async def test_an_entry_that_was_spelt_otherwise_is_deleted_all_the_same(
    haproxy: HAProxy, client: httpx.AsyncClient
) -> None:
    block = acting("block_client", haproxy.clients, client)
    done = await block.carry_out(client=ELSEWHERE)
    assert haproxy.say(f"add acl {haproxy.clients['acl']} {ELSEWHERE}/32") == "\n"
    await block.undo(done)
    assert set(asked(haproxy.url, 5, source=ELSEWHERE)) == {"old", "new"}


async def test_a_blocked_tenant_gets_403_and_the_others_are_served(haproxy: HAProxy, client: httpx.AsyncClient) -> None:
    block = acting("block_value", haproxy.tenants, client)
    done = await block.carry_out(value="tenant-12")
    assert asked(haproxy.url, 5, headers={"X-Tenant": "tenant-12"}) == {"403": 5}
    assert set(asked(haproxy.url, 5, headers={"X-Tenant": "tenant-1"})) == {"old", "new"}
    await block.undo(done)
    assert set(asked(haproxy.url, 5, headers={"X-Tenant": "tenant-12"})) == {"old", "new"}


@pytest.mark.parametrize("service", ["assistant", "not-in-the-file"])
async def test_a_limit_holds_at_once_for_its_service_alone(
    haproxy: HAProxy, client: httpx.AsyncClient, service: str
) -> None:
    limit = acting("set_limit", haproxy.limit_of(service), client)
    of_it, of_another = {"X-Service": service}, {"X-Service": "another"}
    done = await limit.carry_out(limit=8)
    answers = asked(haproxy.url, 20, headers=of_it)
    assert (answers["429"], answers.total()) == (12, 20)
    assert "429" not in asked(haproxy.url, 20, headers=of_another)
    await limit.undo(done)
    assert "429" not in asked(haproxy.url, 20, headers=of_it)


async def test_haproxy_says_yes_to_a_limit_that_is_no_number_and_does_nothing_so_stanch_refuses_it(
    haproxy: HAProxy, client: httpx.AsyncClient
) -> None:
    limit = acting("set_limit", haproxy.limit_of("assistant"), client)
    for wrong in ("many", -5, 2.5):
        with pytest.raises(UserError, match="HAProxy cannot take limit"):
            await limit.plan(limit=wrong)
    await limit.carry_out(limit=3)
    assert haproxy.say(f"set map {haproxy.folder}/limits.map assistant many") == "\n"
    assert await limit.read() == {"limit": "3"}
    assert asked(haproxy.url, 5, headers={"X-Service": "assistant"})["429"] == 2


async def test_a_reload_forgets_a_containment_and_it_shows(haproxy: HAProxy, client: httpx.AsyncClient) -> None:
    weights, block = acting("set_weight", BACKEND, client), acting("block_client", haproxy.clients, client)
    weighed = await weights.carry_out(server="new", weight=0)
    blocked = await block.carry_out(client=ELSEWHERE)
    haproxy.reload()
    assert asked(haproxy.url, 40) == {"old": 30, "new": 10}
    assert await weights.read() == weighed.before != weighed.after
    assert await block.read() == blocked.before != blocked.after
    await weights.undo(weighed)
    assert asked(haproxy.url, 40) == {"old": 30, "new": 10}


async def test_a_reload_of_another_file_is_not_overwritten(haproxy: HAProxy, client: httpx.AsyncClient) -> None:
    weights = acting("set_weight", BACKEND, client)
    done = await weights.carry_out(server="new", weight=0)
    haproxy.configure(weight=225)
    haproxy.reload()
    assert await weights.read() not in (done.before, done.after)
    with pytest.raises(Rejected, match="or HAProxy was reloaded; nothing was written"):
        await weights.undo(done)
    assert asked(haproxy.url, 40) == {"old": 10, "new": 30}


async def test_a_socket_of_level_user_moves_no_server_and_changes_lists_and_limits_all_the_same(
    haproxy: HAProxy,
) -> None:
    async with connected(haproxy.user_url) as client:
        drain = acting("drain", BACKEND, client)
        with pytest.raises(AuthFailed, match="the stats socket needs `level admin`"):
            await drain.apply(await drain.plan(server="new"))
        await acting("block_client", haproxy.clients, client).carry_out(client=ELSEWHERE)
        await acting("set_limit", haproxy.limit_of("assistant"), client).carry_out(limit=1)


async def test_the_simulator_says_what_haproxy_says(haproxy: HAProxy) -> None:
    lists = haproxy.clients["acl"], f"{haproxy.folder}/limits.map"
    world = MemoryWorld(
        {
            "haproxy": {
                "backends": {
                    "assistant": {"servers": {"old": {"weight": 75}, "new": {"weight": 25}}},
                    "fixed": {"servers": {"old": {"weight": 75}, "new": {"weight": 25}}, "static": True},
                },
                "acls": {lists[0]: ["192.0.2.1"]},
                "maps": {lists[1]: ["assistant 1000"]},
            }
        }
    )
    assert INTEGRATION.simulator
    app = INTEGRATION.simulator(Simulator("haproxy", world, lambda: NOW))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://haproxy") as simulated:
        for command in _COMMANDS:
            asks = command.format(*lists)
            if asks.startswith("show"):
                said = await simulated.get("/", params={"command": asks})
            else:
                said = await simulated.post("/", json={"commands": [asks]})
            assert _comparable(said.text) == _comparable(haproxy.say(asks)), asks


_COMMANDS = (
    "show servers state assistant",
    "show servers state nothing",
    "set server nothing/new weight 1",
    "set server assistant/nobody weight 1",
    "set server assistant/new weight 0",
    "set server assistant/old state drain",
    "show servers state assistant",
    "set server assistant/new weight 100%",
    "set server assistant/old state maint",
    "show servers state assistant",
    "set server assistant/old state ready",
    "set server fixed/new weight 5",
    "set server fixed/new weight 0",
    "show servers state fixed",
    "set server fixed/new weight 100%",
    "show acl {0}",
    "show acl /nothing",
    "add acl /nothing 203.0.113.7",
    "add acl {0} 203.0.113.7",
    "add acl {0} 203.0.113.0/28",
    "show acl {0}",
    "del acl {0} 203.0.113.7",
    "del acl {0} 203.0.113.7",
    "show acl {0}",
    "del acl {0} 192.0.2.1",
    "del acl {0} 203.0.113.0/28",
    "show acl {0}",
    "show map {1}",
    "show map /nothing",
    "set map {1} assistant 40",
    "set map {1} search 40",
    "add map {1} search 40",
    "show map {1}",
    "del map {1} search",
    "del map {1} search",
    "show map {1}",
)


def _comparable(said: str) -> str:
    """Leave out addresses of memory, and of servers all but names, administrative state and weights."""
    said = re.sub(r"^0x[0-9a-f]+ ", "0x ", said, flags=re.MULTILINE)
    if not said.startswith("1\n"):
        return said
    lines = said.rstrip("\n").split("\n")
    place = {name: number for number, name in enumerate(lines[1].removeprefix("# ").split())}
    wanted = [place[name] for name in ("be_name", "srv_name", "srv_admin_state", "srv_uweight", "srv_iweight")]
    rows = [line.split() for line in lines[2:]]
    return "\n".join(" ".join(row[number] for number in wanted) for row in rows) + said[len(said.rstrip("\n")) :]
