"""The Caddy actions on a real Caddy, proved by the answers that its clients get."""

import copy
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest

from bot.sdk import Action, JsonObject, Rejected, Unavailable, UserError
from integrations.caddy.balancer import Drain, SetWeight
from integrations.caddy.client import AdminApi, Settings
from integrations.caddy.front import BlockClient, CutOff
from tests.integrations.caddy.contract import BALANCER, PATH, SERVER, config
from tests.real.acting import Acting
from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_ports, running
from tests.real.traffic import Backends, asked, running_backends

pytestmark = pytest.mark.real

_PROGRAM = REPOSITORY / ".cache" / "real" / "caddy" / "bin" / "caddy"
ELSEWHERE = "127.0.0.2"


@dataclass(frozen=True)
class Caddy:
    """A running Caddy.

    Attributes:
        url: What its clients ask.
        admin_url: Its admin API.
    """

    url: str
    admin_url: str
    backends: Backends

    def config(self) -> JsonObject:
        found: JsonObject = httpx.get(f"{self.admin_url}/config/", trust_env=False).json()
        return found

    def load(self, config: JsonObject) -> None:
        """Replace the whole configuration, as `caddy reload` does."""
        httpx.post(f"{self.admin_url}/load", json=config, trust_env=False).raise_for_status()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Caddy, JsonObject]]:
    if not _PROGRAM.exists():
        raise NotStarted("Caddy is not installed: run `.ci/real-setup` first.")
    folder = tmp_path_factory.mktemp("caddy")
    port, admin = free_ports(2)
    with running_backends() as backends:
        whole = config(backends.old, backends.new, listen=[f"127.0.0.1:{port}"], automatic_https={"disable": True})
        whole["admin"] = {"listen": f"127.0.0.1:{admin}", "config": {"persist": False}}
        (folder / "caddy.json").write_text(json.dumps(whole))
        caddy = Caddy(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}", backends)
        command = [str(_PROGRAM), "run", "--config", str(folder / "caddy.json")]
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        with running(command, answers_at(f"{caddy.admin_url}/config/"), log=folder / "caddy.log", env=home):
            yield caddy, whole


@pytest.fixture
def caddy(started: tuple[Caddy, JsonObject]) -> Caddy:
    """Caddy with the configuration that it started with."""
    running_caddy, whole = started
    running_caddy.load(whole)
    return running_caddy


@pytest.fixture
async def client(caddy: Caddy) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=caddy.admin_url, timeout=30, trust_env=False) as opened:
        yield opened


def acting(made: type[Action], ref: JsonObject, client: httpx.AsyncClient) -> Acting:
    return Acting(made(Settings(url=str(client.base_url)), client), ref)


async def test_weights_move_exactly_that_share_of_the_traffic_and_undo_moves_it_back(
    caddy: Caddy, client: httpx.AsyncClient
) -> None:
    weights, before = acting(SetWeight, BALANCER, client), caddy.config()
    assert asked(caddy.url, 40) == {"old": 30, "new": 10}
    done = await weights.carry_out(upstream=caddy.backends.new, weight=0)
    assert asked(caddy.url, 40) == {"old": 40}
    await weights.undo(done)
    assert asked(caddy.url, 40) == {"old": 30, "new": 10}
    assert caddy.config() == before


async def test_a_drained_upstream_gets_nothing_and_returns_to_its_place(
    caddy: Caddy, client: httpx.AsyncClient
) -> None:
    drain, before = acting(Drain, BALANCER, client), caddy.config()
    done = await drain.carry_out(upstream=caddy.backends.old)
    assert asked(caddy.url, 20) == {"new": 20}
    with pytest.raises(UserError, match="the only upstream"):
        await drain.plan(upstream=caddy.backends.new)
    await drain.undo(done)
    assert caddy.config() == before


async def test_a_blocked_client_gets_403_and_nobody_else_does(caddy: Caddy, client: httpx.AsyncClient) -> None:
    block, before = acting(BlockClient, SERVER, client), caddy.config()
    first = await block.carry_out(client=ELSEWHERE)
    second = await block.carry_out(client="2001:db8::/48")
    assert asked(caddy.url, 5, source=ELSEWHERE) == {"403": 5}
    assert asked(caddy.url, 4) == {"old": 3, "new": 1}
    await block.undo(second)
    await block.undo(first)
    assert set(asked(caddy.url, 5, source=ELSEWHERE)) == {"old", "new"}
    assert caddy.config() == before


async def test_a_path_that_is_cut_off_answers_503_and_the_others_are_served(
    caddy: Caddy, client: httpx.AsyncClient
) -> None:
    cut, before = acting(CutOff, PATH, client), caddy.config()
    done = await cut.carry_out()
    assert asked(caddy.url, 5, path="/assistant/chat") == {"503": 5}
    assert asked(caddy.url, 4, path="/shop") == {"old": 3, "new": 1}
    await cut.undo(done)
    assert caddy.config() == before


async def test_a_write_that_became_stale_after_the_last_read_is_refused_by_caddy_itself(
    caddy: Caddy, client: httpx.AsyncClient
) -> None:
    weights = acting(SetWeight, BALANCER, client)
    api = AdminApi(Settings(url=caddy.admin_url), client)
    seen = await api.read("/id/assistant")
    await weights.carry_out(upstream=caddy.backends.new, weight=50)
    theirs = caddy.config()
    with pytest.raises(Rejected) as refused:
        await api.write("PATCH", "/id/assistant", seen.etag, seen.config)
    assert refused.value.status == 412
    assert caddy.config() == theirs


async def test_a_reload_of_the_file_takes_a_containment_away_and_it_shows(
    caddy: Caddy, client: httpx.AsyncClient, started: tuple[Caddy, JsonObject]
) -> None:
    weights = acting(SetWeight, BALANCER, client)
    done = await weights.carry_out(upstream=caddy.backends.new, weight=0)
    other = copy.deepcopy(started[1])
    balancer = other["apps"]["http"]["servers"]["main"]["routes"][0]["handle"][0]
    balancer["load_balancing"]["selection_policy"]["weights"] = [1, 1]
    caddy.load(other)
    assert await weights.read() != done.after
    with pytest.raises(Rejected, match="somebody else changed load balancer assistant"):
        await weights.undo(done)
    assert asked(caddy.url, 10) == {"old": 5, "new": 5}


async def test_undo_of_what_is_no_longer_there_is_refused(
    caddy: Caddy, client: httpx.AsyncClient, started: tuple[Caddy, JsonObject]
) -> None:
    drain = acting(Drain, BALANCER, client)
    done = await drain.carry_out(upstream=caddy.backends.old)
    emptied = copy.deepcopy(started[1])
    emptied["apps"]["http"]["servers"]["main"]["routes"] = []
    caddy.load(emptied)
    with pytest.raises(Rejected) as refused:
        await drain.undo(done)
    assert refused.value.status == 404


async def test_a_first_route_can_be_put_into_a_server_that_has_none(
    caddy: Caddy, client: httpx.AsyncClient, started: tuple[Caddy, JsonObject]
) -> None:
    emptied = copy.deepcopy(started[1])
    del emptied["apps"]["http"]["servers"]["main"]["routes"]
    caddy.load(emptied)
    block = acting(BlockClient, SERVER, client)
    done = await block.carry_out(client=ELSEWHERE)
    assert asked(caddy.url, 2, source=ELSEWHERE) == {"403": 2}
    await block.undo(done)
    assert await block.read() == {"clients": {}}


@pytest.mark.parametrize("weights", [[0, 0], [-1, 2], ["x", 2], [10.5, 2]])
async def test_weights_that_caddy_cannot_load_leave_it_as_it_was(
    caddy: Caddy, client: httpx.AsyncClient, weights: list[object]
) -> None:
    api, before = AdminApi(Settings(url=caddy.admin_url), client), caddy.config()
    seen = await api.read("/id/assistant")
    with pytest.raises(Unavailable):
        await api.write("PATCH", "/id/assistant/load_balancing/selection_policy/weights", seen.etag, weights)
    assert caddy.config() == before
