"""LaunchDarkly's published schema: every request of the actions conforms to it, and every answer of the simulator."""

import copy
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bot.sdk import IntegrationError, JsonObject, Rejected
from integrations.launchdarkly import INTEGRATION
from tests.integrations.launchdarkly.contract import CONTRACT, NOWHERE, PROMPT, WORLD
from tests.real.acting import Acting
from tests.real.vendor_schema import Vendor, running_vendor

pytestmark = pytest.mark.real

FLAG = "/api/v2/flags/default/assistant-prompt"


def _document() -> JsonObject:
    document = copy.deepcopy(WORLD)
    environments = document["flags"]["assistant-prompt"]["environments"]
    environments["guarded"] = {**environments["production"], "approvals_required": True}
    # A clause without `negate`, which LaunchDarkly would never answer.
    odd = {"rules": [{"clauses": [{"attribute": "plan", "op": "in", "values": ["x"]}], "variation": 0}]}
    document["flags"]["odd"] = {"environments": {"production": odd}}
    return document


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    logs = tmp_path_factory.mktemp("launchdarkly")
    with running_vendor(INTEGRATION, _document(), "fixed-launchdarkly.json", logs) as vendor:
        yield vendor


@pytest.fixture
async def client(running: Vendor) -> AsyncIterator[httpx.AsyncClient]:
    async with running.client() as client:
        yield client


@pytest.mark.parametrize("name", CONTRACT.actions)
async def test_an_action_and_its_undo_conform(running: Vendor, client: httpx.AsyncClient, name: str) -> None:
    acting = Acting(running.action(name, client), PROMPT)
    done = await acting.carry_out(**CONTRACT.actions[name].params)
    await acting.undo(done)
    assert running.exchanged.count(f"PATCH {FLAG} 200") == 2
    assert running.violations == []
    assert running.unchecked == set()


@pytest.mark.parametrize(
    ("ref", "status"), [(NOWHERE, 404), ({**PROMPT, "environment": "guarded"}, 405)], ids=["missing", "approvals"]
)
async def test_refusals_conform(running: Vendor, client: httpx.AsyncClient, ref: JsonObject, status: int) -> None:
    with pytest.raises(Rejected) as refused:
        await Acting(running.action("switch_off", client), ref).carry_out()
    assert refused.value.status == status
    assert running.violations == []


async def test_a_stale_patch_is_refused_as_the_schema_says(running: Vendor, client: httpx.AsyncClient) -> None:
    stale = [{"op": "test", "path": "/environments/production/version", "value": 1}]
    answer = await client.patch(FLAG, json={"patch": stale}, headers={"Authorization": "api-simulated"})
    assert answer.status_code == 409
    assert running.violations == []


async def test_what_does_not_conform_is_told(running: Vendor, client: httpx.AsyncClient) -> None:
    patch = {"patch": [{"path": "/environments/production/on", "value": False}]}
    await client.patch(FLAG, json=patch, headers={"Authorization": "api-simulated"})
    assert any("must have required property 'op'" in each for each in running.violations)
    await Acting(running.action("switch_off", client), {**PROMPT, "flag": "odd"}).read()
    assert any("must have required property 'negate'" in each for each in running.violations)
    with pytest.raises(IntegrationError):
        await Acting(running.action("switch_off", client, token="wrong"), PROMPT).read()
