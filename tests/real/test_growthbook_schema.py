"""GrowthBook's published schema: every request of the actions conforms to it, and so do the simulator's answers."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bot.sdk import JsonObject, Rejected
from integrations.growthbook import INTEGRATION
from tests.integrations.growthbook.contract import CONTRACT, NOWHERE, PROMPT, WORLD
from tests.real.acting import Acting
from tests.real.vendor_schema import Vendor, running_vendor

pytestmark = pytest.mark.real

FEATURE = "/api/v1/features/assistant-prompt"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    logs = tmp_path_factory.mktemp("growthbook")
    with running_vendor(INTEGRATION, WORLD, "fixed-growthbook.json", logs, base="/api") as vendor:
        yield vendor


@pytest.fixture
async def client(running: Vendor) -> AsyncIterator[httpx.AsyncClient]:
    async with running.client() as client:
        yield client


@pytest.mark.parametrize("name", CONTRACT.actions)
async def test_an_action_and_its_undo_conform(running: Vendor, client: httpx.AsyncClient, name: str) -> None:
    acting = Acting(running.action(name, client), PROMPT)
    await acting.undo(await acting.carry_out(**CONTRACT.actions[name].params))
    written = [each for each in running.exchanged if each.startswith("POST ")]
    assert len(written) == 2
    assert running.violations == []
    assert running.unchecked == set()


async def test_the_history_of_a_feature_conforms(running: Vendor, client: httpx.AsyncClient) -> None:
    assert "prompts/14" in await running.action("roll_back_value", client).choices(PROMPT)
    assert running.violations == []


async def test_a_feature_that_does_not_exist_is_rejected(running: Vendor, client: httpx.AsyncClient) -> None:
    with pytest.raises(Rejected) as refused:
        await Acting(running.action("switch_off", client), NOWHERE).read()
    assert refused.value.status == 404


async def test_what_does_not_conform_is_told(running: Vendor, client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer secret_simulated"}
    await client.post(f"{FEATURE}/toggle", json={"reason": "no environments"}, headers=headers)
    assert any("must have required property 'environments'" in each for each in running.violations)
    rule = {"type": "force", "value": "x", "scheduleType": "none"}
    body: JsonObject = {"environments": {"production": {"enabled": True, "rules": [rule]}}}
    await client.post(FEATURE, json=body, headers=headers)
    assert any("must NOT have additional properties; found 'scheduleType'" in each for each in running.violations)
    await client.get(FEATURE)
    assert any("Invalid security scheme used" in each for each in running.violations)
