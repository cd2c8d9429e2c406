"""A containment is kept for a remediation: with the approvals it needed, until that is due; then Stanch asks again."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.containment import Containment, ContainmentState
from bot.domain.plan import PlanKind
from bot.domain.remediation import Remediation, RemediationState
from bot.domain.timeline import chain_problems
from bot.errors import BadCommand, InvalidTransition, NotFound, NotPermitted
from bot.services.containments import CARRY_OUT
from bot.services.follow_ups import Keep
from bot.services.remediations import Remediations
from bot.services.retention import Retention
from bot.store.sql import Store
from tests import builders
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.contract.test_retention import NoJobs
from tests.responders import COMMANDER, NEWCOMER, OWNER, RESPONDER, Responders

DAY = timedelta(days=1)
KEEP = Keep("The retriever filters by tenant", OWNER, 14 * DAY, "the prompt is being rewritten")


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


@pytest.fixture
def remediations(team: Responders) -> Remediations:
    return Remediations(team.store, team.people, team.clock)


async def contained(team: Responders) -> Containment:
    done = await team.carried_out(await team.approved(await team.planned(await team.alerted())))
    assert done.effect_verified_at is not None
    return done


async def kept(team: Responders) -> tuple[Containment, Remediation]:
    original = await contained(team)
    plan = await team.follow_ups.plan_keep(RESPONDER, original.id, KEEP)
    await team.approved(plan)
    await team.run_jobs(CARRY_OUT)
    async with team.store.begin() as tx:
        (remediation,) = await tx.remediations.of_incident(original.plan.incident_id)
    return await team.containments.get(original.id), remediation


async def test_it_opens_a_remediation_and_moves_the_end_to_when_that_is_due(team: Responders) -> None:
    containment, remediation = await kept(team)
    assert containment.state is ContainmentState.VERIFIED
    assert containment.kept_for == remediation.number == 1
    assert containment.ends_at == remediation.due_at
    assert remediation.due_at - team.clock() == 14 * DAY
    assert remediation.title == "The retriever filters by tenant"
    assert remediation.owner == OWNER
    assert remediation.opened_by == RESPONDER
    assert remediation.state is RemediationState.OPEN
    async with team.store.begin() as tx:
        events = await tx.timeline.events(containment.plan.incident_id)
    assert chain_problems(events) == []
    assert "C-1 is kept until R-1 “The retriever filters by tenant” is due" in events[-2].text


async def test_it_needs_the_approvals_that_applying_needed(team: Responders) -> None:
    original = await contained(team)
    plan = await team.follow_ups.plan_keep(RESPONDER, original.id, KEEP)
    assert plan.plan.kind is PlanKind.KEEP
    with pytest.raises(NotPermitted):
        await team.approved(plan, by=RESPONDER)
    with pytest.raises(NotPermitted):
        await team.follow_ups.plan_keep(NEWCOMER, original.id, KEEP)
    assert (await team.containments.get(original.id)).kept_for is None


async def test_when_it_is_due_people_are_asked_and_nothing_changes(team: Responders) -> None:
    containment, remediation = await kept(team)
    await team.timers.run_due(team.clock.advance(14 * DAY))
    asked = await team.containments.get(containment.id)
    assert asked.end_reached
    assert asked.is_in_force
    assert remediation.state is RemediationState.OPEN


async def test_what_has_not_been_shown_to_help_is_not_kept(team: Responders) -> None:
    applied = await team.approved(await team.planned(await team.alerted()))
    await team.run_jobs(CARRY_OUT)
    with pytest.raises(InvalidTransition, match="has not been shown to help"):
        await team.follow_ups.plan_keep(RESPONDER, applied.id, KEEP)


@pytest.mark.parametrize(
    ("keep", "says"),
    [
        (Keep(" \u200b", OWNER, DAY, "why"), "Say what will make"),
        (Keep("mend it", OWNER, 91 * DAY, "why"), "kept for 90 d at most"),
    ],
)
async def test_a_keep_that_says_too_little_or_asks_too_much_is_refused(team: Responders, keep: Keep, says: str) -> None:
    original = await contained(team)
    with pytest.raises(BadCommand, match=says):
        await team.follow_ups.plan_keep(RESPONDER, original.id, keep)


async def test_its_owner_says_that_it_is_done_once_and_what_was_done(
    team: Responders, remediations: Remediations
) -> None:
    containment, _ = await kept(team)
    incident = containment.plan.incident_id
    with pytest.raises(BadCommand, match="Say what was done"):
        await remediations.done(OWNER, incident, 1, "  ")
    done = await remediations.done(OWNER, incident, 1, " filter in place ")
    assert (done.state, done.done_how, done.done_by) == (RemediationState.DONE, "filter in place", OWNER)
    with pytest.raises(InvalidTransition, match="done already"):
        await remediations.done(OWNER, incident, 1, "again")
    async with team.store.begin() as tx:
        events = await tx.timeline.events(incident)
    assert events[-1].text == "R-1 “The retriever filters by tenant” is done: filter in place"


async def test_nobody_else_says_so_nor_of_one_that_is_not_there(team: Responders, remediations: Remediations) -> None:
    containment, _ = await kept(team)
    with pytest.raises(NotPermitted):
        await remediations.done(NEWCOMER, containment.plan.incident_id, 1, "trust me")
    with pytest.raises(NotFound, match="no remediation R-2"):
        await remediations.done(OWNER, containment.plan.incident_id, 2, "filter in place")


async def test_its_words_go_with_the_others_of_an_old_incident(team: Responders, clock: Clock) -> None:
    containment, _ = await kept(team)
    incident = containment.plan.incident_id
    await team.incidents.resolve(COMMANDER, incident)
    clock.advance(31 * DAY)
    await Retention(team.store, builders.retention(personal_data=30 * DAY), NoJobs(), clock).sweep("now")
    async with team.store.begin() as tx:
        (remediation,) = await tx.remediations.of_incident(incident)
    assert remediation.title == "(redacted)"
    assert remediation.owner == OWNER
