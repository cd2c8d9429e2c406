"""What the simulated Flagsmith refuses and what it ignores, as the real one does."""

import httpx
import pytest

from bot.sdk import JsonObject
from tests.integrations.flagsmith.simulated import SimulatedFlagsmith

HEADERS = {"Authorization": "Api-Key ser-simulated"}
STATES = "/api/v1/environments/production-key/featurestates/"


async def write(flagsmith: SimulatedFlagsmith, method: str, path: str, body: object = None) -> httpx.Response:
    return await flagsmith.client.request(method, path, json=body, headers=HEADERS)


async def default_state(flagsmith: SimulatedFlagsmith) -> JsonObject:
    answer = await flagsmith.client.get(STATES, params={"feature_name": "assistant-prompt"}, headers=HEADERS)
    (state,) = answer.json()["results"]
    assert isinstance(state, dict)
    return state


async def override_states(flagsmith: SimulatedFlagsmith) -> list[JsonObject]:
    where = {"environment": "7", "feature": "11"}
    answer = await flagsmith.client.get("/api/v1/features/featurestates/", params=where, headers=HEADERS)
    return [state for state in answer.json()["results"] if state["feature_segment"]]


async def test_a_patch_of_the_default_does_not_look_at_shares_and_a_put_drops_those_that_it_does_not_list() -> None:
    flagsmith = SimulatedFlagsmith()
    path = f"{STATES}{(await default_state(flagsmith))['id']}/"
    shares = [{"multivariate_feature_option": 33, "percentage_allocation": 5}]
    patched = await write(flagsmith, "PATCH", path, {"enabled": False, "multivariate_feature_state_values": shares})
    assert patched.json() == {"feature": 11, "enabled": False}
    assert flagsmith.served["default"]["shares"] == {"33": 10, "34": 80.5}
    put = await write(flagsmith, "PUT", path, {"feature": 11, "multivariate_feature_state_values": shares})
    assert [each["percentage_allocation"] for each in put.json()["multivariate_feature_state_values"]] == [5]
    assert flagsmith.served["default"]["shares"] == {"33": 5}


@pytest.mark.parametrize(
    "body",
    [
        {"enabled": "perhaps"},
        {"multivariate_feature_state_values": [{"multivariate_feature_option": 99, "percentage_allocation": 1}]},
        {"multivariate_feature_state_values": [{"multivariate_feature_option": 33, "percentage_allocation": 101}]},
        {
            "multivariate_feature_state_values": [
                {"multivariate_feature_option": 33, "percentage_allocation": 51},
                {"multivariate_feature_option": 34, "percentage_allocation": 50},
            ]
        },
    ],
)
async def test_a_state_that_cannot_be_one_is_refused(body: JsonObject) -> None:
    flagsmith = SimulatedFlagsmith()
    before = flagsmith.document
    path = f"{STATES}{(await default_state(flagsmith))['id']}/"
    assert (await write(flagsmith, "PUT", path, {"feature": 11, **body})).status_code == 400
    assert flagsmith.document == before


async def test_an_environment_with_versions_refuses_direct_writes_and_the_others_refuse_versions() -> None:
    flagsmith = SimulatedFlagsmith(environment={"versioned": True})
    default, override = await default_state(flagsmith), (await override_states(flagsmith))[0]
    added = {"feature_segment": {"segment": 4}, "enabled": False}
    for method, path, body in (
        ("PATCH", f"{STATES}{default['id']}/", {"enabled": False}),
        ("PATCH", f"/api/v1/features/featurestates/{override['id']}/", {"enabled": False}),
        ("DELETE", f"/api/v1/features/feature-segments/{override['feature_segment']}/", None),
        ("POST", "/api/v1/environments/production-key/features/11/create-segment-override/", added),
    ):
        refused = await write(flagsmith, method, path, body)
        assert (refused.status_code, "v2 feature versioning" in refused.json()["detail"]) == (400, True)
    refused = await write(SimulatedFlagsmith(), "POST", "/api/v1/environments/7/features/11/versions/", {})
    assert refused.status_code == 400


async def test_a_draft_changes_nothing_and_a_version_is_refused_as_a_whole() -> None:
    flagsmith = SimulatedFlagsmith(environment={"versioned": True})
    before, path = flagsmith.document, "/api/v1/environments/7/features/11/versions/"
    update = [{"feature_segment": None, "enabled": False}]
    assert (await write(flagsmith, "POST", path, {"feature_states_to_update": update})).status_code == 201
    for wrong in (
        {"feature_states_to_create": [{"feature_segment": {"segment": 5}, "enabled": False}]},
        {"feature_states_to_create": [{"feature_segment": {"segment": 99}, "enabled": False}]},
        {"feature_states_to_update": [*update, {"feature_segment": {"segment": 4}, "enabled": False}]},
    ):
        assert (await write(flagsmith, "POST", path, {**wrong, "publish_immediately": True})).status_code == 400
    assert flagsmith.document == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{STATES}1/"),
        ("GET", "/api/v1/projects/1/features/99/"),
        ("GET", "/api/v1/environments/99/features/11/versions/"),
    ],
)
async def test_what_does_not_exist_is_not_found(method: str, path: str) -> None:
    assert (await write(SimulatedFlagsmith(), method, path, {})).status_code == 404


async def test_an_override_s_state_is_not_one_of_the_environment() -> None:
    flagsmith = SimulatedFlagsmith()
    override = (await override_states(flagsmith))[0]
    assert (await write(flagsmith, "PATCH", f"{STATES}{override['id']}/", {"enabled": False})).status_code == 404


async def test_applications_see_what_everybody_is_served_and_need_the_environment_s_key() -> None:
    flagsmith = SimulatedFlagsmith()
    headers = {"X-Environment-Key": "production-key"}
    flags = (await flagsmith.client.get("/api/v1/flags/", headers=headers)).json()
    assert [(flag["feature"]["name"], flag["feature"]["type"], flag["enabled"]) for flag in flags] == [
        ("assistant", "STANDARD", False),
        ("assistant-model", "STANDARD", True),
        ("assistant-prompt", "MULTIVARIATE", True),
    ]
    one = await flagsmith.client.get("/api/v1/flags/", params={"feature": "assistant-prompt"}, headers=headers)
    assert one.json()["feature_state_value"] == "prompts/16"
    none = await flagsmith.client.get("/api/v1/flags/", params={"feature": "no-such-feature"}, headers=headers)
    assert none.status_code == 404
    assert (await flagsmith.client.get("/api/v1/flags/")).status_code == 403
