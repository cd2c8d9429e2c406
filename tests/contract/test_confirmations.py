"""A person vouches for an effect that no harm signal measures."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.containment import Containment, ContainmentState
from bot.domain.milestones import Basis
from bot.domain.values import ERASED
from bot.errors import BadCommand, InvalidTransition, NotPermitted
from bot.services.confirmations import Confirmations
from bot.services.people import People
from bot.services.planning import PlanRequest
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import COMMANDER, NEWCOMER, RESPONDER, Members, Responders

STOP_THE_LEAK = PlanRequest("stop-the-leak", {}, "answers show addresses of customers")
EVIDENCE = "no address in the last 400 answers of the canary account"


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


@pytest.fixture
def confirmations(team: Responders) -> Confirmations:
    return Confirmations(team.store, team.catalog, People(Members(), lambda: team.catalog.policy), team.clock)


async def applied(team: Responders) -> Containment:
    planned = await team.planned(await team.alerted(), STOP_THE_LEAK)
    return await team.carried_out(await team.approved(planned, RESPONDER))


async def test_a_confirmed_effect_stops_ttm_as_attested(team: Responders, confirmations: Confirmations) -> None:
    contained = await applied(team)
    assert contained.state is ContainmentState.VERIFIED
    assert contained.effect_verified_at is None
    team.clock.advance(timedelta(minutes=4))
    confirmed = await confirmations.confirm(RESPONDER, contained.id, f" {EVIDENCE}\n")
    assert confirmed.effect_verified_at == team.clock()
    assert (confirmed.confirmed_by, confirmed.confirmed_on) == (RESPONDER, EVIDENCE)
    assert not confirmed.awaits_confirmation
    incident = await team.incidents.numbered(1)
    mitigated = incident.milestones.mitigated
    assert mitigated is not None
    assert (mitigated.at, mitigated.basis, mitigated.note) == (team.clock(), Basis.ATTESTED, EVIDENCE)
    assert (await team.timeline(incident))[-2:] == ["containment.confirmed", "milestone.mitigated"]


async def test_a_confirmation_leaves_a_mitigation_that_is_on_record_alone(
    team: Responders, confirmations: Confirmations
) -> None:
    contained = await applied(team)
    incident = await team.incidents.attest_mitigated(COMMANDER, contained.plan.incident_id, "nobody complains")
    team.clock.advance(timedelta(minutes=4))
    await confirmations.confirm(RESPONDER, contained.id, EVIDENCE)
    assert (await team.incident(incident)).milestones == incident.milestones


async def test_an_effect_is_confirmed_once(team: Responders, confirmations: Confirmations) -> None:
    contained = await applied(team)
    await confirmations.confirm(RESPONDER, contained.id, EVIDENCE)
    with pytest.raises(InvalidTransition, match="cannot be confirmed now"):
        await confirmations.confirm(COMMANDER, contained.id, "seen too")


async def test_a_confirmation_needs_evidence_and_a_responder(team: Responders, confirmations: Confirmations) -> None:
    contained = await applied(team)
    with pytest.raises(BadCommand, match="Say what shows"):
        await confirmations.confirm(RESPONDER, contained.id, " \u200b ")
    with pytest.raises(NotPermitted, match="you must be a responder"):
        await confirmations.confirm(NEWCOMER, contained.id, EVIDENCE)
    assert (await team.containments.get(contained.id)).awaits_confirmation


async def test_where_a_signal_measures_the_effect_nobody_is_asked(
    team: Responders, confirmations: Confirmations
) -> None:
    contained = await team.carried_out(await team.approved(await team.planned(await team.alerted())))
    assert not contained.awaits_confirmation
    with pytest.raises(InvalidTransition, match="its reading decides"):
        await confirmations.confirm(RESPONDER, contained.id, EVIDENCE)


async def test_what_is_not_in_force_cannot_be_confirmed(team: Responders, confirmations: Confirmations) -> None:
    planned = await team.planned(await team.alerted(), STOP_THE_LEAK)
    with pytest.raises(InvalidTransition, match="cannot be confirmed now"):
        await confirmations.confirm(RESPONDER, planned.id, EVIDENCE)


async def test_retention_erases_the_words_and_keeps_who_confirmed(
    team: Responders, confirmations: Confirmations
) -> None:
    confirmed = await confirmations.confirm(RESPONDER, (await applied(team)).id, EVIDENCE)
    erased = confirmed.redacted()
    assert (erased.confirmed_on, erased.confirmed_by) == (ERASED, RESPONDER)
