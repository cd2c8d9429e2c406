"""What the simulated GrowthBook refuses and how it buckets, as the real one does."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sdk import JsonObject
from integrations.growthbook.evaluation import bucket
from tests.integrations.growthbook.contract import HALF, STAFF
from tests.integrations.growthbook.simulated import HEADERS, SimulatedGrowthBook

PATH = "/api/v1/features/assistant-prompt"


async def post(growthbook: SimulatedGrowthBook, path: str, body: object) -> httpx.Response:
    return await growthbook.client.post(path, json=body, headers=HEADERS)


def production(*rules: JsonObject) -> JsonObject:
    return {"environments": {"production": {"enabled": True, "rules": list(rules)}}}


@pytest.mark.parametrize(
    "body",
    [
        {"environments": {}},
        {"environments": {"production": {"enabled": True}}},
        {"environments": {"production": {"rules": []}}},
        {"defaultValue": "x"},
        production({"type": "safe-rollout", "controlValue": "a", "variationValue": "b"}),
        production({**HALF, "scheduleType": "none"}),
        production({"type": "rollout", "value": "x", "coverage": 0.5}),
        production({"type": "rollout", "value": "x", "coverage": 50, "hashAttribute": "id"}),
    ],
)
async def test_an_update_that_cannot_be_one_is_refused_as_a_whole(body: JsonObject) -> None:
    growthbook = SimulatedGrowthBook()
    before = growthbook.document
    assert (await post(growthbook, PATH, body)).status_code == 400
    assert growthbook.document == before


@pytest.mark.parametrize("value", ["perhaps", "1"])
async def test_a_value_must_be_of_the_feature_s_type(value: str) -> None:
    growthbook = SimulatedGrowthBook("assistant")
    body = production({"type": "force", "value": value})
    assert (await post(growthbook, "/api/v1/features/assistant", body)).status_code == 400


async def test_a_toggle_takes_what_growthbook_takes_for_true_and_needs_environments() -> None:
    growthbook = SimulatedGrowthBook()
    assert (await post(growthbook, f"{PATH}/toggle", {"reason": "x"})).status_code == 422
    assert (await post(growthbook, f"{PATH}/toggle", {"environments": {"moon": False}})).status_code == 400
    off = await post(growthbook, f"{PATH}/toggle", {"environments": {"production": "0"}})
    assert off.json()["feature"]["environments"]["production"]["enabled"] is False
    on = await post(growthbook, f"{PATH}/toggle", {"environments": {"production": "1"}})
    assert on.json()["feature"]["environments"]["production"]["enabled"] is True
    assert on.json()["feature"]["revision"]["version"] == 5


async def test_what_changes_nothing_publishes_nothing() -> None:
    growthbook = SimulatedGrowthBook()
    answer = await post(growthbook, f"{PATH}/toggle", {"environments": {"production": True}})
    assert answer.json()["feature"]["revision"]["version"] == 3


async def test_a_new_rule_gets_an_id_and_the_others_keep_theirs() -> None:
    growthbook = SimulatedGrowthBook()
    answer = await post(growthbook, PATH, production({"type": "force", "value": "x"}, STAFF))
    new, old = answer.json()["feature"]["environments"]["production"]["rules"]
    assert new["id"].startswith("fr_")
    assert (new["description"], new["enabled"], old["id"]) == ("", True, "fr_staff")


@pytest.mark.parametrize(
    ("targeting", "attributes", "matches"),
    [
        ({"condition": '{"plan": {"$in": ["a", "b"]}}'}, {"plan": "b"}, True),
        ({"condition": '{"plan": {"$gt": "a"}}'}, {"plan": "b"}, False),
        ({"savedGroupTargeting": [{"matchType": "none", "savedGroups": ["grp_beta"]}]}, {"id": "u"}, True),
        ({"savedGroupTargeting": [{"matchType": "all", "savedGroups": ["grp_beta", "grp_free"]}]}, {"id": "u"}, False),
    ],
)
async def test_rules_select_by_attributes_and_saved_groups(
    targeting: JsonObject, attributes: JsonObject, *, matches: bool
) -> None:
    growthbook = SimulatedGrowthBook(rules=[{"id": "fr_1", "type": "force", "value": "yes", **targeting}])
    assert await growthbook.value(**attributes) == ("yes" if matches else "prompts/16")


async def test_experiments_are_passed_over() -> None:
    trial = {"id": "fr_trial", "type": "experiment-ref", "experimentId": "exp_1", "variations": []}
    assert await SimulatedGrowthBook(rules=[trial, {**HALF, "coverage": 1}]).value() == "prompts/18"


async def test_a_user_without_what_a_rollout_counts_by_passes_it_by() -> None:
    growthbook = SimulatedGrowthBook(rules=[{**HALF, "coverage": 1, "hashAttribute": "company"}])
    assert (await growthbook.value(), await growthbook.value(company="c")) == ("prompts/16", "prompts/18")


@pytest.mark.parametrize(
    ("seed", "value", "version", "place"),
    [
        ("", "a", 1, 0.22),
        ("", "b", 1, 0.077),
        ("b", "a", 1, 0.946),
        ("ef", "d", 1, 0.652),
        ("seed", "a", 2, 0.0505),
        ("seed", "b", 2, 0.2696),
        ("foo", "ab", 2, 0.2575),
    ],
)
def test_users_land_where_growthbook_s_own_sdks_put_them(seed: str, value: str, version: int, place: float) -> None:
    assert bucket(seed, value, version) == place


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from([1, 2]))
def test_a_place_is_a_share(seed: str, value: str, version: int) -> None:
    assert 0 <= bucket(seed, value, version) < 1
