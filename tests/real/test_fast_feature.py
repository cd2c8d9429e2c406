"""Containment with a real fast-feature, seen by an application that asks it over OFREP and knows nothing of Stanch."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bot.sdk import Action, JsonObject, Proposal, Rejected, Simulator, Unavailable, UserError
from integrations.fast_feature import INTEGRATION
from integrations.fast_feature.client import Settings
from tests.integrations.contract import NOW
from tests.integrations.fast_feature.contract import CONTRACT, FLAG, KILL_SWITCH, WORLD
from tests.integrations.world import MemoryWorld
from tests.real.fast_feature import Application, FastFeature, running_application, running_fast_feature

pytestmark = pytest.mark.real

BOOLEAN: JsonObject = {"variants": {"on": True, "off": False}, "default_variant": "on"}


@dataclass(frozen=True)
class Connected:
    """A flag of one test on a server, real or simulated, and its actions."""

    client: httpx.AsyncClient
    flag: str

    @property
    def ref(self) -> JsonObject:
        return {"flag": self.flag}

    def action(self, name: str) -> Action:
        made = next(each for each in INTEGRATION.actions if each.name == name)
        return made(Settings(url=str(self.client.base_url)), self.client)

    async def plan(self, name: str, **params: object) -> Proposal | None:
        action = self.action(name)
        return action.plan(self.ref, params, await action.read(self.ref))

    async def carry_out(self, name: str, **params: object) -> Proposal:
        proposal = await self.plan(name, **params)
        assert proposal
        await self.action(name).apply(self.ref, proposal.before, proposal.after, key="k")
        assert await self.action(name).read(self.ref) == proposal.after
        return proposal

    async def undo(self, name: str, done: Proposal) -> None:
        await self.action(name).apply(self.ref, done.after, done.before, key="k")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastFeature]:
    with running_fast_feature(tmp_path_factory.mktemp("fast-feature")) as running:
        yield running


@pytest.fixture(scope="module")
def application(server: FastFeature) -> Iterator[Application]:
    with running_application(server.url) as running:
        yield running


@pytest.fixture
async def client(server: FastFeature) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as opened:
        yield opened


def added(server: FastFeature, client: httpx.AsyncClient, **fields: Any) -> Connected:
    name = f"flag-{uuid4().hex}"
    server.add(name, **{**BOOLEAN, **fields})
    return Connected(client, name)


async def test_disabled_still_serves_the_default_variant_and_only_switching_off_stops_it(
    server: FastFeature, client: httpx.AsyncClient, application: Application
) -> None:
    flag = added(server, client)
    server.disable(flag.flag)
    disabled = application.asks(flag.flag, default=False)
    assert (disabled["value"], disabled["reason"]) == (True, "DISABLED")
    done = await flag.carry_out("switch_off")
    assert application.asks(flag.flag, default=True)["value"] is False
    await flag.undo("switch_off", done)
    assert application.asks(flag.flag, default=False) == disabled


async def test_switching_off_also_reaches_whom_targeting_gives_the_feature_and_undo_restores_it(
    server: FastFeature, client: httpx.AsyncClient, application: Application
) -> None:
    flag = added(server, client, targeting={"if": [{"==": [{"var": "plan"}, "staff"]}, "on"]}, metadata={"a": "b"})
    before = server.flag(flag.flag)
    done = await flag.carry_out("switch_off")
    assert [application.asks(flag.flag, default=True, plan=plan)["value"] for plan in ("staff", "free")] == [False] * 2
    assert server.flag(flag.flag)["targeting"] == before["targeting"]
    await flag.undo("switch_off", done)
    assert server.flag(flag.flag) == before
    assert application.asks(flag.flag, default=False, plan="staff")["reason"] == "TARGETING_MATCH"


async def test_a_narrowed_rollout_reaches_its_share_and_only_those_who_had_the_feature(
    server: FastFeature, client: httpx.AsyncClient, application: Application
) -> None:
    flag = added(server, client, targeting={"fractional": [["on", 60], ["off", 40]]})
    had = [application.asks(flag.flag, default=False, user=f"user-{number}")["value"] for number in range(200)]
    done = await flag.carry_out("set_rollout", percent=10)
    assert 4 < application.share(flag.flag) < 17
    have = [application.asks(flag.flag, default=False, user=f"user-{number}")["value"] for number in range(200)]
    assert not [number for number in range(200) if have[number] and not had[number]]
    await flag.undo("set_rollout", done)
    assert 45 < application.share(flag.flag) < 75


async def test_a_rollout_of_zero_reaches_nobody(
    server: FastFeature, client: httpx.AsyncClient, application: Application
) -> None:
    flag = added(server, client)
    await flag.carry_out("set_rollout", percent=0)
    assert application.share(flag.flag) == 0


async def test_a_wrong_weight_that_the_server_takes_is_refused_before(
    server: FastFeature, client: httpx.AsyncClient
) -> None:
    flag = added(server, client)
    before = server.flag(flag.flag)
    for percent in (250, -5, "ten", True, 9.5):
        with pytest.raises(UserError, match="cannot take percent"):
            await flag.plan("set_rollout", percent=percent)
    taken = {**before, "targeting": {"fractional": [["on", -5], ["off", 105]]}}
    assert (await client.put(f"/admin/api/flags/{flag.flag}", json=taken)).status_code == 200


async def test_one_segment_loses_the_feature_and_the_others_keep_it(
    server: FastFeature, client: httpx.AsyncClient, application: Application
) -> None:
    flag = added(server, client)
    done = await flag.carry_out("switch_segment_off", field="plan", value="free")
    assert application.asks(flag.flag, default=True, plan="free")["value"] is False
    assert application.asks(flag.flag, default=False, plan="paid")["value"] is True
    assert application.asks(flag.flag, default=False)["value"] is True
    await flag.undo("switch_segment_off", done)
    assert application.asks(flag.flag, default=False, plan="free")["value"] is True


async def test_a_kill_switch_is_seen_by_everybody(
    server: FastFeature, client: httpx.AsyncClient, application: Application
) -> None:
    flag = added(server, client, default_variant="off")
    assert application.asks(flag.flag, default=True)["value"] is False
    done = await flag.carry_out("pull_kill_switch")
    assert application.asks(flag.flag, default=False)["value"] is True
    await flag.undo("pull_kill_switch", done)
    assert application.asks(flag.flag, default=True)["value"] is False


async def test_a_change_by_somebody_else_is_never_written_over(server: FastFeature, client: httpx.AsyncClient) -> None:
    flag = added(server, client)
    proposal = await flag.plan("switch_off")
    assert proposal
    server.describe(flag.flag, ticket="theirs")
    theirs = server.flag(flag.flag)
    with pytest.raises(Rejected, match="somebody else changed"):
        await flag.action("switch_off").apply(flag.ref, proposal.before, proposal.after, key="k")
    assert server.flag(flag.flag) == theirs
    done = await flag.carry_out("switch_off")
    server.describe(flag.flag, ticket="later")
    with pytest.raises(Rejected, match="somebody else changed"):
        await flag.undo("switch_off", done)


async def test_an_undo_whose_flag_was_deleted_is_rejected(server: FastFeature, client: httpx.AsyncClient) -> None:
    flag = added(server, client)
    done = await flag.carry_out("switch_off")
    server.delete(flag.flag)
    with pytest.raises(Rejected) as refused:
        await flag.undo("switch_off", done)
    assert refused.value.status == 404


async def test_an_answer_lost_on_the_way_is_found_by_reading(server: FastFeature, client: httpx.AsyncClient) -> None:
    flag = added(server, client)
    proposal = await flag.plan("switch_off")
    assert proposal
    async with httpx.AsyncClient(transport=_Deaf(), base_url=server.url) as deaf:
        with pytest.raises(Unavailable):
            await (
                Connected(deaf, flag.flag)
                .action("switch_off")
                .apply(flag.ref, proposal.before, proposal.after, key="k")
            )
    assert await flag.action("switch_off").read(flag.ref) == proposal.after


@pytest.mark.parametrize("name", [action.name for action in INTEGRATION.actions])
async def test_an_action_does_on_the_real_server_what_it_does_on_the_simulated(
    server: FastFeature, client: httpx.AsyncClient, name: str
) -> None:
    case = CONTRACT.actions[name]
    fields = WORLD["flags"][KILL_SWITCH["flag"]] if case.ref == KILL_SWITCH else FLAG
    real = added(server, client, **{"targeting": None, **fields})
    async with _simulated(real.flag, fields) as opened:
        simulated = Connected(opened, real.flag)
        plans = [await each.carry_out(name, **case.params) for each in (real, simulated)]
        assert plans[0] == plans[1]
        for each in (real, simulated):
            await each.undo(name, plans[0])
            assert await each.action(name).read(each.ref) == plans[0].before


CALLS: list[tuple[str, str, object]] = [
    ("GET", "/admin/api/flags/{flag}", None),
    ("GET", "/admin/api/flags/none", None),
    ("PATCH", "/admin/api/flags/{flag}", {"enabled": False}),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {"context": {"plan": "staff"}}),
    ("PATCH", "/admin/api/flags/{flag}", {"enabled": True}),
    ("PATCH", "/admin/api/flags/{flag}", {"enabled": "perhaps"}),
    ("PATCH", "/admin/api/flags/none", {"enabled": True}),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {"context": {"plan": "staff"}}),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {"context": {"plan": "free", "country": "SE"}}),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {}),
    ("POST", "/ofrep/v1/evaluate/flags/none", {"context": {}}),
    ("PUT", "/admin/api/flags/{flag}", {"variants": {"a": 1}, "default_variant": "b"}),
    ("PUT", "/admin/api/flags/{flag}", {"variants": {}, "default_variant": "b"}),
    ("PUT", "/admin/api/flags/{flag}", {"default_variant": "b"}),
    ("PUT", "/admin/api/flags/none", {"variants": {"a": 1}, "default_variant": "a"}),
    ("PUT", "/admin/api/flags/{flag}", {"variants": {"a": 1}, "default_variant": "a", "targeting": {"var": "v"}}),
    ("GET", "/admin/api/flags/{flag}", None),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {"context": {"v": "a"}}),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {"context": {"v": "z"}}),
    ("POST", "/ofrep/v1/evaluate/flags/{flag}", {"context": {}}),
]


async def test_the_simulator_answers_the_same_calls_alike(server: FastFeature, client: httpx.AsyncClient) -> None:
    real = added(server, client, **FLAG)
    async with _simulated(real.flag, FLAG) as opened:
        for method, path, body in CALLS:
            asked = [await each.request(method, path.format(flag=real.flag), json=body) for each in (client, opened)]
            seen = [(each.status_code, None if each.status_code == 422 else each.json()) for each in asked]
            assert seen[1] == seen[0], (method, path, body)


def _simulated(flag: str, fields: JsonObject) -> httpx.AsyncClient:
    world = MemoryWorld({"fast_feature": {"flags": {flag: fields}}})
    assert INTEGRATION.simulator
    app = INTEGRATION.simulator(Simulator("fast_feature", world, lambda: NOW))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fast-feature.simulated")


class _Deaf(httpx.AsyncHTTPTransport):
    """Sends writes and loses what comes back."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if request.method == "GET":
            return answer
        await answer.aread()
        await answer.aclose()
        raise httpx.ReadTimeout("timed out", request=request)
