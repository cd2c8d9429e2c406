"""Titles as people and alerts may write them: only signs, another direction, nothing to be seen, far too much."""

import pytest

from bot.domain.values import JsonObject
from tests.e2e.conftest import TRIAGE, Scene

TITLES = [
    ("🔥🔥🔥", "inc-1", "INC-1 · Sev-3 · 🔥🔥🔥"),
    (":fire: is down", "inc-1-fire-is-down", "INC-1 · Sev-3 · :fire: is down"),
    ("שלום עולם", "inc-1", "INC-1 · Sev-3 · שלום עולם"),
    ("z\u200bero\u202e width", "inc-1-zero-width", "INC-1 · Sev-3 · zero width"),
    ("x" * 40_000, "inc-1-" + "x" * 40, "INC-1 · Sev-3 · " + "x" * 119 + "…"),
]


@pytest.mark.parametrize(("title", "channel", "header"), TITLES, ids=["emoji", "shortcode", "rtl", "hidden", "long"])
async def test_an_odd_title_makes_a_channel_and_a_card(scene: Scene, title: str, channel: str, header: str) -> None:
    await scene.commander.command("general", f"/incident declare {title}")
    assert await scene.channel() == channel
    card = await scene.commander.wait_for_message(channel, containing="Runbooks on offer")
    assert card["visible"].splitlines()[0] == header


@pytest.mark.parametrize("title", ["\u200b\u200d\ufeff", "\u202e\u202c", "\u3164"], ids=["width", "turn", "filler"])
async def test_a_title_that_shows_nothing_declares_nothing(scene: Scene, title: str) -> None:
    await scene.said(scene.commander, "general", f"/incident declare sev1 {title}", "Say what is happening")
    await scene.said(scene.commander, "general", "/incident list", "No incident is open")


async def test_a_reason_that_shows_nothing_is_none(scene: Scene) -> None:
    channel = await scene.declared()
    await scene.said(scene.commander, channel, "/incident severity sev1 because \u200b\u200b", "Say why")
    await scene.said(scene.commander, channel, "/incident mitigated \u2060", "Say what shows that the harm stopped")


async def test_an_alert_whose_title_shows_nothing_can_be_told_apart(scene: Scene) -> None:
    def hide(body: JsonObject) -> None:
        for annotations in (body["alerts"][0]["annotations"], body["commonAnnotations"]):
            annotations["summary"] = "\u200b\u200b"

    await scene.alert(hide)
    card = await scene.commander.wait_for_message(TRIAGE, containing="Declared automatically")
    assert card["visible"].splitlines()[0] == "Firing: Untitled alert"
    assert await scene.channel() == "inc-1-untitled-incident"
