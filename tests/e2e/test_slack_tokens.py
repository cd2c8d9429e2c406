"""A personal token, from the command in Slack to what it opens, and how it ends."""

import re

import httpx

from tests.e2e.conftest import Scene


async def opens(scene: Scene, token: str) -> int:
    """Return the status of a read with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=scene.stanch.url, trust_env=False, headers=headers) as client:
        return (await client.get("/api/v1/incidents")).status_code


async def issued(scene: Scene) -> tuple[str, str]:
    """Have the newcomer ask for a token; return it and its name."""
    told = await scene.said(scene.newcomer, "general", "/incident token", "is shown this once")
    spelled = re.search(r"stanch_([0-9a-f]{10})_[\w-]{43}", told)
    assert spelled is not None
    return spelled[0], spelled[1]


async def test_a_token_is_shown_to_who_asked_alone_and_says_how_to_end_it(scene: Scene) -> None:
    token, name = await issued(scene)
    assert (
        f"/incident token revoke {name}"
        in (await scene.newcomer.wait_for_message("general", containing="is shown this once"))["visible"]
    )
    assert [each for each in await scene.commander.messages("general") if token in each["visible"]] == []
    listed = await scene.said(scene.newcomer, "general", "/incident token list", "Your tokens in force")
    assert name in listed
    assert token not in listed


async def test_a_token_opens_the_api_until_it_is_revoked(scene: Scene) -> None:
    token, name = await issued(scene)
    assert await opens(scene, token) == 200
    assert await opens(scene, token[:-1]) == 401
    await scene.said(scene.newcomer, "general", f"/incident token revoke {name}", "opens nothing from now on")
    assert await opens(scene, token) == 401
    await scene.said(scene.newcomer, "general", "/incident token list", "You have no token in force")


async def test_words_that_a_token_cannot_be_told_are_answered_with_those_it_can(scene: Scene) -> None:
    for words in ("revoke a b", "revok", "list all"):
        await scene.said(scene.newcomer, "general", f"/incident token {words}", "Say /incident token for a new one")
    await scene.said(scene.newcomer, "general", "/incident token revoke 0123456789", "no such token in force")
