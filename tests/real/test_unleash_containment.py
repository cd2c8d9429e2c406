"""Containment through Stanch's services on a real Unleash, confirmed by an application that knows nothing of Stanch."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from bot.app import Application
from bot.domain.actor import person
from bot.domain.containment import Containment, ContainmentState
from bot.domain.incident import Incident
from bot.domain.values import ContainmentId
from bot.errors import PlanDrifted
from bot.services.planning import PlanRequest
from tests.builders import alert
from tests.real.content import RUNBOOK, flagged
from tests.real.stanch import Set, eventually, running_stanch
from tests.real.unleash import ADMIN_TOKEN, Unleash, application, gradual, served, variant

pytestmark = pytest.mark.real

RESPONDER, COMMANDER = person("U0RESPONDER"), person("U0COMMANDER")
GOOD, BAD = "v41", "v42"


@dataclass(frozen=True)
class Responders:
    """People who contain one incident."""

    stanch: Application
    incident: Incident

    async def plan(self) -> Containment:
        return await self.stanch.planning.plan(
            RESPONDER, self.incident.id, PlanRequest(RUNBOOK, {"variation": GOOD}, "harmful since v42")
        )

    async def approve(self, planned: Containment) -> Containment:
        """Approve, and return what became of it."""
        await self.stanch.containments.approve(COMMANDER, planned.id, planned.plan.fingerprint)
        return await self.settled(planned.id)

    async def settled(self, containment_id: ContainmentId) -> Containment:
        return await eventually(
            lambda: self.stanch.containments.get(containment_id), lambda containment: containment.state.is_settled
        )


@pytest.fixture
def flag(unleash: Unleash) -> str:
    """A flag that serves the bad variation to everybody."""
    name = f"assistant-{uuid4().hex}"
    unleash.add_flag(name, gradual(name, variant(GOOD, 0, weightType="variable"), variant(BAD, 1000)))
    return name


@pytest.fixture
async def responders(tmp_path: Path, workspace_url: str, unleash: Unleash, flag: str) -> AsyncIterator[Responders]:
    given = Set(
        folder=tmp_path,
        workspace_url=workspace_url,
        database_url=f"sqlite:///{tmp_path / 'stanch.sqlite'}",
        connections={
            "unleash": {"integration": "unleash", "url": unleash.url},
            "prometheus": {"integration": "prometheus", "simulated": True},
        },
        secrets={"STANCH_CONNECTION_UNLEASH_TOKEN": ADMIN_TOKEN},
        content=flagged(flag),
    )
    async with running_stanch(given) as stanch:
        labels = {"service": flag, "failure_mode": "harmful-output", "harm_class": "medical"}
        await stanch.intake.receive([alert(labels=labels)])
        (incident,) = await stanch.incidents.listed(only_open=True, limit=2)
        yield Responders(stanch, incident)


async def test_a_containment_changes_what_an_application_serves_and_its_undo_restores_it_exactly(
    responders: Responders, unleash: Unleash, flag: str, tmp_path: Path
) -> None:
    before = unleash.environment(flag)
    with application(unleash.url, tmp_path) as assistant:

        async def serving() -> set[str]:
            return await asyncio.to_thread(served, assistant, flag)

        await eventually(serving, _only(BAD))
        contained = await responders.approve(await responders.plan())
        assert (contained.state, contained.problem) == (ContainmentState.VERIFIED, "")
        await eventually(serving, _only(GOOD))

        undo = await responders.stanch.follow_ups.plan_undo(RESPONDER, contained.id, "v42 was not the cause")
        assert await serving() == {GOOD}
        undone = await responders.approve(undo)
        assert (undone.state, undone.problem) == (ContainmentState.VERIFIED, "")
        assert (await responders.settled(contained.id)).state is ContainmentState.UNDONE
        assert unleash.environment(flag) == before
        await eventually(serving, _only(BAD))
    timeline = await responders.stanch.board.timeline(responders.incident.id)
    assert timeline.problems == ()


async def test_a_plan_alone_changes_nothing_in_unleash(responders: Responders, unleash: Unleash, flag: str) -> None:
    changes = unleash.changes(flag)
    await responders.plan()
    assert unleash.changes(flag) == changes


async def test_a_change_between_plan_and_approval_stops_the_containment(
    responders: Responders, unleash: Unleash, flag: str
) -> None:
    planned = await responders.plan()
    unleash.narrow(flag, "40")
    theirs, changes = unleash.environment(flag), unleash.changes(flag)
    stopped = await responders.approve(planned)
    assert stopped.state is ContainmentState.FAILED
    assert "Somebody changed the target" in stopped.problem
    assert not stopped.is_in_force
    assert (unleash.environment(flag), unleash.changes(flag)) == (theirs, changes)


async def test_a_change_since_the_containment_refuses_its_undo(
    responders: Responders, unleash: Unleash, flag: str
) -> None:
    contained = await responders.approve(await responders.plan())
    unleash.narrow(flag, "40")
    theirs = unleash.environment(flag)
    with pytest.raises(PlanDrifted):
        await responders.stanch.follow_ups.plan_undo(RESPONDER, contained.id, "put it back")
    assert unleash.environment(flag) == theirs


async def test_a_change_after_the_undo_was_planned_stops_the_undo(
    responders: Responders, unleash: Unleash, flag: str
) -> None:
    contained = await responders.approve(await responders.plan())
    undo = await responders.stanch.follow_ups.plan_undo(RESPONDER, contained.id, "put it back")
    unleash.narrow(flag, "40")
    theirs = unleash.environment(flag)
    stopped = await responders.approve(undo)
    assert stopped.state is ContainmentState.FAILED
    assert (await responders.stanch.containments.get(contained.id)).is_in_force
    assert unleash.environment(flag) == theirs


def _only(variation: str) -> Callable[[set[str]], bool]:
    return lambda seen: seen == {variation}
