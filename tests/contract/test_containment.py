"""What carrying out a containment promises, on a real store and a simulated vendor that can be made to fail."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.clocks import ClockState, time_to_detect, time_to_mitigate
from bot.domain.containment import ContainmentState, StepState
from bot.domain.incident import IncidentStatus
from bot.domain.severity import Severity
from bot.errors import (
    BadCommand,
    Conflict,
    InvalidTransition,
    NotPermitted,
    PlanDrifted,
    PlanExpired,
    UserError,
)
from bot.services.containments import CARRY_OUT
from bot.services.ends import END_REACHED
from bot.services.planning import PlanRequest
from bot.services.plans import EXPIRE_PLAN
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import (
    COMMANDER,
    LEADER,
    NEWCOMER,
    OWNER,
    RESPONDER,
    ROLL_BACK,
    SWITCH_OFF,
    Responders,
)

BAD_PROMPT = {"v41": 0, "v42": 1000}
GOOD_PROMPT = {"v41": 1000, "v42": 0}


@pytest.fixture
async def team(store: Store, clock: Clock, enqueued: list[Enqueued]) -> AsyncIterator[Responders]:
    responders = Responders(store, clock, enqueued)
    await responders.start()
    yield responders
    await responders.stop()


async def test_the_whole_path_stops_the_harm_and_the_clock(team: Responders) -> None:
    incident = await team.alerted()
    assert incident.severity is Severity.SEV2
    planned = await team.planned(incident)
    assert await team.served_prompt() == BAD_PROMPT

    await team.approved(planned)
    done = await team.carried_out(planned)

    assert done.state is ContainmentState.VERIFIED
    assert await team.served_prompt() == GOOD_PROMPT
    assert await team.vendor_writes() == 1
    after = await team.incident(incident)
    assert after.status is IncidentStatus.MITIGATED
    assert after.milestones.mitigated is not None
    assert after.milestones.mitigated.at == done.clean_since
    assert not after.milestones.mitigated.provisional
    assert done.effect_verified_at is not None
    assert done.clean_since is not None
    assert done.effect_verified_at - done.clean_since >= timedelta(seconds=20)
    ttm = time_to_mitigate(after.milestones, after.severity, team.clock())
    assert ttm.state is ClockState.STOPPED
    assert ttm.elapsed == done.clean_since - planned.plan.requested_at
    ttd = time_to_detect(after.milestones, after.severity)
    assert ttd.elapsed is not None
    assert timedelta(minutes=21) < ttd.elapsed <= timedelta(minutes=22)
    assert await team.timeline(incident) == [
        "incident.declared",
        "alerts.received",
        "milestone.started",
        "plan.made",
        "plan.approved",
        "containment.begun",
        "evidence.preserved",
        "evidence.preserved",
        "evidence.preserved",
        "change.applied",
        "change.verified",
        "containment.state_verified",
        "containment.signal_read",
        "milestone.mitigated_provisionally",
        "containment.verified",
        "milestone.mitigated",
    ]


@pytest.mark.parametrize("minutes", [-3, 3])
async def test_a_clock_that_jumps_after_the_approval_neither_fails_nor_doubles_anything(
    team: Responders, minutes: int
) -> None:
    incident = await team.alerted()
    planned = await team.approved(await team.planned(incident))
    await team.run_jobs(CARRY_OUT)
    team.clock.advance(timedelta(minutes=minutes))

    done = await team.carried_out(planned)

    assert done.state is ContainmentState.VERIFIED
    assert await team.vendor_writes() == 1
    stones = (await team.incident(incident)).milestones
    assert stones.detected is not None
    assert stones.mitigated is not None
    assert stones.mitigated.at >= stones.detected.at
    assert (await team.timeline(incident)).count("milestone.mitigated_provisionally") == 1


async def test_planning_changes_nothing(team: Responders) -> None:
    await team.planned(await team.alerted())
    assert await team.vendor_writes() == 0


async def test_whoever_asked_for_a_plan_cannot_approve_it_even_as_a_lead(team: Responders) -> None:
    planned = await team.planned(await team.alerted(), by=COMMANDER)
    with pytest.raises(NotPermitted, match="You asked for this plan"):
        await team.approved(planned, by=COMMANDER)
    assert not [job for job in team.enqueued if job.job == CARRY_OUT]


@pytest.mark.parametrize("by", [OWNER, NEWCOMER])
async def test_only_who_may_lead_can_approve_a_roll_back(team: Responders, by: object) -> None:
    planned = await team.planned(await team.alerted())
    with pytest.raises(NotPermitted, match="someone who may lead"):
        await team.approved(planned, by=by)  # type: ignore[arg-type]


async def test_who_is_no_responder_cannot_plan(team: Responders) -> None:
    with pytest.raises(NotPermitted, match="a responder"):
        await team.planned(await team.alerted(), by=NEWCOMER)


async def test_a_second_approval_has_no_second_effect(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned, by=COMMANDER)
    with pytest.raises(InvalidTransition, match="approved already"):
        await team.approved(planned, by=LEADER)
    await team.carried_out(planned)
    assert await team.vendor_writes() == 1


async def test_an_expired_plan_cannot_be_approved(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    team.clock.advance(timedelta(minutes=15))
    with pytest.raises(PlanExpired, match="expired"):
        await team.approved(planned)


async def test_a_plan_nobody_decided_on_closes_by_itself(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    team.clock.advance(timedelta(minutes=15))
    await team.timers.run_due(team.clock())
    assert (await team.containments.get(planned.id)).state is ContainmentState.EXPIRED


async def test_raising_the_severity_voids_a_plan_and_relaxes_nothing(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.planned(incident)
    await team.incidents.set_severity(COMMANDER, incident.id, Severity.SEV1, "a person was hurt")
    with pytest.raises(PlanExpired, match="now Sev-1"):
        await team.approved(planned)
    anew = await team.planned(await team.incident(incident), by=COMMANDER)
    with pytest.raises(NotPermitted):
        await team.approved(anew, by=COMMANDER)


async def test_a_severity_raised_after_the_approval_still_stops_it(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.planned(incident)
    await team.approved(planned)
    await team.incidents.set_severity(COMMANDER, incident.id, Severity.SEV1, "a person was hurt")
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert "Plan again" in done.problem
    assert await team.vendor_writes() == 0


async def test_an_approval_of_another_plan_does_not_count(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    with pytest.raises(PlanExpired, match="not the plan that was shown"):
        await team.containments.approve(COMMANDER, planned.id, "0" * 64)


async def test_a_stored_plan_that_was_tampered_with_is_not_carried_out(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    approved = await team.approved(planned)
    async with team.store.begin() as tx:
        await tx.containments.save(approved.changed(plan=approved.plan.changed(duration=timedelta(days=30))))
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert "not on record" in done.problem
    assert await team.vendor_writes() == 0


async def test_a_change_by_somebody_else_after_planning_stops_it(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.somebody_else_serves({"v41": 500, "v42": 500})
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert "Somebody changed the target" in done.problem
    assert await team.served_prompt() == {"v41": 500, "v42": 500}


async def test_a_lost_answer_is_settled_by_reading_and_not_by_writing_again(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("applied_then_504")
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert await team.vendor_writes() == 1
    assert done.progress[0].attempts == 1


async def test_an_attempt_without_effect_is_repeated_once_it_can_no_longer_happen_late(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("500")
    begun = team.clock()
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert done.progress[0].attempts == 2
    assert await team.vendor_writes() == 1
    assert done.progress[0].attempted_at is not None
    assert done.progress[0].attempted_at - begun >= timedelta(seconds=10)


@pytest.mark.parametrize("answer", ["429", "garbage"])
async def test_a_vendor_that_stumbles_is_tried_again(team: Responders, answer: str) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails(answer, times=2)
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert await team.vendor_writes() == 1


async def test_a_refused_credential_fails_at_once_and_says_so(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("401", times=9)
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert "credential was refused" in done.problem
    assert done.progress[0].state is StepState.FAILED
    assert await team.served_prompt() == BAD_PROMPT


async def test_a_vendor_that_says_yes_and_does_nothing_is_found_out(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("ignored")
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert "does not show it" in done.problem


async def test_a_vendor_that_never_answers_again_leaves_it_in_doubt(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("500", times=5)
    await team.execution.advance(planned.id)
    await team.execution.advance(planned.id)
    await team.execution.advance(planned.id)
    await team.vendor_fails("500", times=10_000, on="all")
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.IN_DOUBT
    assert "cannot be read back" in done.problem


async def test_a_vendor_that_cannot_be_read_before_the_first_write_fails_it(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.vendor_fails("500", times=10_000, on="all")
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert await team.served_prompt() == BAD_PROMPT


async def test_killed_between_the_attempt_and_its_record_it_is_not_written_twice(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.execution.advance(planned.id)
    begun = await team.containments.get(planned.id)
    change = begun.plan.changes[0]
    attempted = begun.with_progress(0, state=StepState.ATTEMPTED, attempts=1, attempted_at=team.clock())
    async with team.store.begin() as tx:
        await tx.containments.save(attempted)
    action = team.pool.for_incident((await team.alerted()).kind).action(change.action, change.connection)
    await action.apply(change.ref, change.before, change.after, key="x")

    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert await team.vendor_writes() == 1


async def test_two_processes_that_carry_out_the_same_containment_write_once(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.execution.advance(planned.id)
    mine = await team.containments.get(planned.id)
    await team.execution.advance(planned.id)
    with pytest.raises(Conflict):
        async with team.store.begin() as tx:
            await tx.containments.save(mine.with_progress(0, state=StepState.ATTEMPTED, attempts=1))
    await team.carried_out(planned)
    assert await team.vendor_writes() == 1


async def test_harm_that_goes_on_is_said_so_and_is_no_mitigation(team: Responders) -> None:
    incident = await team.alerted()
    await team.harm_goes_on_whatever_is_done()
    planned = await team.planned(incident)
    await team.approved(planned)
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.FAILED
    assert "the harm goes on" in done.problem
    assert (await team.incident(incident)).milestones.mitigated is None
    assert done.is_in_force


async def test_the_kill_switch_needs_nobodys_approval(team: Responders) -> None:
    planned = await team.planned(await team.alerted(), SWITCH_OFF)
    await team.approved(planned, by=RESPONDER)
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert not await team.feature_is_on()


async def test_undo_needs_approval_and_restores_exactly_what_was_read(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.planned(incident)
    await team.approved(planned)
    change = planned.plan.changes[0]
    action = team.pool.for_incident(incident.kind).action(change.action, change.connection)
    before = await action.read(change.ref)
    await team.carried_out(planned)
    assert await action.read(change.ref) != before

    undo = await team.follow_ups.plan_undo(RESPONDER, planned.id, "v42 was fixed")
    with pytest.raises(NotPermitted):
        await team.approved(undo, by=RESPONDER)
    await team.approved(undo)
    await team.carried_out(undo)

    assert (await team.containments.get(planned.id)).state is ContainmentState.UNDONE
    assert await team.served_prompt() == BAD_PROMPT
    assert await action.read(change.ref) == before


async def test_undo_is_refused_when_somebody_changed_the_target_since(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.carried_out(planned)
    await team.somebody_else_serves({"v41": 900, "v42": 100})
    with pytest.raises(PlanDrifted, match="Somebody changed the target since"):
        await team.follow_ups.plan_undo(RESPONDER, planned.id, "v42 was fixed")


async def test_undo_is_stopped_when_somebody_changes_the_target_after_its_plan(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.carried_out(planned)
    undo = await team.follow_ups.plan_undo(RESPONDER, planned.id, "v42 was fixed")
    await team.approved(undo)
    await team.somebody_else_serves({"v41": 900, "v42": 100})
    assert (await team.carried_out(undo)).state is ContainmentState.FAILED
    assert (await team.containments.get(planned.id)).state is ContainmentState.VERIFIED
    assert await team.served_prompt() == {"v41": 900, "v42": 100}


async def test_what_is_not_in_force_cannot_be_undone(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    with pytest.raises(InvalidTransition, match="nothing in force"):
        await team.follow_ups.plan_undo(RESPONDER, planned.id, "a mistake")


async def test_at_its_end_it_stays_in_force_and_asks(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.planned(incident)
    await team.approved(planned)
    done = await team.carried_out(planned)
    assert done.ends_at is not None
    team.clock.at = done.ends_at
    await team.timers.run_due(team.clock())
    ended = await team.containments.get(planned.id)
    assert ended.end_reached
    assert ended.is_in_force
    assert await team.served_prompt() == GOOD_PROMPT
    assert "containment.end_reached" in await team.timeline(incident)


async def test_extending_needs_approval_and_moves_the_end(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    first = await team.carried_out(planned)
    extension = await team.follow_ups.plan_extend(RESPONDER, planned.id, timedelta(hours=48), "the fix is not out")
    with pytest.raises(NotPermitted):
        await team.approved(extension, by=RESPONDER)
    await team.approved(extension)
    await team.carried_out(extension)
    extended = await team.containments.get(planned.id)
    assert extended.ends_at is not None
    assert first.ends_at is not None
    assert extended.ends_at == team.clock() + timedelta(hours=48)
    team.clock.at = first.ends_at
    await team.timers.run_due(team.clock())
    assert not (await team.containments.get(planned.id)).end_reached


async def test_nobody_extends_beyond_what_the_policy_allows(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.approved(planned)
    await team.carried_out(planned)
    with pytest.raises(BadCommand, match="at most"):
        await team.follow_ups.plan_extend(RESPONDER, planned.id, timedelta(days=365), "for ever")


async def test_break_glass_opens_after_five_minutes_with_a_reason(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.planned(incident)
    fingerprint = planned.plan.fingerprint
    with pytest.raises(NotPermitted, match="left"):
        await team.containments.break_glass(RESPONDER, planned.id, fingerprint, "nobody answers")
    team.clock.advance(timedelta(minutes=5))
    with pytest.raises(NotPermitted, match="needs a reason"):
        await team.containments.break_glass(RESPONDER, planned.id, fingerprint, "  ")
    with pytest.raises(NotPermitted):
        await team.containments.break_glass(NEWCOMER, planned.id, fingerprint, "nobody answers")
    await team.containments.break_glass(RESPONDER, planned.id, fingerprint, "nobody answers")
    done = await team.carried_out(planned)
    assert done.state is ContainmentState.VERIFIED
    assert "plan.break_glass" in await team.timeline(incident)


async def test_break_glass_wakes_the_approvers_once_and_says_so_on_the_timeline(team: Responders) -> None:
    incident = await team.alerted()
    planned = await team.planned(incident)
    team.clock.advance(timedelta(minutes=5))
    await team.containments.break_glass(RESPONDER, planned.id, planned.plan.fingerprint, "nobody answers")
    await team.sent_pages()
    pages = await team.sent_pages()
    ((key, page),) = pages.items()
    assert key == f"stanch:break-glass:{planned.id}"
    assert page["summary"] == "INC-1 break-glass on C-1 “Roll the prompt back” without the approval it needs"
    assert page["severity"] == "critical"
    assert (await team.timeline(incident)).count("pager.paged") == 1


async def test_break_glass_without_a_pager_is_said_so(team: Responders) -> None:
    policy = team.catalog.policy
    nobody = policy.break_glass.changed(page="not_configured")
    team.catalog = replace(team.catalog, policy=policy.changed(break_glass=nobody))
    incident = await team.alerted()
    planned = await team.planned(incident)
    team.clock.advance(timedelta(minutes=5))
    await team.containments.break_glass(RESPONDER, planned.id, planned.plan.fingerprint, "nobody answers")
    assert await team.sent_pages() == {}
    assert "pager.nobody" in await team.timeline(incident)


async def test_a_declined_plan_stays_declined(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    await team.containments.decline(COMMANDER, planned.id, planned.plan.fingerprint)
    with pytest.raises(InvalidTransition, match="declined already"):
        await team.approved(planned)
    team.clock.advance(timedelta(minutes=20))
    await team.timers.run_due(team.clock())
    assert (await team.containments.get(planned.id)).state is ContainmentState.DECLINED


async def test_one_containment_at_a_time_writes_to_a_target(team: Responders) -> None:
    incident = await team.alerted()
    first, second = await team.planned(incident), await team.planned(incident, by=LEADER)
    await team.approved(first)
    await team.approved(second)
    await team.execution.advance(first.id)
    assert await team.execution.advance(second.id) == timedelta(seconds=1)
    assert (await team.containments.get(second.id)).state is ContainmentState.APPROVED
    await team.carried_out(first)
    done = await team.containments.get(second.id)
    assert done.state is ContainmentState.FAILED
    assert "Somebody changed the target" in done.problem
    assert await team.vendor_writes() == 1


async def test_what_is_contained_already_needs_no_plan(team: Responders) -> None:
    incident = await team.alerted()
    await team.somebody_else_serves(GOOD_PROMPT)
    with pytest.raises(InvalidTransition, match="Already contained"):
        await team.planned(incident)


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (PlanRequest("roll-the-prompt-back", {}, "why"), "Fill in: Prompt version"),
        (PlanRequest("roll-the-prompt-back", {"variation": "v41"}, " "), "Say why"),
        (PlanRequest("roll-the-prompt-back", {"variation": "v41", "x": "y"}, "why"), "has no input `x`"),
        (PlanRequest("roll-the-prompt-back", {"variation": "v41"}, "why", timedelta(days=9)), "at most"),
        (PlanRequest("roll-the-prompt-back", {"variation": "v99"}, "why"), "no such variation"),
        (PlanRequest("no-such-runbook", {}, "why"), "no runbook"),
    ],
)
async def test_a_request_that_does_not_fit_is_refused_with_what_is_wrong(
    team: Responders, request_: PlanRequest, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        await team.planned(await team.alerted(), request_)


async def test_the_form_offers_what_the_vendor_has_now(team: Responders) -> None:
    form = await team.planning.form(RESPONDER, (await team.alerted()).id, ROLL_BACK.runbook)
    assert form.choices == {"variation": ["v41"]}
    assert form.runbook.ends.after in form.durations


async def test_an_incident_is_not_resolved_before_the_harm_has_stopped(team: Responders) -> None:
    incident = await team.alerted()
    with pytest.raises(InvalidTransition, match="not mitigated"):
        await team.incidents.resolve(COMMANDER, incident.id)
    await team.incidents.attest_mitigated(COMMANDER, incident.id, "support sees no more complaints")
    resolved = await team.incidents.resolve(COMMANDER, incident.id)
    assert resolved.status is IncidentStatus.RESOLVED
    assert time_to_mitigate(resolved.milestones, resolved.severity, team.clock()).attested


async def test_a_moved_timer_does_not_fire_at_its_old_instant(team: Responders) -> None:
    planned = await team.planned(await team.alerted())
    key = f"{EXPIRE_PLAN}:{planned.id}"
    async with team.store.begin() as tx:
        timer = await tx.timers.get(key)
        assert timer is not None
        await tx.timers.set(timer.changed(due_at=timer.due_at + timedelta(hours=1)))
    team.clock.advance(timedelta(minutes=16))
    assert await team.timers.knock(key) == timedelta(minutes=59)
    assert (await team.containments.get(planned.id)).state is ContainmentState.PROPOSED
    assert await team.timers.knock(f"{END_REACHED}:unknown") is None
