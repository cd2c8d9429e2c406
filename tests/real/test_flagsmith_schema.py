"""Flagsmith's published schema: what the actions ask of feature states conforms, and so do the simulator's answers.

The schema at hand has the feature states of an environment, and neither overrides nor versions; those requests are
counted as unchecked.
"""

import copy
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bot.sdk import JsonObject
from integrations.flagsmith import INTEGRATION
from tests.integrations.flagsmith.contract import CONTRACT, PROMPT, WORLD
from tests.real.acting import Acting
from tests.real.vendor_schema import Vendor, running_vendor

pytestmark = pytest.mark.real

STATES = "/api/v1/environments/production-key/featurestates/"
# The schema says that a state's identity is an object; that of the environment has none, and Flagsmith answers null.
EXPLAINED = "identity must be object"


def _document() -> JsonObject:
    document = copy.deepcopy(WORLD)
    document["features"]["assistant-prompt"]["environments"]["production-key"]["overrides"] = {}
    document["features"]["assistant"]["environments"] = {"production-key": {"default": {"value": "a"}}}
    return document


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    logs = tmp_path_factory.mktemp("flagsmith")
    with running_vendor(INTEGRATION, _document(), "fixed-flagsmith.json", logs) as vendor:
        yield vendor


@pytest.fixture
async def client(running: Vendor) -> AsyncIterator[httpx.AsyncClient]:
    async with running.client() as client:
        yield client


def unexplained(running: Vendor) -> list[str]:
    return [each for each in running.violations if EXPLAINED not in each]


@pytest.mark.parametrize(
    ("name", "method"), [("switch_off", "PATCH"), ("set_rollout", "PUT"), ("roll_back_value", "PUT")]
)
async def test_an_action_on_the_environment_s_state_and_its_undo_conform(
    running: Vendor, client: httpx.AsyncClient, name: str, method: str
) -> None:
    acting = Acting(running.action(name, client), PROMPT)
    await acting.undo(await acting.carry_out(**CONTRACT.actions[name].params))
    written = [each for each in running.exchanged if each.startswith(f"{method} {STATES}") and each.endswith(" 200")]
    assert len(written) == 2
    assert unexplained(running) == []
    assert not [each for each in running.unchecked if not each.startswith("GET ")]


async def test_what_does_not_conform_is_told(running: Vendor, client: httpx.AsyncClient) -> None:
    state = (await Acting(running.action("switch_off", client), PROMPT).read())["default"]
    assert state["enabled"]
    headers = {"Authorization": "Api-Key ser-simulated"}
    (found,) = (await client.get(STATES, params={"feature_name": PROMPT["feature"]}, headers=headers)).json()["results"]
    await client.put(f"{STATES}{found['id']}/", json={"enabled": "perhaps"}, headers=headers)
    assert any("must have required property 'feature'" in each for each in unexplained(running))
    assert any("enabled must be boolean" in each for each in unexplained(running))


async def test_applications_are_answered_as_the_schema_says(running: Vendor, client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/flags/", headers={"X-Environment-Key": "production-key"})
    assert answer.status_code == 200
    assert running.exchanged == ["GET /api/v1/flags/ 200"]
    assert unexplained(running) == []
