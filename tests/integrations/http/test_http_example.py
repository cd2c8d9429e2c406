"""The worked example of the README, taken from there: it is read, checked, planned, carried out and taken back."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import integrations
from bot.app import load_catalog
from bot.connections import ConnectionPool, read_connections
from bot.content import Catalog
from bot.domain.incident import IncidentKind
from bot.integration_folders import discover
from bot.sdk import JsonObject, SecretStr
from bot.services.ports import IncidentConnections
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld

README = Path(integrations.__path__[0]) / "http" / "README.md"
CONNECTIONS, SYSTEMS, RUNBOOK, SIMULATED = re.findall(
    r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
)
TOKEN = {"assistant_api_token": SecretStr("token-of-the-example")}
TENANT = {"at": {"tenant": "acme"}}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for path, text in (("playbooks/rules/systems.yaml", SYSTEMS), ("runbooks/limit-the-tenant.yaml", RUNBOOK)):
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    return load_catalog(tmp_path)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld({"assistant_api": yaml.safe_load(SIMULATED)["assistant_api"]["world"]})


@pytest.fixture
async def connections(tmp_path: Path, world: MemoryWorld) -> AsyncIterator[IncidentConnections]:
    """What an exercise gets: the declared operations, on the simulator."""
    file = tmp_path / "connections.yaml"
    file.write_text(CONNECTIONS, encoding="utf-8")
    pool = ConnectionPool(read_connections(file, discover(), TOKEN), world, lambda: NOW)
    yield pool.for_incident(IncidentKind.EXERCISE)
    await pool.close()


async def carry_out(on: IncidentConnections, name: str, ref: JsonObject, params: JsonObject) -> tuple[Any, Any]:
    action = on.action(name, "assistant_api")
    proposal = action.plan(ref, params, await action.read(ref))
    assert proposal
    await action.apply(ref, proposal.before, proposal.after, key="k")
    return action, proposal


def acme(world: MemoryWorld) -> JsonObject:
    tenant: JsonObject = world.document("assistant_api")["documents"]["/v1/tenants/acme"]
    return tenant


async def test_the_runbook_fits_the_registered_target_and_is_planned_as_told(
    catalog: Catalog, connections: IncidentConnections, world: MemoryWorld
) -> None:
    (step,) = catalog.runbooks["limit-the-tenant"].steps
    system = catalog.systems["acme-assistant"]
    ref = system.targets[step.target].ref
    action, proposal = await carry_out(connections, step.action, ref, step.resolved_params({"per_minute": "10"}))
    assert proposal.summary == "Limit a tenant's requests (tenant acme; per_minute: 600 -> 10)"
    assert proposal.blast_radius == ("tenant acme", "per_minute: 600 -> 10", "everybody who works for that tenant")
    assert acme(world)["limits"] == {"requests_per_minute": 10, "burst": 20}
    assert await action.read(ref) == {**proposal.after, "in_force": {"per_minute": 600}}


async def test_the_other_operations_do_and_undo_what_they_say(
    connections: IncidentConnections, world: MemoryWorld
) -> None:
    before = world.document("assistant_api")["documents"]
    for name, operation, params in (
        ("http.roll_back", {"operation": "go_back_to_version", **TENANT}, {"version": "v17"}),
        ("http.switch_off", {"operation": "stop_assistant", **TENANT}, {}),
        ("http.tighten", {"operation": "deny_topic"}, {"topic": "poison"}),
    ):
        action, proposal = await carry_out(connections, name, operation, params)
        assert world.document("assistant_api")["documents"] != before
        await action.apply(operation, proposal.after, proposal.before, key="k")
        assert world.document("assistant_api")["documents"] == before


async def test_a_form_offers_the_versions_that_the_api_lists(connections: IncidentConnections) -> None:
    action = connections.action("http.roll_back", "assistant_api")
    assert await action.choices({"operation": "go_back_to_version", **TENANT}) == ["v18", "v17"]
