"""The Envoy actions on a real Envoy, proved by the answers that its clients get."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from bot.sdk import Action, JsonObject, Rejected, Simulator, UserError
from integrations.envoy import INTEGRATION
from integrations.envoy.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.envoy.contract import ABORT, CANARY, ENFORCED, LIMIT, SPLIT, listener, world
from tests.integrations.world import MemoryWorld
from tests.real.acting import Acting
from tests.real.envoy import DYNAMIC, Envoy, layout, running_envoy
from tests.real.traffic import Backends, asked, running_backends

pytestmark = pytest.mark.real

TARGETS = [("set_weight", SPLIT), ("set_share", CANARY), ("limit_rate", LIMIT), ("abort_requests", ABORT)]


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    with running_backends() as both:
        yield both


@pytest.fixture
def envoy(tmp_path: Path, backends: Backends) -> Iterator[Envoy]:
    with running_envoy(layout(tmp_path, backends)) as server:
        yield server


@pytest.fixture
async def client(envoy: Envoy) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=envoy.admin_url, timeout=30, trust_env=False) as opened:
        yield opened


def acting(name: str, ref: JsonObject, client: httpx.AsyncClient) -> Acting:
    made: type[Action] = next(each for each in INTEGRATION.actions if each.name == name)
    return Acting(made(Settings(url=str(client.base_url)), client), ref)


async def values(client: httpx.AsyncClient) -> JsonObject:
    """Return what the runtime says of each key."""
    entries = (await client.get("/runtime")).json()["entries"]
    return {key: entry["final_value"] for key, entry in entries.items()}


async def test_weights_move_the_traffic_and_undo_moves_it_back(envoy: Envoy, client: httpx.AsyncClient) -> None:
    weights = acting("set_weight", SPLIT, client)
    assert set(asked(envoy.url, 100)) == {"old", "new"}
    done = await weights.carry_out(cluster="new", weight=0)
    assert asked(envoy.url, 40) == {"old": 40}
    await weights.undo(done)
    assert set(asked(envoy.url, 100)) == {"old", "new"}
    assert await values(client) == {}


async def test_routes_that_a_control_plane_delivered_are_found_and_moved(
    envoy: Envoy, client: httpx.AsyncClient
) -> None:
    weights = acting("set_weight", DYNAMIC, client)
    assert asked(envoy.dynamic_url, 20) == {"old": 20}
    await weights.carry_out(cluster="new", weight=1)
    done = await weights.carry_out(cluster="old", weight=0)
    assert asked(envoy.dynamic_url, 20) == {"new": 20}
    assert done.blast_radius[0] == "route dynamic / dynamic / / / weighted_clusters"


async def test_weights_that_are_all_0_answer_404_to_everybody_so_stanch_refuses_them(
    envoy: Envoy, client: httpx.AsyncClient
) -> None:
    weights = acting("set_weight", SPLIT, client)
    await weights.carry_out(cluster="new", weight=0)
    with pytest.raises(UserError, match="Envoy would answer 404 to everybody"):
        await weights.plan(cluster="old", weight=0)
    assert envoy.modify(routing__split__old="0") == "OK\n"
    assert asked(envoy.url, 20) == {"404": 20}


@pytest.mark.parametrize(
    ("text", "answers"), [("notanumber", {"old"}), ("-1", {"old"}), ("2.5", {"new", "old"}), ("1e0", {"new", "old"})]
)
async def test_envoy_takes_any_text_for_a_weight_and_stanch_reads_it_as_envoy_does(
    envoy: Envoy, client: httpx.AsyncClient, text: str, answers: set[str]
) -> None:
    weights = acting("set_weight", DYNAMIC, client)
    with pytest.raises(UserError, match="Envoy cannot take weight"):
        await weights.plan(cluster="new", weight=text)
    assert envoy.modify(routing__dynamic__new=text, routing__dynamic__old="1") == "OK\n"
    assert set(asked(envoy.dynamic_url, 60)) == answers
    done = await weights.carry_out(cluster="old", weight=2)
    shares = {line.partition(":")[0]: line.endswith("-> 0 % of the traffic") for line in done.blast_radius[1:]}
    assert shares == {"cluster old": False, "cluster new": "new" not in answers}
    await weights.undo(done)
    assert (await values(client))["routing.dynamic.new"] == text


async def test_a_routes_share_moves_the_traffic_and_undo_moves_it_back(envoy: Envoy, client: httpx.AsyncClient) -> None:
    share = acting("set_share", CANARY, client)
    assert set(asked(envoy.url, 60, path="/canary")) == {"old", "new"}
    done = await share.carry_out(percent=0)
    assert asked(envoy.url, 40, path="/canary") == {"old": 40}
    await share.undo(done)
    all_of_it = await share.carry_out(percent=100)
    assert asked(envoy.url, 40, path="/canary") == {"new": 40}
    await share.undo(all_of_it)
    assert set(asked(envoy.url, 60, path="/canary")) == {"old", "new"}


async def test_a_rate_limit_holds_at_once_and_undo_lifts_it(envoy: Envoy, client: httpx.AsyncClient) -> None:
    limit = acting("limit_rate", LIMIT, client)
    assert "429" not in asked(envoy.url, 30)
    done = await limit.carry_out(percent=100)
    assert asked(envoy.url, 30)["429"] == 20
    await limit.undo(done)
    assert "429" not in asked(envoy.url, 30)


async def test_a_rate_limit_that_would_have_no_effect_is_refused(envoy: Envoy, client: httpx.AsyncClient) -> None:
    with pytest.raises(UserError, match="no effect while filter_enabled is 0 %"):
        await acting("limit_rate", ENFORCED, client).plan(percent=100)
    envoy.modify(limit__enforced="0")
    with pytest.raises(UserError, match="no effect while filter_enforced is 0 %"):
        await acting("limit_rate", LIMIT, client).plan(percent=100)
    envoy.modify(limit__enabled="100")
    assert "429" not in asked(envoy.url, 30)


@pytest.mark.parametrize("ref", [{}, ABORT])
async def test_all_requests_are_aborted_and_undo_serves_them_again(
    envoy: Envoy, client: httpx.AsyncClient, ref: JsonObject
) -> None:
    abort = acting("abort_requests", ref, client)
    done = await abort.carry_out(percent=100)
    assert asked(envoy.url, 20) == {"503": 20}
    await abort.undo(done)
    assert "503" not in asked(envoy.url, 20)


@pytest.mark.parametrize(
    ("text", "aborted"),
    [("300", {"503"}), ("notanumber", {"old", "new"}), ("{numerator: 100, denominator: HUNDRED}", {"503"})],
)
async def test_envoy_takes_any_text_for_a_share_and_undo_restores_it(
    envoy: Envoy, client: httpx.AsyncClient, text: str, aborted: set[str]
) -> None:
    abort = acting("abort_requests", ABORT, client)
    with pytest.raises(UserError, match="Envoy cannot take percent"):
        await abort.plan(percent=text)
    assert envoy.modify(fault__http__abort__abort_percent=text) == "OK\n"
    assert set(asked(envoy.url, 60)) == aborted
    done = await abort.carry_out(percent=50)
    await abort.undo(done)
    assert await values(client) == {"fault.http.abort.abort_percent": text}


async def test_a_key_that_nothing_reads_is_no_target_though_envoy_would_take_it(
    envoy: Envoy, client: httpx.AsyncClient
) -> None:
    assert envoy.modify(routing__splti__new="0") == "OK\n"
    for name, ref in (
        ("set_weight", {"runtime_key_prefix": "routing.splti"}),
        ("set_share", LIMIT),
        ("limit_rate", CANARY),
        ("abort_requests", LIMIT),
    ):
        with pytest.raises(Rejected) as refused:
            await acting(name, ref, client).read()
        assert refused.value.status == 404


async def test_a_restart_forgets_a_containment_and_it_shows(tmp_path: Path, backends: Backends) -> None:
    given = layout(tmp_path, backends)
    with running_envoy(given) as envoy:
        async with httpx.AsyncClient(base_url=envoy.admin_url, trust_env=False) as client:
            done = await acting("set_weight", SPLIT, client).carry_out(cluster="new", weight=0)
    with running_envoy(given) as envoy:
        async with httpx.AsyncClient(base_url=envoy.admin_url, trust_env=False) as client:
            weights = acting("set_weight", SPLIT, client)
            assert await weights.read() == done.before != done.after
            assert set(asked(envoy.url, 100)) == {"old", "new"}


async def test_a_change_by_somebody_else_is_not_overwritten(envoy: Envoy, client: httpx.AsyncClient) -> None:
    weights = acting("set_weight", SPLIT, client)
    done = await weights.carry_out(cluster="new", weight=0)
    envoy.modify(routing__split__new="100")
    with pytest.raises(Rejected, match="somebody else changed split"):
        await weights.undo(done)
    assert await values(client) == {"routing.split.new": "100"}


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (({"name": "static", "static_layer": {}},), "has no admin_layer"),
        (
            (
                {"name": "operators", "admin_layer": {}},
                {"name": "last", "static_layer": {"routing.split.new": 1, "routing": {"canary": 2}}},
            ),
            "the runtime layer last has a value",
        ),
    ],
    ids=["no layer", "overruled"],
)
async def test_what_could_not_be_set_or_would_not_count_is_refused(
    tmp_path: Path, backends: Backends, layers: tuple[JsonObject, ...], says: str
) -> None:
    with running_envoy(layout(tmp_path, backends, *layers)) as envoy:
        async with httpx.AsyncClient(base_url=envoy.admin_url, trust_env=False) as client:
            for name, ref in TARGETS[:2]:
                with pytest.raises(Rejected, match=says):
                    await acting(name, ref, client).read()


async def test_a_lower_layer_counts_until_something_is_set(tmp_path: Path, backends: Backends) -> None:
    static = {"name": "static", "static_layer": {"routing": {"split": {"new": 0}, "canary": 0}}}
    with running_envoy(layout(tmp_path, backends, static, {"name": "admin", "admin_layer": {}})) as envoy:
        async with httpx.AsyncClient(base_url=envoy.admin_url, trust_env=False) as client:
            weights, share = acting("set_weight", SPLIT, client), acting("set_share", CANARY, client)
            assert (await weights.read())["weights"]["new"] == {"override": None, "underneath": 0}
            assert (await share.read())["underneath"] == "0 %"
            assert asked(envoy.url, 20) == {"old": 20}
            await weights.carry_out(cluster="new", weight=75)
            assert set(asked(envoy.url, 60)) == {"old", "new"}


async def test_the_simulator_is_read_as_envoy_is(envoy: Envoy, client: httpx.AsyncClient) -> None:
    """Every target reads alike on both after every change, as long as both have the listener alike."""
    document = world([listener(), {**listener(), "name": "dynamic"}])
    manager = document["listeners"][1]["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["route_config"]
    assert INTEGRATION.simulator
    app = INTEGRATION.simulator(Simulator("envoy", MemoryWorld({"envoy": document}), lambda: NOW))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://envoy") as simulated:
        for change in (
            {},
            {"routing.split.new": "0", "routing.canary": "101"},
            {"routing.split.new": "notanumber", "limit.enabled": "2.5"},
            {"routing.split.new": "", "routing.split.old": "1 &+ 2", "fault.http.abort.abort_percent": "100"},
            {"routing.split.old": "", "limit.enforced": "0", "nobody.reads.it": "x"},
        ):
            if change:
                said = [await each.post("/runtime_modify", params=change) for each in (client, simulated)]
                assert said[0].text == said[1].text
            for name, ref in TARGETS:
                assert await acting(name, ref, simulated).read() == await acting(name, ref, client).read()
            assert await values(simulated) == await values(client)
