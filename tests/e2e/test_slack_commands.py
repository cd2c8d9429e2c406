"""Every verb of the slash command, typed by somebody who may and by somebody who may not, rightly and wrongly."""

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest

from bot.domain.values import JsonObject
from bot.workspace.dispatch import Kind
from bot.workspace.interactions import Actor, command_payload
from tests.e2e.conftest import ROLL_BACK, TRIAGE, Scene


async def test_help_is_what_no_arguments_give_and_fits_the_channel(scene: Scene) -> None:
    everywhere = await scene.said(scene.newcomer, "general", "/incident", "Stanch: stop AI harm fast")
    assert everywhere.index("declare") < everywhere.index("In an incident's channel") < everywhere.index("timeline")
    channel = await scene.declared()
    here = await scene.said(scene.commander, channel, "/incident help", "On INC-1, The assistant invents refund rules")
    assert here.index("timeline") < here.index("Anywhere") < here.index("declare [sev2]")


async def test_an_unknown_verb_is_answered_with_the_nearest_one_or_with_all(scene: Scene) -> None:
    await scene.said(scene.newcomer, "general", "/incident declair x", "Did you mean /incident declare?")
    told = await scene.said(scene.newcomer, "general", "/incident <!channel>", "There are: help, declare, list")
    assert "<!channel>" in told


async def test_verbs_that_need_an_incident_say_how_to_name_one(scene: Scene) -> None:
    for verb in ("status", "severity sev1", "lead", "contain", "mitigated x", "resolve", "timeline"):
        name = verb.split()[0]
        await scene.said(scene.commander, "general", f"/incident {verb}", f"/incident {name} INC-7")
    await scene.said(scene.commander, "general", "/incident status INC-99", "There is no INC-99")


async def test_declaring_makes_a_channel_with_its_card_pinned_and_the_declarer_in_it(scene: Scene) -> None:
    told = await scene.said(scene.newcomer, "general", "/incident declare sev2 the assistant insults people", "INC-1")
    assert "Sev-2" in told
    channel = await scene.channel()
    assert channel == "inc-1-the-assistant-insults-people"
    card = await scene.newcomer.wait_for_message(channel, containing="Runbooks on offer")
    assert "by @newcomer" in (await scene.wait_for_change(card, "by @newcomer", who=scene.newcomer))["visible"]
    members = next(each for each in await scene.newcomer.channels() if each["name"] == channel)
    assert members["is_member"]
    assert members["topic"]["value"] == "INC-1 · Sev-2 · declared · commander: nobody yet"
    assert [pin["arguments"]["timestamp"] for pin in await scene.workspace.requests("pins.add")] == [card["ts"]]


async def test_declaring_needs_words_and_a_severity_that_exists(scene: Scene) -> None:
    await scene.said(scene.commander, "general", "/incident declare", "Say what is happening")
    await scene.said(scene.commander, "general", "/incident declare sev2", "Say what is happening")
    await scene.said(scene.commander, "general", "/incident declare sev9 all burns", "There is no Sev-9")
    await scene.said(scene.commander, "general", "/incident list", "No incident is open")


async def test_a_hostile_title_mentions_nobody_and_makes_a_plain_channel(scene: Scene) -> None:
    await scene.commander.command("general", "/incident declare <!channel> *bold* \u202eevil & <b>" + "x" * 400)
    channel = await scene.channel()
    assert channel.startswith("inc-1-channel-bold-evil-b")
    card = await scene.commander.wait_for_message(channel, containing="Runbooks on offer")
    assert "\u202e" not in card["visible"]
    await scene.said(scene.commander, "general", "/incident list", "<!channel> bold evil & <b>xxx")
    posts = await scene.workspace.requests("chat.postMessage")
    assert not [post for post in posts if "<!channel>" in str(post["arguments"].get("text"))]


async def test_the_same_command_delivered_twice_declares_once(scene: Scene) -> None:
    workspace = scene.workspace.app.state.workspace
    actor = Actor(workspace, workspace.state.person("commander"), scene.workspace.url)
    payload = command_payload(actor, workspace.state.channel("general"), "/incident", "declare only once")
    answers = await asyncio.gather(*(workspace.dispatcher.ask(Kind.COMMAND, payload) for _ in range(3)))
    assert sorted("once already" in answer["text"] for answer in answers) == [False, True, True]
    listed = await scene.said(scene.commander, "general", "/incident list", "Open incidents")
    assert listed.count("only once") == 1


async def test_a_bug_gives_the_person_a_reference_and_the_log_a_traceback(
    scene: Scene, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.declared()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as database, database:
        database.execute("UPDATE stanch_incident SET body = '{}'")
    told = await scene.said(scene.commander, "general", "/incident list", "Unexpected error")
    reference = re.search(r"Unexpected error, reference ([0-9a-f]{8})", told)
    assert reference is not None
    logged = next(record for record in caplog.records if reference[1] in record.getMessage())
    assert logged.exc_info is not None


async def test_list_shows_open_incidents_newest_first(scene: Scene) -> None:
    for title in ("first thing", "second thing"):
        await scene.said(scene.commander, "general", f"/incident declare {title}", "is open as")
    told = await scene.said(scene.newcomer, "general", "/incident list", "Open incidents")
    assert told.index("INC-2 Sev-3 · second thing") < told.index("INC-1 Sev-3 · first thing")


async def test_status_is_a_copy_of_the_card_without_buttons(scene: Scene) -> None:
    channel = await scene.declared()
    told = await scene.said(scene.newcomer, channel, "/incident status", "TTM")
    assert "INC-1 · Sev-3 · The assistant invents refund rules" in told
    assert "TTD unknown: nobody knows yet when the harm started" in told
    assert "[Take the lead]" not in told
    await scene.said(scene.newcomer, "general", "/incident status inc-1", "INC-1 · Sev-3")


async def test_severity_is_changed_by_a_responder_with_a_reason(scene: Scene) -> None:
    channel = await scene.declared()
    await scene.said(scene.commander, channel, "/incident severity", "INC-1 is Sev-3")
    await scene.said(scene.commander, channel, "/incident severity terrible", "“terrible” is no severity")
    await scene.said(scene.commander, channel, "/incident severity sev1", "Say why")
    await scene.said(scene.newcomer, channel, "/incident severity sev1 because", "you must be a responder")
    await scene.said(scene.responder, channel, "/incident severity Sev-1 because people rely on it", "is now Sev-1")
    card = await scene.commander.wait_for_message(channel, containing="Set by a person: people rely on it")
    assert "The rules say Sev-3" in card["visible"]
    await scene.said(scene.responder, channel, "/incident severity 1 because again", "is Sev-1 already")


async def test_lead_is_taken_by_who_may_lead_and_only_once(scene: Scene) -> None:
    channel = await scene.declared()
    await scene.said(scene.responder, channel, "/incident lead", "To lead an incident you must be someone who may lead")
    await scene.said(scene.commander, channel, "/incident lead", "You lead INC-1 now")
    await scene.said(scene.commander, channel, "/incident lead", "You lead INC-1 already")
    await scene.leader.join(channel)
    card = await scene.leader.wait_for_message(channel, containing="Commander\n@commander")
    await scene.leader.press("Take over the lead", message=card)
    await scene.wait_for_change(card, "Commander\n@leader")


async def test_contain_lists_runbooks_with_a_plan_button_each(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.responder.command(channel, "/incident contain")
    offer = (await scene.responder.messages(channel))[-1]
    assert offer["ephemeral"]
    assert f"{ROLL_BACK}\n" in offer["visible"]
    assert "L5: roll back one version · needs the approval of someone who may lead" in offer["visible"]
    await scene.responder.press("Plan", message=offer, containing=ROLL_BACK)
    await scene.responder.wait_for_view(containing="Prompt version to go back to")


async def test_contain_says_why_a_system_that_is_not_known_offers_no_runbook(scene: Scene) -> None:
    channel = await scene.declared()
    await scene.said(scene.commander, channel, "/incident contain", "names no AI system of the registry")


async def test_resolving_waits_for_the_harm_to_have_stopped(scene: Scene) -> None:
    channel = await scene.declared()
    await scene.said(scene.responder, channel, "/incident resolve", "INC-1 is not mitigated")
    await scene.said(scene.responder, channel, "/incident mitigated", "Say what shows that the harm stopped")
    await scene.said(scene.newcomer, channel, "/incident mitigated it looks fine", "you must be a responder")
    await scene.said(scene.responder, channel, "/incident mitigated spot checks are clean", "on your word")
    card = await scene.commander.wait_for_message(channel, containing="attested by a person")
    await scene.said(scene.newcomer, channel, "/incident resolve", "you must be a responder")
    await scene.said(scene.responder, channel, "/incident resolve", "INC-1 is resolved")
    resolved = await scene.wait_for_change(card, "Status\nresolved")
    assert scene.commander.labels(resolved) == []
    await scene.said(scene.responder, channel, "/incident resolve", "INC-1 is resolved already")
    await scene.said(scene.commander, channel, "/incident contain", "nothing is left to contain")


async def test_the_timeline_shows_every_event_and_that_the_chain_verifies(scene: Scene) -> None:
    channel = await scene.declared()
    await scene.said(scene.commander, channel, "/incident lead", "You lead")
    told = await scene.said(scene.newcomer, channel, "/incident timeline", "Chain verified: 2 events, head ")
    assert told.index("@commander: Declared Sev-3") < told.index("@commander: Took the lead")


async def test_an_alert_is_declared_or_marked_by_hand_where_no_playbook_does(scene: Scene) -> None:
    def unknown(body: JsonObject) -> None:
        for labels in (body["commonLabels"], body["alerts"][0]["labels"]):
            labels.clear()
            labels.update({"alertname": "QueueLong"})
        body["alerts"][0]["annotations"] = {"summary": "<!here> the queue is long"}

    await scene.alert(unknown)
    card = await scene.newcomer.wait_for_message(TRIAGE, containing="Firing: <!here> the queue is long")
    assert scene.newcomer.labels(card) == ["Declare", "Not actionable"]
    await scene.newcomer.press("Not actionable", message=card)
    dismissed = await scene.wait_for_change(card, "Not actionable, said @newcomer")
    assert scene.newcomer.labels(dismissed) == []


async def test_an_alert_is_declared_by_hand_and_its_card_then_leads_to_the_channel(scene: Scene) -> None:
    def milder(body: JsonObject) -> None:
        for labels in (body["commonLabels"], body["alerts"][0]["labels"]):
            labels.pop("failure_mode", None)
            labels.pop("harm_class", None)
            labels.update({"alertname": "Odd"})
        body["alerts"][0]["annotations"] = {"summary": "Something is odd"}

    await scene.alert(milder)
    card = await scene.responder.wait_for_message(TRIAGE, containing="Something is odd")
    await asyncio.gather(
        scene.responder.press("Declare", message=card),
        scene.commander.press("Declare", message=card),
        return_exceptions=True,
    )
    declared = await scene.wait_for_change(card, "INC-1 in #inc-1-something-is-odd")
    assert "Declared by @" in declared["visible"]
    assert scene.responder.labels(declared) == []
    await scene.said(scene.commander, "general", "/incident list", "INC-1")
