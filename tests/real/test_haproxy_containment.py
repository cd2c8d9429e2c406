"""Containment through Stanch's services on a real HAProxy, which forgets it when it is reloaded: Stanch says so."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import clock
from bot.app import Application
from bot.domain.actor import person
from bot.domain.containment import Containment, ContainmentState
from bot.services.planning import PlanRequest
from tests.builders import alert
from tests.real.haproxy import BACKEND, HAProxy, running_haproxy
from tests.real.stanch import Set, eventually, running_stanch
from tests.real.traffic import asked, running_backends

pytestmark = pytest.mark.real

RESPONDER, COMMANDER = person("U0RESPONDER"), person("U0COMMANDER")
RUNBOOK = "drain-a-server"

_SYSTEM = {
    "id": "balanced",
    "title": "Balanced assistant",
    "tier": 1,
    "owners": "support-assistant-owners",
    "match": {"service": ["balanced"]},
    "targets": {"balancer": {"connection": "haproxy", "ref": BACKEND}},
}
_DRAIN = {
    "id": RUNBOOK,
    "version": 1,
    "title": "Drain a server",
    "summary": "Takes a server's traffic away; only a person can tell whether it helped.",
    "inputs": {"server": {"type": "live_choice", "label": "Server", "of_step": "drain"}},
    "steps": [
        {
            "id": "drain",
            "action": "haproxy.drain",
            "level": "L4",
            "target": "balancer",
            "params": {"server": "${inputs.server}"},
        }
    ],
    "ends": {"after": "1h", "at_most": "4h"},
    "expected_effect": "The server gets no new traffic.",
    "risk_if_wrong": "The others carry its load.",
}
_CONTENT: dict[str, Any] = {
    "playbooks/rules/systems.yaml": {"systems": [_SYSTEM]},
    f"runbooks/{RUNBOOK}.yaml": _DRAIN,
}


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[HAProxy]:
    folder = tmp_path / "haproxy"
    folder.mkdir()
    with running_backends() as backends, running_haproxy(folder, backends) as server:
        yield server


@pytest.fixture
async def stanch(tmp_path: Path, workspace_url: str, haproxy: HAProxy) -> AsyncIterator[Application]:
    given = Set(
        folder=tmp_path,
        workspace_url=workspace_url,
        database_url=f"sqlite:///{tmp_path / 'stanch.sqlite'}",
        connections={
            "haproxy": {"integration": "haproxy", "url": haproxy.admin_url},
            "prometheus": {"integration": "prometheus", "simulated": True},
        },
        content=_CONTENT,
    )
    async with running_stanch(given) as application:
        yield application


async def drained(stanch: Application) -> Containment:
    """Drain `new`, planned by one person and approved by another."""
    labels = {"service": "balanced", "failure_mode": "harmful-output", "harm_class": "medical"}
    await stanch.intake.receive([alert(labels=labels)])
    (incident,) = await stanch.incidents.listed(only_open=True, limit=2)
    request = PlanRequest(RUNBOOK, {"server": "new"}, "harmful since the new model")
    planned = await stanch.planning.plan(RESPONDER, incident.id, request)
    await stanch.containments.approve(COMMANDER, planned.id, planned.plan.fingerprint)
    done = await eventually(lambda: stanch.containments.get(planned.id), lambda each: each.state.is_settled)
    assert (done.state, done.problem) == (ContainmentState.VERIFIED, "")
    return done


async def looked(stanch: Application, containment: Containment) -> Containment:
    """Let its targets be looked at as often as it takes to be sure."""
    for _ in range(2):
        await stanch.timers.run_due(clock.now() + timedelta(minutes=3))
    return await stanch.containments.get(containment.id)


async def test_a_reload_that_forgets_a_containment_is_told_instead_of_believed(
    stanch: Application, haproxy: HAProxy
) -> None:
    done = await drained(stanch)
    assert asked(haproxy.url, 20) == {"old": 20}
    assert (await looked(stanch, done)).missing == ""

    haproxy.reload()
    assert set(asked(haproxy.url, 20)) == {"old", "new"}
    lost = await looked(stanch, done)
    assert lost.missing == "“Drain new in backend assistant” was written, and the target reads as before it now"
    timeline = await stanch.board.timeline(done.plan.incident_id)
    assert [event.kind for event in timeline.events].count("containment.missing") == 1
    assert timeline.problems == ()


async def test_an_undo_gives_the_server_its_traffic_back(stanch: Application, haproxy: HAProxy) -> None:
    done = await drained(stanch)
    undo = await stanch.follow_ups.plan_undo(RESPONDER, done.id, "it was not the new model")
    await stanch.containments.approve(COMMANDER, undo.id, undo.plan.fingerprint)
    await eventually(lambda: stanch.containments.get(done.id), lambda each: each.state is ContainmentState.UNDONE)
    assert set(asked(haproxy.url, 20)) == {"old", "new"}
