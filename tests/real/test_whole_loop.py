"""The whole loop on real servers: a release does harm, an alert tells, a containment stops it, and the clocks stop.

The assistant asks Unleash by its own SDK which prompt to serve; while it serves the bad one, some of its answers are
harmful, and Prometheus counts them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from UnleashClient.clients.unleash_client import UnleashClient

from bot.app import Application
from bot.domain.actor import person
from bot.domain.containment import Containment, ContainmentState
from bot.domain.incident import Incident, IncidentStatus
from bot.services.planning import PlanRequest
from tests.real.content import target
from tests.real.monitoring import SERVICE, Assistant, monitored, samples
from tests.real.processes import free_port
from tests.real.stanch import ALERT_TOKEN, Set, eventually, measured_system, running_stanch
from tests.real.unleash import ADMIN_TOKEN, Unleash, application, gradual, served, variant

pytestmark = pytest.mark.real

RUNBOOK = "roll-the-prompt-back"
RESPONDER, COMMANDER = person("U0RESPONDER"), person("U0COMMANDER")
GOOD, BAD = "v41", "v42"


@asynccontextmanager
async def serving_answers(assistant: Assistant, sdk: UnleashClient, flag: str) -> AsyncIterator[None]:
    """Have the assistant do harm exactly while its SDK says to serve the bad prompt."""

    async def serve() -> None:
        harmful = False
        while True:
            if (BAD in served(sdk, flag, users=1)) is not harmful:
                harmful = not harmful
                if harmful:
                    assistant.do_harm()
                else:
                    assistant.stop_harm()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(serve())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def contain(stanch: Application, incident: Incident) -> Containment:
    """Go back to the prompt version that the form offers first, as people would; return what became of it."""
    form = await stanch.planning.form(RESPONDER, incident.id, RUNBOOK)
    request = PlanRequest(RUNBOOK, {"variation": form.choices["variation"][0]}, "harmful since the release")
    planned = await stanch.planning.plan(RESPONDER, incident.id, request)
    await stanch.containments.approve(COMMANDER, planned.id, planned.plan.fingerprint)
    return await eventually(lambda: stanch.containments.get(planned.id), lambda each: each.state.is_settled)


@pytest.fixture
def flag(unleash: Unleash) -> str:
    """The flag that says which prompt to serve; now the good one."""
    name = f"prompt-{uuid4().hex}"
    unleash.add_flag(name, gradual(name, variant(GOOD, 1000, weightType="variable"), variant(BAD, 0)))
    return name


def set_up(folder: Path, workspace_url: str, unleash_url: str, flag: str, port: int) -> Set:
    """Return what a Stanch with both connections is set up with; Prometheus will listen on `port`."""
    return Set(
        folder=folder,
        workspace_url=workspace_url,
        database_url=f"sqlite:///{folder / 'stanch.sqlite'}",
        connections={
            "unleash": {"integration": "unleash", "url": unleash_url},
            "prometheus": {"integration": "prometheus", "url": f"http://127.0.0.1:{port}"},
        },
        secrets={"STANCH_CONNECTION_UNLEASH_TOKEN": ADMIN_TOKEN},
        content={"playbooks/rules/systems.yaml": measured_system(prompt=target(flag))},
    )


async def test_a_harmful_release_is_noticed_contained_and_verified(
    tmp_path: Path, workspace_url: str, unleash: Unleash, flag: str
) -> None:
    assistant, port = Assistant(), free_port()
    async with running_stanch(set_up(tmp_path, workspace_url, unleash.url, flag, port)) as stanch:

        async def incidents() -> list[Incident]:
            return list(await stanch.incidents.listed(only_open=False, limit=5))

        with (
            monitored(assistant, tmp_path, port=port, stanch_url=stanch.url, token=ALERT_TOKEN) as prometheus,
            application(unleash.url, tmp_path) as sdk,
        ):
            async with serving_answers(assistant, sdk, flag):
                await eventually(lambda: samples(prometheus), lambda count: count >= 5)
                released_at = datetime.now(UTC)
                unleash.release(flag, variant(GOOD, 0, weightType="variable"), variant(BAD, 1000))
                (incident,) = await eventually(incidents, bool)
                contained = await contain(stanch, incident)
                assert served(sdk, flag) == {GOOD}

        assert (incident.system_id, contained.problem, contained.state) == (SERVICE, "", ContainmentState.VERIFIED)
        (ended,) = await incidents()
        assert ended.status is IncidentStatus.MITIGATED
        stones = ended.milestones
        assert stones.started
        assert stones.detected
        assert stones.mitigated
        assert released_at < stones.started.at <= stones.detected.at < stones.mitigated.at
        assert stones.mitigated.at - released_at < timedelta(minutes=1)
        assert (await stanch.board.timeline(incident.id)).problems == ()
