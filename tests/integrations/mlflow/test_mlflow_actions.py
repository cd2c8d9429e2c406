"""What MLflow's traps do to a containment, and what the actions do about them."""

import httpx
import pytest

from bot.sdk import JsonObject, Rejected, UserError
from integrations.mlflow.client import Settings
from integrations.mlflow.endpoints import ShiftTraffic
from integrations.mlflow.registry import MoveAlias
from tests.integrations.mlflow.contract import ALIAS, BUDGET, ENDPOINT
from tests.integrations.mlflow.simulated import SETTINGS, SimulatedMLflow
from tests.integrations.wire import timeout


@pytest.fixture
def mlflow() -> SimulatedMLflow:
    return SimulatedMLflow()


def weights(document: JsonObject) -> dict[str, float]:
    links = document["endpoints"]["assistant"]["links"]
    return {link["model"]: link["weight"] for link in links if link["linkage_type"] == "PRIMARY"}


async def test_new_weights_read_back_at_once_while_traffic_follows_a_minute_later(mlflow: SimulatedMLflow) -> None:
    proposal = await mlflow.carry_out("shift_traffic", ENDPOINT, model="gpt-main", percent=0)
    assert await mlflow.action("shift_traffic").read(ENDPOINT) == proposal.after
    assert (await mlflow.traffic())["gpt-main"] > 50
    assert proposal.blast_radius[-1].startswith("in force up to a minute after")
    mlflow.later(61)
    assert set(await mlflow.traffic()) == {"gpt-next", "gpt-small"}


async def test_the_others_share_the_rest_as_they_did_before(mlflow: SimulatedMLflow) -> None:
    proposal = await mlflow.carry_out("shift_traffic", ENDPOINT, model="gpt-main", percent=10)
    assert proposal.after["weights"] == {"gpt-main": 0.1, "gpt-next": 0.6, "gpt-small": 0.3}
    assert weights(mlflow.document()) == proposal.after["weights"]


@pytest.mark.parametrize("percent", range(101))
async def test_every_percentage_survives_the_way_mlflow_cuts_weights_off(mlflow: SimulatedMLflow, percent: int) -> None:
    state = await mlflow.action("shift_traffic").read(ENDPOINT)
    proposal = mlflow.action("shift_traffic").plan(ENDPOINT, {"model": "gpt-main", "percent": percent}, state)
    after = proposal.after["weights"] if proposal else state["weights"]
    cut = {model: int(weight * 100) for model, weight in after.items()}
    assert cut["gpt-main"] == percent or proposal is None
    assert sum(cut.values()) == 100 or proposal is None


async def test_what_an_update_leaves_out_would_be_reset_so_it_is_sent(mlflow: SimulatedMLflow) -> None:
    before = mlflow.document()["endpoints"]["assistant"]["fallback_config"]
    proposal = await mlflow.carry_out("shift_traffic", ENDPOINT, model="gpt-main", percent=0)
    assert mlflow.document()["endpoints"]["assistant"]["fallback_config"] == before
    await mlflow.undo("shift_traffic", ENDPOINT, proposal)
    assert mlflow.document()["endpoints"]["assistant"]["fallback_config"] == before


async def test_a_dropped_fallback_comes_back_in_its_place(mlflow: SimulatedMLflow) -> None:
    proposal = await mlflow.carry_out("drop_fallback", ENDPOINT, model="gpt-old")
    assert "then asked: gpt-small" in proposal.blast_radius[1]
    links = mlflow.document()["endpoints"]["assistant"]["links"]
    assert [each["model"] for each in links] == ["gpt-main", "gpt-next", "gpt-small", "gpt-small"]
    await mlflow.undo("drop_fallback", ENDPOINT, proposal)
    links = mlflow.document()["endpoints"]["assistant"]["links"]
    assert [each["model"] for each in links if each["linkage_type"] == "FALLBACK"] == ["gpt-small", "gpt-old"]


async def test_a_fallback_that_is_none_is_dropped_already(mlflow: SimulatedMLflow) -> None:
    action = mlflow.action("drop_fallback")
    assert action.plan(ENDPOINT, {"model": "gpt-main"}, await action.read(ENDPOINT)) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"routing_strategy": ""}, "does not split its traffic"),
        ({"weights": {"gpt-main": 1.0, "gpt-next": 0.0}}, "No other model of assistant has a share"),
        ({"weights": {"gpt-main": -1.0, "gpt-next": 5.0}}, "make no sense"),
        ({"weights": {"gpt-main": 0.0, "gpt-next": 0.0}}, "make no sense"),
    ],
)
async def test_traffic_that_cannot_be_shifted_is_not(
    mlflow: SimulatedMLflow, change: JsonObject, complaint: str
) -> None:
    action = mlflow.action("shift_traffic")
    state = {**await action.read(ENDPOINT), **change}
    with pytest.raises(UserError, match=complaint):
        action.plan(ENDPOINT, {"model": "gpt-main", "percent": 40}, state)


async def test_all_traffic_goes_to_a_model_that_had_none(mlflow: SimulatedMLflow) -> None:
    action = mlflow.action("shift_traffic")
    state = {**await action.read(ENDPOINT), "weights": {"gpt-main": 1.0, "gpt-next": 0.0}}
    proposal = action.plan(ENDPOINT, {"model": "gpt-next", "percent": 100}, state)
    assert proposal
    assert proposal.after["weights"] == {"gpt-main": 0.0, "gpt-next": 1.0}


async def test_the_alias_moves_back_and_the_bad_version_is_tagged(mlflow: SimulatedMLflow) -> None:
    before = mlflow.document()["models"]["assistant"]
    proposal = await mlflow.carry_out("move_alias", ALIAS, version="2")
    model = mlflow.document()["models"]["assistant"]
    assert model["aliases"] == {"production": "2"}
    assert model["versions"]["3"]["tags"] == {"stanch": "bad"}
    await mlflow.undo("move_alias", ALIAS, proposal)
    after = mlflow.document()["models"]["assistant"]
    assert after["aliases"] == before["aliases"]
    assert [after["versions"][number]["tags"] for number in "123"] == [{"stanch": "bad"}, {"team": "support"}, {}]


async def test_half_of_a_move_is_completed_and_taken_back(mlflow: SimulatedMLflow) -> None:
    proposal = await mlflow.plan("move_alias", ALIAS, version="2")

    def half(document: JsonObject) -> JsonObject:
        document["models"]["assistant"]["aliases"]["production"] = "2"
        return document

    mlflow.world.disturb("mlflow", half)
    await mlflow.action("move_alias").apply(ALIAS, proposal.before, proposal.after, key="k")
    assert await mlflow.action("move_alias").read(ALIAS) == proposal.after
    mlflow.wire.break_with(timeout, concerns="writes", after_passing_on=True)
    with pytest.raises(Exception, match="no answer"):
        await mlflow.undo("move_alias", ALIAS, proposal)
    mlflow.wire.mend()
    await mlflow.undo("move_alias", ALIAS, proposal)
    assert await mlflow.action("move_alias").read(ALIAS) == proposal.before


async def test_a_version_that_does_not_exist_is_refused_and_nothing_is_tagged(mlflow: SimulatedMLflow) -> None:
    proposal = await mlflow.plan("move_alias", ALIAS, version="2")

    def deleted(document: JsonObject) -> JsonObject:
        del document["models"]["assistant"]["versions"]["2"]
        return document

    mlflow.world.disturb("mlflow", deleted)
    with pytest.raises(Rejected, match="404"):
        await mlflow.action("move_alias").apply(ALIAS, proposal.before, proposal.after, key="k")
    assert mlflow.document()["models"]["assistant"]["versions"]["3"].get("tags", {}) == {}


async def test_an_alias_that_does_not_exist_is_rejected(mlflow: SimulatedMLflow) -> None:
    with pytest.raises(Rejected, match="has no alias canary"):
        await mlflow.action("move_alias").read({**ALIAS, "alias": "canary"})


async def test_a_form_offers_the_last_good_version_and_the_least_used_model_first(mlflow: SimulatedMLflow) -> None:
    assert await mlflow.action("move_alias").choices(ALIAS) == ["2"]
    assert await mlflow.action("shift_traffic").choices(ENDPOINT) == ["gpt-small", "gpt-next", "gpt-main"]
    assert await mlflow.action("drop_fallback").choices(ENDPOINT) == ["gpt-small", "gpt-old"]


async def test_a_capped_budget_refuses_where_it_only_alerted(mlflow: SimulatedMLflow) -> None:
    proposal = await mlflow.carry_out("cap_budget", BUDGET, amount="12.5")
    assert mlflow.document()["budgets"]["bp-assistant"]["budget_action"] == "REJECT"
    assert mlflow.document()["budgets"]["bp-assistant"]["budget_amount"] == 12.5
    assert "up to ten minutes" in proposal.blast_radius[-1]
    await mlflow.undo("cap_budget", BUDGET, proposal)
    assert mlflow.document()["budgets"]["bp-assistant"]["budget_action"] == "ALERT"


async def test_a_user_name_makes_it_basic_authentication(mlflow: SimulatedMLflow) -> None:
    basic = Settings.model_validate({**SETTINGS.model_dump(), "token": SETTINGS.token, "username": "stanch"})
    with pytest.raises(Exception, match="refused"):
        await MoveAlias(basic, mlflow.client).read(ALIAS)
    assert mlflow.wire.requests[-1].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("name", ["x' or name != 'x", "a/b", "", "a`b"])
async def test_a_name_cannot_become_another_search(mlflow: SimulatedMLflow, name: str) -> None:
    with pytest.raises(UserError, match="cannot take model"):
        await mlflow.action("move_alias").read({"model": name, "alias": "production"})
    assert not mlflow.wire.requests


async def test_a_model_that_is_linked_twice_is_not_guessed_at() -> None:
    links = [{"model_definition": {"model_definition_id": "d", "name": "m"}, "linkage_type": "PRIMARY"}] * 2
    answer = {"endpoint": {"endpoint_id": "e", "model_mappings": links}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.url) as client:
        with pytest.raises(Rejected, match="linked twice"):
            await ShiftTraffic(SETTINGS, client).read(ENDPOINT)
