"""What every action proves, against a real MLflow; and that traffic follows late, which only a look at it tells."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from bot.sdk import Action, JsonObject, Proposal, Rejected, UserError
from integrations.mlflow import INTEGRATION
from integrations.mlflow.client import Settings
from tests.real.mlflow import CACHE_SECONDS, MLflow, running_mlflow

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Case:
    """One action on a target of its own.

    Attributes:
        shown: What the server tells about the target.
        interfere: Changes the target as somebody else would.
    """

    action: Action
    ref: JsonObject
    params: JsonObject
    shown: Callable[[], Any]
    interfere: Callable[[], object]

    async def plan(self) -> Proposal:
        proposal = self.action.plan(self.ref, self.params, await self.action.read(self.ref))
        assert proposal is not None
        return proposal

    async def apply(self, proposal: Proposal) -> None:
        await self.action.apply(self.ref, proposal.before, proposal.after, key="one")

    async def undo(self, proposal: Proposal) -> None:
        await self.action.apply(self.ref, proposal.after, proposal.before, key="two")


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLflow]:
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture
async def client(mlflow: MLflow) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mlflow.url, timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
def name(mlflow: MLflow) -> str:
    """A model with three versions, and an endpoint of the same name over two models with a third to fall back to."""
    unique = f"assistant-{uuid4().hex[:12]}"
    mlflow.add_model(unique, 3, "production")
    mlflow.add_endpoint(unique, {f"{unique}-new": 1.0, f"{unique}-old": 0.0}, f"{unique}-small")
    return unique


def made(name: str, mlflow: MLflow, client: httpx.AsyncClient) -> Action:
    settings = Settings(url=mlflow.url, token=SecretStr("any-token"))
    return next(each for each in INTEGRATION.actions if each.name == name)(settings, client)


@pytest.fixture(params=["move_alias", "shift_traffic", "drop_fallback", "cap_budget"])
def case(request: pytest.FixtureRequest, mlflow: MLflow, name: str, client: httpx.AsyncClient) -> Case:
    action = made(request.param, mlflow, client)
    if request.param == "move_alias":
        ref = {"model": name, "alias": "production"}
        versions = lambda: [mlflow.version(name, number) for number in "123"]  # noqa: E731
        return Case(action, ref, {"version": "2"}, versions, lambda: mlflow.move_alias(name, "production", "1"))
    if request.param == "cap_budget":
        policy = mlflow.add_budget(200)
        interfere = lambda: mlflow.update_budget(policy, 300)  # noqa: E731
        return Case(action, {"budget": policy}, {"amount": "0.5"}, lambda: mlflow.budget(policy), interfere)
    shift: JsonObject = {"model": f"{name}-old", "percent": 100}
    params = shift if request.param == "shift_traffic" else {"model": f"{name}-small"}
    return Case(action, {"endpoint": name}, params, lambda: mlflow.endpoint(name), lambda: mlflow.weigh(name, 0.5))


async def test_planning_changes_nothing(case: Case) -> None:
    before = case.shown()
    await case.plan()
    await case.action.choices(case.ref)
    assert case.shown() == before


async def test_what_was_applied_reads_back_and_applying_twice_is_applying_once(case: Case) -> None:
    proposal = await case.plan()
    await case.apply(proposal)
    assert await case.action.read(case.ref) == proposal.after
    once = case.shown()
    await case.apply(proposal)
    assert case.shown() == once


async def test_undo_restores_exactly_what_mlflow_told_before(case: Case) -> None:
    before = case.shown()
    proposal = await case.plan()
    await case.apply(proposal)
    assert case.shown() != before
    await case.undo(proposal)
    assert case.shown() == before


async def test_a_change_by_somebody_else_is_never_written_over(case: Case) -> None:
    proposal = await case.plan()
    case.interfere()
    theirs = case.shown()
    with pytest.raises(Rejected, match="somebody else changed"):
        await case.apply(proposal)
    assert case.shown() == theirs


async def test_new_weights_read_back_at_once_while_traffic_follows_seconds_later(
    mlflow: MLflow, name: str, client: httpx.AsyncClient
) -> None:
    action, ref = made("shift_traffic", mlflow, client), {"endpoint": name}
    assert set(mlflow.traffic(name)) == {f"{name}-new"}
    proposal = action.plan(ref, {"model": f"{name}-old", "percent": 100}, await action.read(ref))
    assert proposal
    await action.apply(ref, proposal.before, proposal.after, key="one")
    applied_at = time.monotonic()
    assert await action.read(ref) == proposal.after
    assert set(mlflow.traffic(name, 5)) == {f"{name}-new"}, "state verified, and the harm goes on"
    while f"{name}-new" in mlflow.traffic(name, 5):
        assert time.monotonic() - applied_at < CACHE_SECONDS + 30
        await asyncio.sleep(0.5)
    assert set(mlflow.traffic(name)) == {f"{name}-old"}


@pytest.mark.parametrize("percent", [29, 57, 58])
async def test_a_share_that_a_cut_off_would_lose_is_kept(
    mlflow: MLflow, name: str, client: httpx.AsyncClient, percent: int
) -> None:
    action, ref = made("shift_traffic", mlflow, client), {"endpoint": name}
    mlflow.weigh(name, 0.5)
    proposal = action.plan(ref, {"model": f"{name}-old", "percent": percent}, await action.read(ref))
    assert proposal
    await action.apply(ref, proposal.before, proposal.after, key="one")
    assert await action.read(ref) == proposal.after
    weights = [link["weight"] for link in mlflow.endpoint(name)["model_mappings"] if link["linkage_type"] == "PRIMARY"]
    assert sorted(int(weight * 100) for weight in weights) == sorted([percent, 100 - percent])


async def test_a_weight_below_zero_is_taken_by_mlflow_and_refused_by_us(
    mlflow: MLflow, name: str, client: httpx.AsyncClient
) -> None:
    action, ref = made("shift_traffic", mlflow, client), {"endpoint": name}
    for percent in (-1, 250):
        with pytest.raises(UserError, match="cannot take percent"):
            action.plan(ref, {"model": f"{name}-old", "percent": percent}, await action.read(ref))
    assert mlflow.weigh(name, -1) == 200
    with pytest.raises(UserError, match="make no sense"):
        action.plan(ref, {"model": f"{name}-old", "percent": 50}, await action.read(ref))


async def test_an_application_gets_the_earlier_version_and_the_bad_one_is_tagged(
    mlflow: MLflow, name: str, client: httpx.AsyncClient
) -> None:
    action, ref = made("move_alias", mlflow, client), {"model": name, "alias": "production"}
    [chosen, *_] = await action.choices(ref)
    proposal = action.plan(ref, {"version": chosen}, await action.read(ref))
    assert proposal
    await action.apply(ref, proposal.before, proposal.after, key="one")
    assert mlflow.serving_version(name, "production")["version"] == "2"
    assert mlflow.version(name, "3")["tags"] == [{"key": "stanch", "value": "bad"}]
    assert await action.choices(ref) == ["1"]


@pytest.mark.parametrize(
    ("action", "ref"),
    [
        ("move_alias", {"model": "no-such-model", "alias": "production"}),
        ("shift_traffic", {"endpoint": "no-such-endpoint"}),
        ("cap_budget", {"budget": "bp-none"}),
    ],
)
async def test_what_is_not_there_is_refused(
    mlflow: MLflow, client: httpx.AsyncClient, action: str, ref: JsonObject
) -> None:
    with pytest.raises(Rejected) as refused:
        await made(action, mlflow, client).read(ref)
    assert refused.value.status == 404
