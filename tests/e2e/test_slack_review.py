"""The review's draft as people meet it: a note when the incident is resolved, the document when they ask."""

import httpx

from tests.e2e.conftest import Scene


async def test_resolving_brings_one_note_and_the_draft_can_be_read(scene: Scene) -> None:
    channel = await scene.incident()
    await scene.commander.press("Take the lead", channel=channel)
    await scene.contained(channel)
    so_far = await scene.said(scene.commander, channel, "/incident review", "Review draft so far")
    assert "# Review of INC-1" in so_far
    await scene.said(scene.responder, channel, "/incident resolve", "INC-1 is resolved")

    note = await scene.commander.wait_for_message(channel, containing="Review draft is ready")
    assert not note["ephemeral"]
    assert "gaps for people to fill" in note["visible"]
    whole = await scene.said(scene.responder, channel, "/incident review", "The chain of")
    assert "### C-1: Roll the prompt back" in whole
    assert "is @responder" in whole
    notes = [each for each in await scene.commander.messages(channel) if "Review draft is ready" in each["visible"]]
    assert len(notes) == 1


async def test_a_draft_can_be_asked_for_by_name_and_from_anywhere(scene: Scene) -> None:
    await scene.declared()
    told = await scene.said(scene.newcomer, "general", "/incident review INC-1", "Review draft so far")
    assert "**Gap:** No containment is on record" in told
    await scene.said(scene.newcomer, "general", "/incident review", "name it: /incident review INC-7")
    await scene.said(scene.newcomer, "general", "/incident review INC-99", "There is no INC-99")


async def test_without_its_token_the_api_tells_no_draft(scene: Scene) -> None:
    async with httpx.AsyncClient(base_url=scene.stanch.url, trust_env=False) as client:
        assert (await client.get("/api/v1/incidents/1/review")).status_code == 401
