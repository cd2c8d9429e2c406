"""What every action proves, against a real Unleash; on its simulator they prove the same in tests/contract."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import Action, AuthFailed, JsonObject, Proposal, Rejected, UserError
from integrations.unleash.actions import PullKillSwitch, RollBackVariation, SetRollout, SwitchOff, SwitchSegmentOff
from integrations.unleash.client import Settings
from tests.real.content import target
from tests.real.stanch import eventually
from tests.real.unleash import ADMIN_TOKEN, CLIENT_TOKEN, FRONTEND_TOKEN, Unleash, application, gradual, variant

pytestmark = pytest.mark.real

STAFF = {"contextName": "plan", "operator": "IN", "values": ["staff"], "inverted": False, "caseInsensitive": False}
OLD, NEW = variant("v41", 100, weightType="variable"), variant("v42", 900)


@dataclass(frozen=True)
class Case:
    """One action on a flag of its own, connected to the real server."""

    action: Action
    flag: str
    params: JsonObject
    unleash: Unleash

    @property
    def ref(self) -> JsonObject:
        return dict(target(self.flag)["ref"])

    async def plan(self) -> Proposal:
        proposal = self.action.plan(self.ref, self.params, await self.action.read(self.ref))
        assert proposal is not None
        return proposal

    async def apply(self, proposal: Proposal) -> None:
        await self.action.apply(self.ref, proposal.before, proposal.after, key="one")

    async def undo(self, proposal: Proposal) -> None:
        await self.action.apply(self.ref, proposal.after, proposal.before, key="two")


@pytest.fixture
def flag(unleash: Unleash) -> str:
    """A flag with a constraint, a segment, a disabled strategy, and variations."""
    name = f"assistant-{uuid4().hex}"
    segment = unleash.add_segment(f"segment-{name}")
    unleash.add_flag(
        name,
        gradual(name, OLD, NEW, constraints=[STAFF], title="Staff first"),
        gradual(name, OLD, NEW, rollout="50", segments=[segment]),
        gradual(name, rollout="5", disabled=True),
    )
    return name


@pytest.fixture
async def client(unleash: Unleash) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=unleash.url, timeout=30, trust_env=False) as opened:
        yield opened


def settings(unleash: Unleash, token: str = ADMIN_TOKEN) -> Settings:
    return Settings(url=unleash.url, token=SecretStr(token))


async def listed_for(client: httpx.AsyncClient, flag: str, user: str) -> bool:
    """Whether the frontend API gives a user the flag."""
    answer = await client.get("/api/frontend", params={"userId": user}, headers={"Authorization": FRONTEND_TOKEN})
    answer.raise_for_status()
    return any(toggle["name"] == flag for toggle in answer.json()["toggles"])


@pytest.fixture(params=["switch_off", "set_rollout", "roll_back_variation", "switch_segment_off", "pull_kill_switch"])
def case(request: pytest.FixtureRequest, unleash: Unleash, flag: str, client: httpx.AsyncClient) -> Case:
    made: dict[str, tuple[type[Action], JsonObject]] = {
        "switch_off": (SwitchOff, {}),
        "set_rollout": (SetRollout, {"percent": 10}),
        "roll_back_variation": (RollBackVariation, {"variation": "v41"}),
        "switch_segment_off": (SwitchSegmentOff, {"field": "plan", "value": "free"}),
        "pull_kill_switch": (PullKillSwitch, {}),
    }
    action, params = made[request.param]
    if action is PullKillSwitch:
        unleash.add_strategy(flag, gradual(flag))
        unleash.turn(flag, on=False)
    return Case(action(settings(unleash), client), flag, params, unleash)


async def test_planning_changes_nothing(case: Case) -> None:
    changes = case.unleash.changes(case.flag)
    await case.plan()
    assert case.unleash.changes(case.flag) == changes


async def test_what_was_applied_reads_back(case: Case) -> None:
    proposal = await case.plan()
    assert await case.action.read(case.ref) == proposal.before
    await case.apply(proposal)
    assert await case.action.read(case.ref) == proposal.after


async def test_applying_twice_is_applying_once(case: Case) -> None:
    proposal = await case.plan()
    await case.apply(proposal)
    changes = case.unleash.changes(case.flag)
    await case.apply(proposal)
    assert case.unleash.changes(case.flag) == changes


async def test_undo_restores_exactly_what_unleash_told_before(case: Case) -> None:
    before = case.unleash.environment(case.flag)
    proposal = await case.plan()
    await case.apply(proposal)
    assert case.unleash.environment(case.flag) != before
    await case.undo(proposal)
    assert case.unleash.environment(case.flag) == before


async def test_a_change_by_somebody_else_is_never_written_over(case: Case) -> None:
    proposal = await case.plan()
    case.unleash.narrow(case.flag, "77")
    theirs = case.unleash.environment(case.flag)
    with pytest.raises(Rejected, match="somebody else changed"):
        await case.apply(proposal)
    assert case.unleash.environment(case.flag) == theirs


async def test_undo_refuses_when_somebody_else_changed_the_flag_since(case: Case) -> None:
    proposal = await case.plan()
    await case.apply(proposal)
    case.unleash.narrow(case.flag, "77")
    theirs = case.unleash.environment(case.flag)
    with pytest.raises(Rejected, match="somebody else changed"):
        await case.undo(proposal)
    assert case.unleash.environment(case.flag) == theirs


async def test_a_kill_switch_without_strategies_gets_one_and_loses_it_again(
    unleash: Unleash, client: httpx.AsyncClient
) -> None:
    name = f"kill-{uuid4().hex}"
    unleash.add_flag(name)
    unleash.turn(name, on=False)
    case = Case(PullKillSwitch(settings(unleash), client), name, {}, unleash)
    before = await case.action.read(case.ref)
    proposal = await case.plan()
    await case.apply(proposal)
    assert await case.action.read(case.ref) == proposal.after
    await case.undo(proposal)
    assert await case.action.read(case.ref) == before


async def test_one_segment_loses_the_feature_in_an_application_and_gets_it_back(
    unleash: Unleash, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    name = f"segmented-{uuid4().hex}"
    unleash.add_flag(name, gradual(name), {"name": "default"})
    case = Case(SwitchSegmentOff(settings(unleash), client), name, {"field": "plan", "value": "free"}, unleash)
    with application(unleash.url, tmp_path) as assistant:

        async def on_for() -> list[bool]:
            contexts = [{"userId": "u", "properties": {"plan": plan}} for plan in ("free", "paid")]
            return [await asyncio.to_thread(assistant.is_enabled, name, context) for context in contexts]

        await eventually(on_for, lambda seen: seen == [True, True])
        proposal = await case.plan()
        await case.apply(proposal)
        await eventually(on_for, lambda seen: seen == [False, True])
        await case.undo(proposal)
        await eventually(on_for, lambda seen: seen == [True, True])


async def test_a_rollout_of_250_is_taken_by_unleash_and_refused_by_us(
    unleash: Unleash, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    name = f"rollout-{uuid4().hex}"
    unleash.add_flag(name, gradual(name, rollout="50"))
    action = SetRollout(settings(unleash), client)
    state = await action.read(target(name)["ref"])
    with pytest.raises(UserError, match="cannot take percent"):
        action.plan(target(name)["ref"], {"percent": 250}, state)
    unleash.narrow(name, "250")
    assert unleash.environment(name)["strategies"][0]["parameters"]["rollout"] == "250"
    with application(unleash.url, tmp_path) as assistant:

        async def told() -> tuple[set[bool], set[bool]]:
            """Return what the SDK and what the frontend API say of fifty users."""
            users = [{"userId": f"user-{number}"} for number in range(50)]
            by_sdk = {await asyncio.to_thread(assistant.is_enabled, name, user) for user in users}
            by_server = {await listed_for(client, name, user["userId"]) for user in users[:5]}
            return by_sdk, by_server

        seen = await eventually(told, lambda seen: seen[0] != seen[1] and len(seen[0]) == len(seen[1]) == 1)
    assert seen == ({False}, {True})


async def test_the_variation_that_was_in_use_before_is_offered_first(
    unleash: Unleash, client: httpx.AsyncClient
) -> None:
    name = f"released-{uuid4().hex}"
    others = [variant(each, 0) for each in ("v39", "v40")]
    unleash.add_flag(name, gradual(name, *others, variant("v41", 1000, weightType="variable"), variant("v42", 0)))
    unleash.release(name, *others, variant("v41", 0, weightType="variable"), variant("v42", 1000))
    choices = await RollBackVariation(settings(unleash), client).choices(target(name)["ref"])
    assert (choices[0], sorted(choices)) == ("v41", ["v39", "v40", "v41"])


@pytest.mark.parametrize("token", ["*:*.wrong-token", CLIENT_TOKEN])
async def test_a_token_that_may_not_is_an_authentication_failure_without_the_token(
    unleash: Unleash, flag: str, client: httpx.AsyncClient, token: str
) -> None:
    with pytest.raises(AuthFailed) as refused:
        await SwitchOff(settings(unleash, token), client).read(target(flag)["ref"])
    assert token not in str(refused.value)


async def test_a_flag_that_is_not_there_is_refused(unleash: Unleash, client: httpx.AsyncClient) -> None:
    with pytest.raises(Rejected) as refused:
        await SwitchOff(settings(unleash), client).read(target("no-such-flag")["ref"])
    assert refused.value.status == 404
