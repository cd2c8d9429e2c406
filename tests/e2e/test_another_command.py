"""An installation whose Slack app registers the command by another name: people are told what they can type here."""

import json

import pytest

from tests.e2e.conftest import Scene


@pytest.fixture
def slack_command() -> str:
    return "/ai-incident"


async def test_every_message_names_the_command_as_it_is_registered(scene: Scene) -> None:
    me, command = scene.commander, "/ai-incident"
    channel = await scene.incident()
    await scene.said(me, "general", command, f"{command} declare [sev2]")
    await scene.said(me, "general", f"{command} statu", f"Did you mean {command} status?")
    await scene.said(me, "general", f"{command} status INC-9", f"{command} list shows the open ones")
    await scene.said(me, channel, f"{command} severity", f"Say {command} severity sev1 because")
    await scene.said(me, channel, f"{command} severity sev1", f"Say why: {command} severity sev-1 because")
    await scene.said(me, channel, f"{command} lead", f"{command} contain shows what can stop the harm")
    await scene.said(me, channel, f"{command} resolve", f"{command} mitigated <evidence>")
    await scene.said(me, channel, f"{command} mitigated the page is down", "on your word")
    card = await me.wait_for_message(channel, containing=f"{command} resolve, when nothing is left")
    assert f"{command} help lists what you can do here" in card["visible"]
    await scene.said(me, channel, f"{command} resolve", "is resolved")
    await me.wait_for_message(channel, containing=f"{command} review shows it")
    shown = [*await me.messages("general"), *await me.messages(channel)]
    assert [one["visible"] for one in shown if "`/incident" in json.dumps(one)] == []
