"""What reaches Slack when it is slow, full or down, or somebody tidied up: each message once, and all in the end."""

import asyncio
from datetime import timedelta

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.values import JsonObject
from bot.workspace.client import RejectedError
from tests.e2e.conftest import ROLL_BACK, TRIAGE, Scene


async def _cards(scene: Scene, channel: str, containing: str) -> list[JsonObject]:
    messages = await scene.commander.messages(channel)
    return [each for each in messages if containing in each["visible"] and not each["ephemeral"]]


async def test_a_post_whose_answer_was_lost_is_found_again_and_not_doubled(scene: Scene) -> None:
    await scene.workspace.fail(kind="answer", method="chat.postMessage", status=500, applied=True, calls=2)
    channel = await scene.incident()
    card = await scene.commander.wait_for_message(channel, containing="Runbooks on offer")
    await scene.commander.press("Take the lead", message=card)
    await scene.wait_for_change(card, "Commander\n@commander")
    assert len(await _cards(scene, channel, "Runbooks on offer")) == 1
    assert len(await _cards(scene, TRIAGE, "Firing: ")) == 1


async def test_a_channel_whose_creation_went_unanswered_is_found_again(scene: Scene) -> None:
    await scene.workspace.fail(kind="answer", method="conversations.create", status=500, applied=True)
    channel = await scene.declared("an odd thing")
    assert channel == "inc-1-an-odd-thing"
    assert [each["name"] for each in await scene.commander.channels() if "inc-1" in each["name"]] == [channel]


async def test_a_channel_of_that_name_that_is_not_ours_is_left_alone(scene: Scene) -> None:
    state = scene.workspace.app.state.workspace.state
    state.add_channel("inc-1-an-odd-thing", "channel", "U0NEWCOMER")
    await scene.commander.command("general", "/incident declare an odd thing")
    assert await scene.channel(ending="-2") == "inc-1-an-odd-thing-2"
    await scene.commander.wait_for_message("inc-1-an-odd-thing-2", containing="Runbooks on offer")
    assert not await scene.newcomer.messages("inc-1-an-odd-thing")


async def test_an_old_channel_of_our_own_for_another_incident_is_left_alone(scene: Scene) -> None:
    slack = AsyncWebClient(token="xoxb-local", base_url=f"{scene.workspace.url}/api/")
    old = (await slack.conversations_create(name="inc-1-an-odd-thing"))["channel"]["id"]
    await slack.conversations_setPurpose(channel=old, purpose="AI incident INC-1 (another id): an odd thing")
    await scene.commander.command("general", "/incident declare an odd thing")
    assert await scene.channel(ending="-2") == "inc-1-an-odd-thing-2"
    await scene.commander.wait_for_message("inc-1-an-odd-thing-2", containing="Runbooks on offer")


async def test_a_card_that_somebody_deleted_is_posted_anew(scene: Scene) -> None:
    channel = await scene.declared()
    card = await scene.commander.wait_for_message(channel, containing="Runbooks on offer")
    slack = AsyncWebClient(token="xoxb-local", base_url=f"{scene.workspace.url}/api/")
    channel_id = scene.workspace.app.state.workspace.state.named(channel).id
    await slack.chat_delete(channel=channel_id, ts=card["ts"])
    await scene.said(scene.commander, channel, "/incident lead", "You lead")
    anew = await scene.commander.wait_for_message(channel, containing="Commander\n@commander")
    assert anew["ts"] != card["ts"]


async def test_a_rate_limit_delays_a_card_and_loses_nothing(scene: Scene) -> None:
    await scene.workspace.fail(kind="answer", method="chat.postMessage", status=429, retry_after=1, calls=2)
    channel = await scene.declared()
    assert len(await _cards(scene, channel, "Runbooks on offer")) == 1


async def test_who_is_named_on_a_new_card_is_not_notified_by_it(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.plan(channel)
    await scene.wait_for_change(card, "Asked for by\n@responder")
    posted = [str(each["arguments"]) for each in await scene.workspace.requests("chat.postMessage")]
    assert not [arguments for arguments in posted if "<@U0" in arguments]


async def test_roles_come_from_a_snapshot_while_slack_is_down_but_for_a_day_only(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.said(scene.responder, channel, "/incident severity sev3 because it is mild", "is now Sev-3")
    await scene.workspace.fail(kind="answer", method="usergroups.list", status=503, calls=50)
    scene.clock.advance(timedelta(minutes=5))
    await scene.said(scene.responder, channel, "/incident severity sev2 because it is not", "is now Sev-2")
    scene.clock.advance(timedelta(hours=25))
    await scene.said(scene.responder, channel, "/incident severity sev1 because it grew", "slack: usergroups.list")


async def test_stanch_comes_back_when_its_connection_breaks(scene: Scene) -> None:
    await scene.workspace.fail(kind="drop_sockets")
    with pytest.raises(RejectedError):
        await scene.commander.command("general", "/incident list")
    deadline = asyncio.get_running_loop().time() + 20
    while True:
        try:
            await scene.said(scene.commander, "general", "/incident list", "No incident is open")
        except RejectedError:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        else:
            return


async def test_events_that_nothing_asked_for_are_taken_and_ignored(scene: Scene) -> None:
    await scene.workspace.fail(kind="duplicate_events", events=3)
    await scene.commander.say("general", "hello, nobody listens here")
    await scene.said(scene.commander, "general", "/incident list", "No incident is open")


async def test_a_modal_that_takes_long_says_so_and_then_what_came_of_it(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.responder.press("Plan", channel=channel, containing=ROLL_BACK)
    await scene.responder.wait_for_view(containing="How long it lasts")
    await scene.workspace.fail(kind="slow", method="usergroups.list", milliseconds=2500, calls=1)
    scene.clock.advance(timedelta(minutes=2))
    await scene.responder.fill({"Prompt version to go back to": "v41", "Why": "harm"}, submit=True)
    await scene.responder.wait_for_view(containing="Reading every target")
    await scene.responder.wait_for_view(containing="C-1 is planned")
    await scene.responder.close()
    await scene.responder.wait_for_message(channel, containing="unless decided")


async def test_an_incident_gets_its_channel_even_if_slack_does_not_tell_who_belongs_there(scene: Scene) -> None:
    workspace = scene.workspace.app.state.workspace
    app = workspace.seed.app
    scopes = tuple(scope for scope in app.scopes if scope not in {"usergroups:read", "pins:write"})
    workspace.seed = workspace.seed.model_copy(update={"app": app.model_copy(update={"scopes": scopes})})
    channel = await scene.declared("nobody is invited")
    members = next(each for each in await scene.owner.channels() if each["name"] == channel)
    assert not members["is_member"]
