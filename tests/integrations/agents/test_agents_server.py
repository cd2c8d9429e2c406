"""The reference server keeps the contract that it documents, and remembers over a restart."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import positive_data_acceptance
from starlette.testclient import TestClient

import integrations
from bot.sdk import Simulator
from integrations.agents import INTEGRATION
from tests.effort import examples
from tests.integrations.agents.contract import WORLD
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld
from tests.real.processes import answers_at, free_port, running

DOCUMENT = yaml.safe_load((Path(integrations.__path__[0]) / "agents" / "openapi.yaml").read_text(encoding="utf-8"))
TOKEN = INTEGRATION.simulated["token"]
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
KNOWN = {"agent": "refund-agent", "credentials": "payments-writer", "tools": "issue_refund"}
WELL_FORMED = re.compile(DOCUMENT["components"]["schemas"]["Id"]["pattern"])
schema = schemathesis.openapi.from_dict(DOCUMENT)


def served() -> TestClient:
    assert INTEGRATION.simulator
    return TestClient(INTEGRATION.simulator(Simulator("agents", MemoryWorld({"agents": WORLD}), lambda: NOW)))


@contextmanager
def started(folder: Path) -> Iterator[str]:
    """Run the reference server as a process on a folder's files."""
    if not (folder / "agents.json").exists():
        (folder / "agents.json").write_text(json.dumps(WORLD), encoding="utf-8")
        (folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "integrations.agents", "--port", str(port)]
    files = ["--world", str(folder / "agents.json"), "--token-file", str(folder / "token")]
    url = f"http://127.0.0.1:{port}"
    with running([*command, *files], answers_at(f"{url}/health"), log=folder / "log"):
        yield url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("agents")) as url:
        yield url


@schema.hook("map_path_parameters")
def map_path_parameters(context: schemathesis.HookContext, parameters: dict[str, str] | None) -> dict[str, str] | None:
    """Half of the generated names shall exist: those that are well-formed and of an even length."""
    kind = "tools" if "/tools/" in context.operation.path else "credentials"
    known = {"agent": KNOWN["agent"], "item": KNOWN[kind]}
    return parameters and {
        name: known[name] if len(value) % 2 == 0 and WELL_FORMED.fullmatch(value) else value
        for name, value in parameters.items()
    }


@schema.parametrize()
@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case, server: str) -> None:
    # Whether a right request is accepted depends on its ETag and on states, which no schema tells.
    case.call_and_validate(base_url=server, headers=AUTHORISED, excluded_checks=[positive_data_acceptance])


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer wrong"}, 401), (AUTHORISED, 428), ({**AUTHORISED, "If-Match": '"7"'}, 412)],
)
def test_what_is_not_allowed_or_stale_is_refused_and_changes_nothing(headers: dict[str, str], status: int) -> None:
    with served() as client:
        answer = client.put("/v1/agents/refund-agent/state", json={"state": "paused"}, headers=headers)
        assert answer.status_code == status
        assert client.get("/v1/agents/refund-agent", headers=AUTHORISED).json()["state"] == "running"


@pytest.mark.parametrize("etag", ["7", 'W/"7"', '"7", "8"', "*", '""', "<y"])
def test_an_etag_that_no_control_can_have_is_told_apart_from_an_old_one(etag: str) -> None:
    with served() as client:
        headers = {**AUTHORISED, "If-Match": etag}
        answer = client.put("/v1/agents/refund-agent/state", json={"state": "paused"}, headers=headers)
        assert (answer.status_code, answer.json()) == (
            422,
            {"error": "If-Match must be one strong ETag, in its quotes"},
        )


def test_a_state_that_there_is_not_is_refused_before_anybody_asks_who_changed_what() -> None:
    with served() as client:
        headers = {**AUTHORISED, "If-Match": '"old"'}
        answer = client.put("/v1/agents/refund-agent/memory/state", json={"state": "melted"}, headers=headers)
        assert answer.status_code == 422


def test_the_etag_changes_with_every_change_and_with_nothing_else() -> None:
    with served() as client:
        first = client.get("/v1/agents/refund-agent", headers=AUTHORISED).headers["ETag"]
        assert client.get("/v1/agents/refund-agent", headers=AUTHORISED).headers["ETag"] == first
        with_etag = {**AUTHORISED, "If-Match": first}
        paused = client.put("/v1/agents/refund-agent/state", json={"state": "paused"}, headers=with_etag)
        assert paused.headers["ETag"] != first
        again = {**AUTHORISED, "If-Match": paused.headers["ETag"]}
        same = client.put("/v1/agents/refund-agent/state", json={"state": "paused"}, headers=again)
        assert same.headers["ETag"] == paused.headers["ETag"]


def test_what_was_paused_stays_paused_when_the_server_starts_again(tmp_path: Path) -> None:
    with started(tmp_path) as url, httpx.Client(base_url=url, headers=AUTHORISED, trust_env=False) as client:
        etag = client.get("/v1/agents/refund-agent").headers["ETag"]
        paused = client.put("/v1/agents/refund-agent/state", json={"state": "paused"}, headers={"If-Match": etag})
        assert paused.status_code == 200
    with started(tmp_path) as url, httpx.Client(base_url=url, headers=AUTHORISED, trust_env=False) as client:
        assert client.get("/v1/agents/refund-agent").json()["state"] == "paused"
    assert TOKEN not in (tmp_path / "agents.json").read_text(encoding="utf-8")
