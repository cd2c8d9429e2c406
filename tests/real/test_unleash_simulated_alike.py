"""The simulated Unleash against the real one: the same calls must have the same outcome."""

import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from bot.sdk import Action, AuthFailed, JsonObject, Rejected, Simulator, Unavailable
from integrations.unleash import INTEGRATION
from integrations.unleash.bucketing import percent_of
from integrations.unleash.client import Settings
from tests.integrations.unleash.contract import STRATEGIES
from tests.integrations.world import MemoryWorld
from tests.real.unleash import ADMIN_TOKEN, CLIENT_TOKEN, Unleash

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Server:
    """A server with two flags of this test, real or simulated."""

    client: httpx.AsyncClient
    feature: str
    kill_switch: str

    def action(self, name: str) -> Action:
        settings = Settings(url=str(self.client.base_url), token=ADMIN_TOKEN)
        return next(each for each in INTEGRATION.actions if each.name == name)(settings, self.client)

    def ref(self, feature: str) -> JsonObject:
        return {"project": "default", "feature": feature, "environment": "production"}

    def path(self, feature: str) -> str:
        return f"/api/admin/projects/default/features/{feature}/environments/production"

    async def ask(self, method: str, path: str, json: object = None, token: str = ADMIN_TOKEN) -> httpx.Response:
        return await self.client.request(method, path, json=json, headers={"Authorization": token})

    async def strategy_id(self, place: int) -> str:
        answer = await self.ask("GET", f"{self.path(self.feature)}/strategies")
        identity: str = answer.json()[place]["id"]
        return identity


@pytest.fixture
async def real(unleash: Unleash) -> AsyncIterator[Server]:
    mark = uuid.uuid4().hex[:12]
    async with httpx.AsyncClient(base_url=unleash.url) as client:
        server = Server(client, f"assistant-{mark}", f"assistant-off-{mark}")
        await _make(server, server.feature, "release")
        await _make(server, server.kill_switch, "kill-switch")
        await _furnish(server, [await _segment(server, f"{mark}-{number}") for number in (1, 2)])
        yield server


@pytest.fixture
async def simulated(real: Server) -> AsyncIterator[Server]:
    features = {
        real.feature: {"environments": {"development": {}, "production": {}}},
        real.kill_switch: {"type": "kill-switch", "environments": {"production": {}}},
    }
    world = MemoryWorld({"unleash": {"features": features, "admin_token": ADMIN_TOKEN}})
    assert INTEGRATION.simulator
    app = INTEGRATION.simulator(Simulator("unleash", world, lambda: datetime.now(UTC)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://unleash.simulated") as client:
        unleash = Server(client, real.feature, real.kill_switch)
        await _furnish(unleash, [1, 2])
        yield unleash


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("switch_off", {}),
        ("set_rollout", {"percent": 10}),
        ("roll_back_variation", {"variation": "v17"}),
        ("switch_segment_off", {"field": "plan", "value": "free"}),
        ("pull_kill_switch", {}),
    ],
)
async def test_an_action_does_and_undoes_on_the_real_server_what_it_does_on_the_simulated(
    real: Server, simulated: Server, name: str, params: JsonObject
) -> None:
    assert await _carried_out(real, name, params) == await _carried_out(simulated, name, params)


async def test_choices_put_first_what_was_in_use_before(real: Server, simulated: Server) -> None:
    for unleash in (real, simulated):
        action = unleash.action("roll_back_variation")
        ref = unleash.ref(unleash.feature)
        assert await action.choices(ref) == ["v16", "v17"]
        for chosen in ("v17", "v18"):
            proposal = action.plan(ref, {"variation": chosen}, await action.read(ref))
            assert proposal
            await action.apply(ref, proposal.before, proposal.after, key="k")
        assert await action.choices(ref) == ["v17", "v16"]


CALLS: list[tuple[str, str, object]] = [
    ("GET", "{flag}", None),
    ("GET", "{flag}/strategies", None),
    ("GET", "{flag}/strategies/{first}", None),
    ("GET", "{flag}x", None),
    ("GET", "/api/admin/projects/default/features/no-such-flag", None),
    ("GET", "/api/admin/nothing-here", None),
    ("POST", "{flag}x/on", None),
    ("POST", "{flag}/on", None),
    ("POST", "{flag}/off", None),
    ("POST", "{flag}/off", None),
    ("POST", "{kill}/on", None),
    ("GET", "{kill}", None),
    ("PATCH", "{flag}/strategies/{first}", [{"op": "replace", "path": "/parameters/rollout", "value": "250"}]),
    ("PATCH", "{flag}/strategies/{first}", [{"op": "replace", "path": "/parameters/rollout", "value": 10}]),
    ("PATCH", "{flag}/strategies/{first}", [{"op": "test", "path": "/parameters/rollout", "value": "99"}]),
    ("PATCH", "{flag}/strategies/{first}", [{"op": "replace", "path": "/variants/2/weight", "value": 1000}]),
    ("PATCH", "{flag}/strategies/{first}", [{"op": "replace", "path": "/variants/1/weightType", "value": "fix"}]),
    ("PATCH", "{flag}/strategies/none", [{"op": "replace", "path": "/parameters/rollout", "value": "1"}]),
    ("PUT", "{flag}/strategies/{first}", {"name": "flexibleRollout", "parameters": {"rollout": "7"}}),
    ("PUT", "{flag}/strategies/{first}", {"name": "flexibleRollout"}),
    ("POST", "{flag}/strategies", {"name": "flexibleRollout", "parameters": {"rollout": "3"}}),
    ("DELETE", "{flag}/strategies/{first}", None),
    ("DELETE", "{flag}/strategies/none", None),
    ("GET", "{flag}", None),
]


async def test_the_simulator_answers_the_same_calls_alike(real: Server, simulated: Server) -> None:
    outcomes = []
    for unleash in (real, simulated):
        names = {
            "flag": unleash.path(unleash.feature),
            "kill": unleash.path(unleash.kill_switch),
            "first": await unleash.strategy_id(0),
        }
        answers = [await unleash.ask(method, path.format(**names), json) for method, path, json in CALLS]
        outcomes.append([_comparable(answer) for answer in answers])
    for call, seen, expected in zip(CALLS, outcomes[1], outcomes[0], strict=True):
        assert seen == expected, call


async def test_tokens_open_the_same_doors(real: Server, simulated: Server) -> None:
    for unleash in (real, simulated):
        flag = unleash.path(unleash.feature)
        doors = [
            (flag, "wrong"),
            (flag, CLIENT_TOKEN),
            ("/api/client/features", "wrong"),
            ("/api/client/features", ADMIN_TOKEN),
        ]
        assert [(await unleash.ask("GET", path, token=token)).status_code for path, token in doors] == [
            401,
            403,
            401,
            403,
        ]


async def test_a_client_token_or_a_wrong_one_is_refused_and_a_stale_patch_changes_nothing(real: Server) -> None:
    for token in ("wrong", CLIENT_TOKEN):
        action = INTEGRATION.actions[0](Settings(url=str(real.client.base_url), token=token), real.client)
        with pytest.raises(AuthFailed):
            await action.read(real.ref(real.feature))
    action = real.action("set_rollout")
    ref = real.ref(real.feature)
    proposal = action.plan(ref, {"percent": 10}, await action.read(ref))
    assert proposal
    first = f"{real.path(real.feature)}/strategies/{await real.strategy_id(0)}"
    await real.ask("PATCH", first, [{"op": "replace", "path": "/parameters/rollout", "value": "60"}])
    with pytest.raises(Rejected):
        await action.apply(ref, proposal.before, proposal.after, key="k")
    stale = [{"op": "test", "path": "/parameters/rollout", "value": "100"}]
    assert (
        await real.ask("PATCH", first, [*stale, {"op": "replace", "path": "/title", "value": "x"}])
    ).status_code == 500
    assert (await real.ask("GET", first)).json()["title"] == "Staff first"


async def test_an_unreachable_server_is_unavailable(real: Server) -> None:
    async with httpx.AsyncClient(base_url="http://127.0.0.1:9") as nobody:
        action = INTEGRATION.actions[0](Settings(url="http://127.0.0.1:9", token=ADMIN_TOKEN), nobody)
        with pytest.raises(Unavailable):
            await action.read(real.ref(real.feature))


async def test_users_land_in_the_same_bucket(real: Server) -> None:
    answer = await real.ask(
        "POST",
        "/api/admin/playground",
        {
            "environment": "production",
            "projects": ["default"],
            "context": {"appName": "t", "userId": "user-7", "plan": "staff"},
        },
    )
    assert answer.status_code == 200, answer.text
    listed = {each["name"]: each for each in answer.json()["features"]}
    assert listed[real.feature]["isEnabled"] is (percent_of("user-7", "support-assistant-prompt") <= 100)


async def _carried_out(unleash: Server, name: str, params: JsonObject) -> list[object]:
    """Return what a plan says and how the flag reads before, after and after undo."""
    action = unleash.action(name)
    ref = unleash.ref(unleash.kill_switch if name == "pull_kill_switch" else unleash.feature)
    proposal = action.plan(ref, params, await action.read(ref))
    assert proposal
    readings = []
    for before, after in ((proposal.before, proposal.after), (proposal.after, proposal.before)):
        await action.apply(ref, before, after, key="k")
        await action.apply(ref, before, after, key="k")
        reading = await action.read(ref)
        assert reading == after
        readings.append(reading)
    return [proposal.summary, _without_segments(proposal.blast_radius), [_anonymous(each) for each in readings]]


def _seeded(segments: list[int]) -> list[JsonObject]:
    """Return the contract's strategies as they are sent, with a third variation and this server's segments."""
    third = {"name": "v16", "weight": 0, "weightType": "fix", "stickiness": "default"}
    seeded = []
    for place, strategy in enumerate(STRATEGIES):
        variants = strategy.get("variants", [])
        seeded.append(
            {
                "name": "flexibleRollout",
                "sortOrder": place,
                **strategy,
                **({"segments": segments} if "segments" in strategy else {}),
                "variants": [third, *({"stickiness": "default", **each} for each in variants)] if variants else [],
            }
        )
    return seeded


async def _make(unleash: Server, name: str, kind: str) -> None:
    answer = await unleash.ask("POST", "/api/admin/projects/default/features", {"name": name, "type": kind})
    assert answer.status_code == 201, answer.text


async def _furnish(unleash: Server, segments: list[int]) -> None:
    for strategy in _seeded(segments):
        answer = await unleash.ask("POST", f"{unleash.path(unleash.feature)}/strategies", strategy)
        assert answer.status_code == 200, answer.text
    assert (await unleash.ask("POST", f"{unleash.path(unleash.feature)}/on")).status_code == 200


async def _segment(unleash: Server, name: str) -> int:
    answer = await unleash.ask("POST", "/api/admin/segments", {"name": name, "constraints": []})
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


def _comparable(answer: httpx.Response) -> tuple[int, object]:
    """Return an answer without what two servers cannot share: ids, and the wording of refusals."""
    if answer.status_code >= 400 or not answer.content:
        return answer.status_code, None
    return answer.status_code, _anonymous(answer.json())


def _anonymous(value: object) -> object:
    if isinstance(value, dict):
        hidden = {"id", "segments", "featureName", "milestoneId"}
        return {name: _anonymous(each) for name, each in value.items() if name not in hidden}
    return [_anonymous(each) for each in value] if isinstance(value, list) else value


def _without_segments(lines: Iterable[str]) -> list[str]:
    return [line.split("; segments")[0] for line in lines]
