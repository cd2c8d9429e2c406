"""The generic integration against a server that is not ours: Unleash, declared in YAML instead of programmed."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from bot.connections import ConnectionPool, read_connections
from bot.domain.incident import IncidentKind
from bot.integration_folders import discover
from bot.sdk import Action, AuthFailed, JsonObject, Rejected, SecretStr
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld
from tests.real.unleash import ADMIN_TOKEN, CLIENT_TOKEN, Unleash, gradual

pytestmark = pytest.mark.real

DECLARED = """
flags:
  integration: http
  url: {url}
  auth: {{scheme: ""}}
  operations:
    switch_off:
      title: Switch a flag off
      level: L6
      ref: {{flag: {{type: text}}, environment: {{type: choice, options: [development, production]}}}}
      read:
        path: /api/admin/projects/default/features/${{ref.flag}}/environments/${{ref.environment}}
        values: {{enabled: /enabled, rollout: /strategies/0/parameters/rollout}}
      sets: {{enabled: false}}
      apply:
        method: POST
        path: /api/admin/projects/default/features/${{ref.flag}}/environments/${{ref.environment}}/off
      undo:
        method: POST
        path: /api/admin/projects/default/features/${{ref.flag}}/environments/${{ref.environment}}/on
"""


async def connected(tmp_path: Path, unleash: Unleash, token: str) -> ConnectionPool:
    file = tmp_path / "connections.yaml"
    file.write_text(DECLARED.format(url=unleash.url), encoding="utf-8")
    secrets = {"flags_token": SecretStr(token)}
    return ConnectionPool(read_connections(file, discover(), secrets), MemoryWorld({}), lambda: NOW)


@pytest.fixture
async def action(tmp_path: Path, unleash: Unleash) -> AsyncIterator[Action]:
    pool = await connected(tmp_path, unleash, ADMIN_TOKEN)
    yield pool.for_incident(IncidentKind.LIVE).action("http.switch_off", "flags")
    await pool.close()


@pytest.fixture
def ref(unleash: Unleash) -> JsonObject:
    name = f"declared-{uuid4().hex}"
    unleash.add_flag(name, gradual(name))
    return {"operation": "switch_off", "at": {"flag": name, "environment": "production"}}


async def test_a_declared_operation_is_done_once_and_undone_exactly(
    action: Action, unleash: Unleash, ref: JsonObject
) -> None:
    flag = ref["at"]["flag"]
    before = unleash.environment(flag)
    proposal = action.plan(ref, {}, await action.read(ref))
    assert proposal
    await action.apply(ref, proposal.before, proposal.after, key="one")
    assert await action.read(ref) == proposal.after
    changes = unleash.changes(flag)
    await action.apply(ref, proposal.before, proposal.after, key="one")
    assert unleash.changes(flag) == changes
    await action.apply(ref, proposal.after, proposal.before, key="two")
    assert unleash.environment(flag) == before


async def test_what_somebody_else_changed_is_not_written_over(
    action: Action, unleash: Unleash, ref: JsonObject
) -> None:
    proposal = action.plan(ref, {}, await action.read(ref))
    assert proposal
    unleash.narrow(ref["at"]["flag"], "77")
    with pytest.raises(Rejected, match="somebody else changed rollout"):
        await action.apply(ref, proposal.before, proposal.after, key="one")


async def test_refusals_of_the_server_are_told_without_the_token(
    tmp_path: Path, action: Action, unleash: Unleash, ref: JsonObject
) -> None:
    with pytest.raises(Rejected, match="404"):
        await action.read({"operation": "switch_off", "at": {"flag": "../users", "environment": "production"}})
    pool = await connected(tmp_path, unleash, CLIENT_TOKEN)
    with pytest.raises(AuthFailed) as refused:
        await pool.for_incident(IncidentKind.LIVE).action("http.switch_off", "flags").read(ref)
    assert CLIENT_TOKEN not in str(refused.value)
    await pool.close()
