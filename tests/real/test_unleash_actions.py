"""What every action proves, against a real Unleash; on its simulator they prove the same in tests/contract."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import Action, AuthFailed, JsonObject, Proposal, Rejected
from integrations.unleash.actions import PullKillSwitch, RollBackVariation, SetRollout, SwitchOff
from integrations.unleash.client import Settings
from tests.real.content import target
from tests.real.unleash import ADMIN_TOKEN, CLIENT_TOKEN, Unleash, gradual, variant

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


@pytest.fixture(params=["switch_off", "set_rollout", "roll_back_variation", "pull_kill_switch"])
def case(request: pytest.FixtureRequest, unleash: Unleash, flag: str, client: httpx.AsyncClient) -> Case:
    made: dict[str, tuple[type[Action], JsonObject]] = {
        "switch_off": (SwitchOff, {}),
        "set_rollout": (SetRollout, {"percent": 10}),
        "roll_back_variation": (RollBackVariation, {"variation": "v41"}),
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
