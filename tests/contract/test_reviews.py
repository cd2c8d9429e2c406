"""What a draft promises on a real store and simulated vendors: it is there when asked for, and says what happened."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.delivery import DeliveryKind
from bot.domain.severity import Severity
from bot.domain.values import IncidentId
from bot.errors import InvalidTransition, NotFound
from bot.services.incidents import REVIEW_READY
from bot.services.lanes import incident_lane
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.example_review import EXAMPLE, contained, draft, example, resolved, reviews_of
from tests.responders import COMMANDER, RESPONDER, SWITCH_OFF, Responders


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


async def notes_owed(team: Responders, incident_id: str) -> list[str]:
    """Take every delivery of an incident's lane; return what its notes say."""
    owed = []
    async with team.store.begin() as tx:
        while delivery := await tx.deliveries.waiting(incident_lane(IncidentId(incident_id))):
            if delivery.kind is DeliveryKind.NOTE:
                owed.append(str(delivery.payload["what"]))
            await tx.deliveries.record_sent(delivery, channel=None, ts=None)
    return owed


async def test_the_example_is_what_the_demos_path_leaves(team: Responders) -> None:
    drawn = await draft(team, await resolved(team))
    assert example(drawn.review) == EXAMPLE.read_text(encoding="utf-8"), "run `python -m tests.example_review`"


async def test_resolving_tells_the_channel_once_that_a_draft_is_ready(team: Responders) -> None:
    incident, _ = await contained(team)
    assert REVIEW_READY not in await notes_owed(team, incident.id)
    await team.incidents.resolve(COMMANDER, incident.id)
    with pytest.raises(InvalidTransition):
        await team.incidents.resolve(RESPONDER, incident.id)
    assert await notes_owed(team, incident.id) == [REVIEW_READY]


async def test_a_draft_can_be_read_before_anything_was_done(team: Responders) -> None:
    drawn = await draft(team, await team.alerted())
    assert "This is the draft so far." in drawn.markdown
    assert "- **Gap:** No containment is on record." in drawn.markdown
    assert "- **Gap:** Nothing on record shows that the harm has stopped." in drawn.markdown
    assert drawn.gaps == drawn.markdown.count("Gap:")


async def test_a_draft_of_a_persons_word_names_what_nobody_measured(team: Responders) -> None:
    incident = await team.incidents.declare(RESPONDER, "the assistant quotes another customer's order")
    await team.incidents.attest_mitigated(RESPONDER, incident.id, "we took the page down; 40 replays are clean")
    drawn = await draft(team, incident)
    assert (
        "| mitigated | 2026-03-02 09:00:00 | attested | we took the page down; 40 replays are clean |" in drawn.markdown
    )
    assert "rests on a person's word" in drawn.markdown
    for gap in ("No AI system is on record", "No alert is attached", "No harm signal is on record"):
        assert f"**Gap:** {gap}" in drawn.markdown


async def test_an_overridden_severity_is_told_beside_the_computed_one(team: Responders) -> None:
    incident = await team.alerted()
    await team.incidents.set_severity(COMMANDER, incident.id, Severity.SEV1, "a child was hurt")
    document = (await draft(team, incident)).markdown
    assert "- Computed when it was declared: **Sev-2**, Harmful output" in document
    assert "- In force: **Sev-1**, set by a person: a child was hurt" in document
    assert document.count("Severity Sev-2 -&gt; Sev-1: a child was hurt") == 2


async def test_a_containment_that_was_taken_back_is_told_with_its_undo(team: Responders) -> None:
    incident, done = await contained(team)
    undo = await team.follow_ups.plan_undo(RESPONDER, done.id, "the next prompt is ready")
    await team.approved(undo)
    await team.carried_out(undo)
    document = (await draft(team, incident)).markdown
    assert "- Undone by C-2" in document
    assert "- Kind: undo of C-1" in document
    assert "| strategies.1.variants.v41.weight | 0 | 1000 | taken back by C-2 |" in document


async def test_a_containment_that_went_ahead_on_break_glass_is_flagged(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    team.clock.advance(timedelta(minutes=10))
    fingerprint = planned.plan.fingerprint
    await team.containments.break_glass(RESPONDER, planned.id, fingerprint, "nobody who may lead answers")
    done = await team.carried_out(planned)
    document = (await draft(team, await team.incidents.numbered(1))).markdown
    assert done.break_glass is not None
    assert "- **BREAK-GLASS** by U0RESPONDER at 2026-03-02 09:10:00, without the approval it needs: nobody" in document
    assert "C-1 went ahead without the approval it needs. Who could have approved it" in document


async def test_a_containment_in_doubt_is_told_and_asked_about(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("500", times=5)
    await team.execution.advance(planned.id)
    await team.execution.advance(planned.id)
    await team.execution.advance(planned.id)
    await team.vendor_fails("500", times=10_000, on="all")
    await team.carried_out(planned)
    document = (await draft(team, await team.incidents.numbered(1))).markdown
    assert "- State: **in doubt**: A change was attempted and cannot be read back." in document
    assert "attempted; whether it was written is not known" in document
    assert "- **Gap:** C-1 is in doubt. What do its targets read now?" in document


async def test_a_failed_containment_is_told_beside_the_one_that_helped(team: Responders) -> None:
    incident = await team.alerted()
    failed = await team.planned(incident)
    await team.approved(failed)
    await team.vendor_fails("401")
    await team.carried_out(failed)
    helped = await team.planned(incident, SWITCH_OFF)
    await team.approved(helped)
    await team.carried_out(helped)
    document = (await draft(team, incident)).markdown
    assert document.index("### C-1: Roll the prompt back") < document.index("### C-2: Turn the feature off")
    assert "- State: **failed**: " in document
    assert "(refused, not written)" in document
    assert "| C-1 |" not in document
    assert "| C-2 | unleash:" in document


async def test_what_does_not_exist_has_no_draft(team: Responders) -> None:
    with pytest.raises(NotFound):
        await reviews_of(team).draft(IncidentId("nothing"))
