"""Containing from Slack: plan, approve, verify, undo, extend, and every way in which that is refused."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.values import JsonObject
from bot.store.world import SimulatedWorld
from bot.workspace.client import RejectedError
from bot.workspace.dispatch import Kind
from bot.workspace.interactions import Actor, action_of, message_action_payload
from bot.workspace.labels import LabelError
from tests.e2e.conftest import ROLL_BACK, TURN_OFF, Scene


async def test_a_prompt_is_rolled_back_approved_by_another_person_and_verified(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.contained(channel)
    assert "strategies.1.variants.v42.weight: 1000 -> 0" in card["visible"]
    assert "Approved by @commander" in card["visible"]
    assert scene.commander.labels(card) == ["Undo", "Extend", "Keep"]
    live = await scene.commander.wait_for_message(channel, containing="Contained and verified by C-1")
    assert "Status\nmitigated" in live["visible"]
    told = await scene.said(scene.newcomer, "general", "/incident timeline INC-1", "Chain verified")
    assert "@responder: Planned C-1" in told


async def test_who_asked_for_a_plan_cannot_approve_it(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    card = await scene.wait_for_change(card, "Needs the approval of someone who may lead, other than @responder")
    await scene.responder.press("Approve", message=card)
    refusal = await scene.responder.wait_for_message(channel, containing="so you cannot approve it")
    assert refusal["ephemeral"]
    await scene.owner.join(channel)
    await scene.owner.press("Approve", message=card)
    await scene.owner.wait_for_message(channel, containing="you do not have that role")
    assert scene.commander.labels(await scene.wait_for_change(card, "unless decided")) == ["Approve", "Decline"]


async def test_what_stopped_at_a_change_is_retried_from_its_card(scene: Scene) -> None:
    world = SimulatedWorld(scene.stanch.store, scope="live")

    def refusing(document: JsonObject) -> JsonObject:
        return {**document, "faults": [{"answer": "401", "times": 1, "on": "writes"}]}

    channel = await scene.incident()
    card = await scene.plan(channel)
    await world.change("unleash", refusing)
    await scene.commander.press("Approve", message=card)
    stopped = await scene.wait_for_change(card, "credential was refused")
    assert "refused, not written" in stopped["visible"]
    assert scene.responder.labels(stopped) == ["Retry"]

    await scene.responder.press("Retry", message=stopped)
    going_on = await scene.wait_for_change(card, "watching the harm signal")
    assert "Retry" not in scene.responder.labels(going_on)
    timeline = await scene.said(scene.commander, channel, "/incident timeline", "Chain verified")
    assert "@responder: Has C-1 try again" in timeline


async def test_what_stopped_for_evidence_goes_ahead_without_when_somebody_says_why(scene: Scene) -> None:
    world = SimulatedWorld(scene.stanch.store, scope="live")

    def gone(document: JsonObject) -> JsonObject:
        return {**document, "faults": [{"answer": "401", "times": 1, "on": "all"}]}

    channel = await scene.incident()
    card = await scene.plan(channel)
    await world.change("unleash", gone)
    await scene.commander.press("Approve", message=card)
    stopped = await scene.wait_for_change(card, "could not be preserved")
    assert "The change that waits for it was not written." in stopped["visible"]
    assert scene.commander.labels(stopped) == ["Retry", "Go ahead without"]

    await scene.commander.press("Go ahead without", message=stopped)
    await scene.commander.fill({"Why it cannot wait": "people are harmed now"}, submit=True)
    going_on = await scene.wait_for_change(card, "watching the harm signal")
    assert "Evidence: 2 of 3 preserved" in going_on["visible"].replace("*", "")
    assert "people are harmed now" in going_on["visible"]


async def test_of_two_who_approve_at_once_one_is_told_that_it_is_decided(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    await scene.leader.join(channel)
    await asyncio.gather(scene.commander.press("Approve", message=card), scene.leader.press("Approve", message=card))
    await scene.wait_for_change(card, "watching the harm signal")
    told = [
        message["visible"]
        for person in (scene.commander, scene.leader)
        for message in await person.messages(channel)
        if message["ephemeral"]
    ]
    assert len(told) == 1
    assert "C-1 is" in told[0]
    timeline = await scene.said(scene.commander, channel, "/incident timeline", "Chain verified")
    assert timeline.count("Approved C-1") == 1
    assert timeline.count("Applied: ") == 1


async def test_an_expired_plan_is_not_carried_out(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    scene.clock.advance(timedelta(minutes=16))
    await scene.commander.press("Approve", message=card)
    await scene.commander.wait_for_message(channel, containing="This plan expired at")
    await scene.stanch.timers.run_due(scene.clock())
    expired = await scene.wait_for_change(card, "Expired undecided; nothing was changed")
    assert scene.commander.labels(expired) == []


async def test_a_plan_made_under_another_severity_must_be_made_again(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    await scene.said(scene.responder, channel, "/incident severity sev1 because it spreads", "is now Sev-1")
    await scene.commander.press("Approve", message=card)
    await scene.commander.wait_for_message(channel, containing="this plan was made under Sev-2")


async def test_a_plan_is_declined_by_who_may_plan_and_by_nobody_else(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    await scene.newcomer.join(channel)
    await scene.newcomer.press("Decline", message=card)
    await scene.newcomer.wait_for_message(channel, containing="needs the role a responder")
    await scene.responder.press("Decline", message=card)
    declined = await scene.wait_for_change(card, "Declined by @responder")
    assert scene.commander.labels(declined) == []


async def test_a_level_that_needs_no_approval_is_applied_by_who_planned_it(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel, TURN_OFF)
    assert scene.responder.labels(card) == ["Apply", "Decline"]
    assert "This level needs no approval" in card["visible"]
    await scene.responder.press("Apply", message=card)
    applied = await scene.wait_for_change(card, "watching the harm signal")
    assert "Applied by @responder" in applied["visible"]


async def test_an_effect_that_nothing_measures_is_confirmed_with_what_shows_it(scene: Scene) -> None:
    leak = {"failure_mode": "pii-leakage", "data_class": "health", "exposure": "cross-user", "reach": "mass"}
    channel = await scene.incident(lambda body: body["alerts"][0]["labels"].update(leak))
    card = await scene.plan(channel, "Stop the leak")
    await scene.responder.press("Apply", message=card)
    await scene.wait_for_change(card, "a person must say what shows that the harm stopped")
    await scene.responder.press("Confirm the effect", message=card)
    await scene.responder.wait_for_view(containing="No harm signal measures whether C-1 Stop the leak helped")
    await scene.responder.fill({"What shows that the harm stopped": "400 clean <!channel> answers"}, submit=True)
    confirmed = await scene.wait_for_change(card, "Contained and verified")
    assert "Confirmed by @responder" in confirmed["visible"]
    assert "400 clean <!channel> answers" in confirmed["visible"]
    assert scene.responder.labels(confirmed) == ["Undo", "Extend", "Keep"]


async def test_a_button_that_was_pressed_twice_in_one_envelope_acts_once(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    payload = _press(scene, "commander", card, "Approve")
    await asyncio.gather(*(_deliver(scene, payload) for _ in range(3)))
    await scene.wait_for_change(card, "watching the harm signal")
    assert not [each for each in await scene.commander.messages(channel) if each["ephemeral"]]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("not json", "carries something that Stanch cannot read"),
        ('{"containment":"x","fingerprint":"y"}', "carries something that Stanch cannot read"),
        (f'{{"containment":"elsewhere","fingerprint":"{"0" * 64}"}}', "containment"),
        (None, "carries something that Stanch cannot read"),
    ],
)
async def test_a_button_with_a_foreign_value_is_refused(scene: Scene, value: str | None, answer: str) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    payload = _press(scene, "commander", card, "Approve")
    payload["actions"][0]["value"] = value
    await _deliver(scene, payload)
    await scene.commander.wait_for_message(channel, containing=answer)
    await scene.wait_for_change(card, "Waiting for a decision")


async def test_a_button_of_a_plan_that_was_changed_is_refused(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    payload = _press(scene, "commander", card, "Approve")
    action = payload["actions"][0]
    action["value"] = action["value"][:-6] + "00000" + action["value"][-1].replace("}", '"}')[-2:]
    await _deliver(scene, payload)
    told = await scene.commander.wait_for_message(channel, containing="nothing was done")
    assert told["ephemeral"]


async def test_an_action_that_nothing_answers_to_any_more_says_so(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    payload = _press(scene, "commander", card, "Approve")
    payload["actions"][0]["action_id"] = "containment.explode"
    await _deliver(scene, payload)
    await scene.commander.wait_for_message(channel, containing="Nothing answers to this button any more")


async def test_break_glass_opens_late_asks_why_and_goes_ahead(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    with pytest.raises(LabelError):
        await scene.responder.press("Break glass", message=card)
    scene.clock.advance(timedelta(minutes=6))
    await scene.stanch.timers.run_due(scene.clock())
    await scene.wait_for_change(card, "[Break glass]")
    await scene.responder.press("Break glass", message=card)
    await scene.responder.wait_for_view(containing="without the approval that it needs")
    with pytest.raises(RejectedError):
        await scene.responder.submit()
    why = "Who could not be reached, and why it cannot wait"
    await scene.responder.fill({why: "no lead answers, people are harmed"}, submit=True)
    broken = await scene.wait_for_change(card, "Break-glass by @responder")
    assert "no lead answers, people are harmed" in broken["visible"]
    await scene.wait_for_change(card, "watching the harm signal")


async def test_a_containment_is_undone_with_the_approval_that_it_needed(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.contained(channel)
    await scene.responder.press("Undo", message=card)
    await scene.responder.wait_for_view(containing="restore what was read before C-1")
    await scene.responder.fill({"Why undo it": "v43 is fixed"}, submit=True)
    undo = await scene.responder.wait_for_message(channel, containing="C-2 Undo C-1")
    assert "strategies.1.variants.v42.weight: 0 -> 1000" in undo["visible"]
    await scene.responder.press("Approve", message=undo)
    await scene.responder.wait_for_message(channel, containing="so you cannot approve it")
    await scene.commander.press("Approve", message=undo)
    undone = await scene.wait_for_change(card, "Undone: the targets read as before")
    assert scene.commander.labels(undone) == []


async def test_a_containment_is_extended_for_longer(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.contained(channel)
    await scene.responder.press("Extend", message=card)
    await scene.responder.wait_for_view(containing="Extend a containment")
    await scene.responder.fill({"How much longer": "3 d", "Why extend it": "the fix takes until Friday"}, submit=True)
    extension = await scene.responder.wait_for_message(channel, containing="C-2 Extend C-1")
    await scene.commander.press("Approve", message=extension)
    await scene.wait_for_change(extension, "Done and reads back")
    before = card["visible"].split("Ends ")[1].split(".")[0]
    await scene.wait_for_change(card, "Contained and verified")
    after = (await scene.wait_for_change(card, "Ends "))["visible"].split("Ends ")[1].split(".")[0]
    assert after != before


async def test_a_containment_that_works_is_kept_until_its_cause_is_mended(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.contained(channel)
    await scene.responder.press("Keep", message=card)
    await scene.responder.wait_for_view(containing="Keep a containment")
    filled = {
        "What will make it unnecessary": "The prompt is reviewed <!channel>",
        "Who sees to it": "owner",
        "Due in": "14 d",
        "Why keep it": "v42 must not come back as it is",
    }
    await scene.responder.fill(filled, submit=True)
    keeping = await scene.responder.wait_for_message(channel, containing="C-2 Keep C-1")
    assert "The prompt is reviewed <!channel>: @owner" in keeping["visible"]
    await scene.commander.press("Approve", message=keeping)
    await scene.wait_for_change(card, "Kept for R-1 until")
    listed = await scene.said(scene.commander, channel, "/incident remediation", "R-1")
    assert "The prompt is reviewed <!channel>: @owner, due" in listed
    await scene.said(scene.owner, channel, "/incident remediation R-1 finished", "says nothing about a remediation")
    await scene.said(scene.owner, channel, "/incident remediation R-1 done reviewed by two", "R-1 of INC-1 is done")
    timeline = await scene.said(scene.commander, channel, "/incident timeline", "Chain verified")
    assert "is done: reviewed by two" in timeline


async def test_the_end_of_a_containment_is_told_to_the_commander_and_changes_nothing(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.said(scene.commander, channel, "/incident lead", "You lead")
    card = await scene.contained(channel)
    scene.clock.advance(timedelta(hours=25))
    await scene.stanch.timers.run_due(scene.clock())
    note = await scene.commander.wait_for_message(channel, containing="has reached its end")
    assert note["visible"].startswith("@commander: C-1 Roll the prompt back has reached its end")
    assert "its card" in note["visible"]
    late = await scene.wait_for_change(card, "it stays in force")
    assert scene.commander.labels(late) == ["Undo", "Extend", "Keep"]


async def test_a_plan_by_somebody_without_a_role_is_refused_in_the_modal(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.newcomer.join(channel)
    await scene.newcomer.press("Plan", channel=channel, containing=ROLL_BACK)
    view = await scene.newcomer.wait_for_view(containing="Not done")
    assert "needs the role a responder" in view["visible"]


async def test_a_plan_without_a_reason_is_held_back_by_the_form(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.responder.press("Plan", channel=channel, containing=TURN_OFF)
    await scene.responder.wait_for_view(containing="How long it lasts")
    with pytest.raises(RejectedError):
        await scene.responder.submit()


async def test_what_was_filled_in_survives_a_vendor_that_fails(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.responder.press("Plan", channel=channel, containing=TURN_OFF)
    await scene.responder.wait_for_view(containing="How long it lasts")
    await _break_unleash(scene)
    await scene.responder.fill({"Why": "people are harmed"}, submit=True)
    failed = await scene.responder.wait_for_view(containing="Not done.")
    assert "unleash" in failed["visible"]
    reason = next(block for block in failed["blocks"] if block["block_id"] == "reason")
    assert reason["element"]["initial_value"] == "people are harmed"
    await scene.responder.fill({"Why": "people are harmed"}, submit=True)
    await scene.responder.wait_for_message(channel, containing="unless decided")
    assert await scene.responder.view() is None


async def test_a_form_that_cannot_be_read_says_so_in_the_modal(scene: Scene) -> None:
    channel = await scene.incident()
    await _break_unleash(scene)
    await scene.responder.press("Plan", channel=channel, containing=ROLL_BACK)
    view = await scene.responder.wait_for_view(containing="Not done")
    assert "unleash" in view["visible"]


async def test_planning_what_is_in_place_already_is_refused_with_the_reason(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel, TURN_OFF)
    await scene.responder.press("Apply", message=card)
    await scene.wait_for_change(card, "watching the harm signal")
    await scene.responder.press("Plan", channel=channel, containing=TURN_OFF)
    await scene.responder.wait_for_view(containing="How long it lasts")
    await scene.responder.fill({"Why": "once more"}, submit=True)
    await scene.responder.wait_for_view(containing="Already contained")


async def _break_unleash(scene: Scene) -> None:
    def failing(world: JsonObject) -> JsonObject:
        return {**world, "faults": [{"answer": "500", "on": "all", "times": 1}]}

    await SimulatedWorld(scene.stanch.store, scope="live").change("unleash", failing)


def _press(scene: Scene, account: str, card: JsonObject, label: str) -> JsonObject:
    """Return the payload that Slack sends when somebody presses a button of a message."""
    workspace = scene.workspace.app.state.workspace
    channel = workspace.state.channel(card["channel"])
    message = channel.messages[card["ts"]]
    block, element = next(
        (block, element)
        for block in message.blocks
        for element in block.get("elements", [])
        if element["type"] == "button" and element["text"]["text"] == label
    )
    actor = Actor(workspace, workspace.state.person(account), scene.workspace.url)
    return message_action_payload(actor, channel, message, action_of(actor, block, element, {}))


async def _deliver(scene: Scene, payload: JsonObject) -> None:
    await scene.workspace.app.state.workspace.dispatcher.ask(Kind.INTERACTION, payload)
