"""Containing from Slack: plan, approve, verify, undo, extend, and every way in which that is refused."""

from tests.e2e.conftest import Scene


async def test_a_prompt_is_rolled_back_approved_by_another_person_and_verified(scene: Scene) -> None:
    channel = await scene.incident()
    card = await scene.contained(channel)
    assert "Undo" in scene.commander.labels(card)
    assert "Extend" in scene.commander.labels(card)
    live = await scene.commander.wait_for_message(channel, containing="Contained and verified by C-1")
    assert "Mitigated" in live["visible"] or "mitigated" in live["visible"]
