"""What the simulated LaunchDarkly refuses, and that it then changes nothing."""

import httpx
import pytest

from bot.sdk import JsonObject
from tests.integrations.launchdarkly.contract import STAFF
from tests.integrations.launchdarkly.simulated import TOKEN, SimulatedLaunchDarkly

PATH = "/api/v2/flags/default/assistant-prompt"
WHERE = "/environments/production"


async def patch(launchdarkly: SimulatedLaunchDarkly, body: object) -> httpx.Response:
    return await launchdarkly.client.patch(PATH, json=body, headers=TOKEN)


def replace(path: str, value: object) -> JsonObject:
    return {"op": "replace", "path": f"{WHERE}{path}", "value": value}


@pytest.mark.parametrize(
    "operation",
    [
        replace("/on", "perhaps"),
        replace("/version", 1),
        replace("/nothing", 1),
        replace("/fallthrough", {}),
        replace("/fallthrough", {"variation": 4}),
        replace("/fallthrough", {"rollout": {"variations": [{"variation": 0, "weight": 99_999}]}}),
        replace("/rules", [{"clauses": [], "variation": 0}]),
        replace("/rules", [{"clauses": [{"attribute": "plan", "op": "in"}], "variation": 0}]),
        replace("/rules/9/variation", 0),
        {"op": "move", "path": f"{WHERE}/on"},
        "replace",
    ],
)
async def test_a_patch_that_leads_to_no_valid_flag_is_refused_as_a_whole(operation: object) -> None:
    launchdarkly = SimulatedLaunchDarkly()
    before = launchdarkly.document
    refused = await patch(launchdarkly, [replace("/on", value=False), operation])
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert launchdarkly.document == before


@pytest.mark.parametrize("body", [{"instructions": [{"kind": "turnFlagOff"}], "environmentKey": "production"}, "off"])
async def test_what_is_no_json_patch_is_refused(body: object) -> None:
    assert (await patch(SimulatedLaunchDarkly(), body)).status_code == 400


async def test_operations_add_and_remove_what_is_in_lists() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    for place in ("0", "-"):
        assert (await patch(launchdarkly, [{"op": "add", "path": f"{WHERE}/rules/{place}", "value": STAFF}])).is_success
    rules = launchdarkly.production["rules"]
    assert [rule.get("description") for rule in rules] == [
        "Staff first",
        "Staff first",
        None,
        "Old pilot",
        "Staff first",
    ]
    assert len({rule["_id"] for rule in rules}) == 5
    assert (await patch(launchdarkly, [{"op": "remove", "path": f"{WHERE}/rules/0"}])).is_success
    assert launchdarkly.production["rules"] == rules[1:]


async def test_a_patch_that_changes_nothing_keeps_the_version() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    answer = await patch(launchdarkly, {"patch": [replace("/on", value=True)]})
    assert answer.json()["environments"]["production"]["version"] == 41
    assert set(answer.json()["environments"]) == {"production", "test"}


async def test_pending_changes_stand_in_the_way_unless_they_are_to_be_ignored() -> None:
    refused = await patch(SimulatedLaunchDarkly(pending=True), [replace("/on", value=False)])
    assert (refused.status_code, refused.json()["message"]) == (400, "This change would cause pending changes to fail")


async def test_an_archived_flag_cannot_be_changed_and_is_not_evaluated() -> None:
    launchdarkly = SimulatedLaunchDarkly()
    launchdarkly.edit(lambda flag: flag.update(archived=True))
    assert (await patch(launchdarkly, [replace("/on", value=False)])).status_code == 400
    path = "/api/v2/projects/default/environments/production/flags/evaluate"
    answer = await launchdarkly.client.post(path, json={"key": "user-1"}, headers=TOKEN)
    assert answer.json() == {"items": [], "totalCount": 0}


async def test_a_disabled_rule_and_an_operator_that_is_not_simulated_match_nobody() -> None:
    odd = {"clauses": [{"attribute": "plan", "op": "startsWith", "negate": False, "values": ["st"]}], "variation": 0}
    launchdarkly = SimulatedLaunchDarkly(rules=[{**STAFF, "disabled": True}, odd])
    assert await launchdarkly.value(plan="staff") == "prompts/18"
    assert await SimulatedLaunchDarkly(on=False).value(plan="staff") == ""
