"""Several people at once, in tabs of one browser: each tab has its own person, and a slow tab does no harm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Route, expect

from tests.browser import path
from tests.browser.conftest import OpenTab
from tests.browser.stage import Stage
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser


@asynccontextmanager
async def stale(tab: Tab) -> AsyncIterator[None]:
    """Leave a tab with what it shows: its refreshes get no answer until the block ends."""
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await tab.page.route("**/client/**", hold)
    try:
        yield
    finally:
        released.set()
        await tab.page.unroute_all(behavior="wait")


async def test_two_tabs_are_two_people_and_each_sees_what_the_other_does(open_tab: OpenTab, stage: Stage) -> None:
    commander, responder = await open_tab(), await open_tab()
    with stage.bot():
        stage.alert()
        await responder.sign_in(stage.workspace_url, "Responder")
        await responder.follow_to_incident()
        await commander.sign_in(stage.workspace_url)
        await path.take_the_lead(commander)
        await responder.sees("@commander", within=path.incident_card(responder))
        await responder.page.reload()
        await responder.plan(path.RUNBOOK)
        await expect(commander.dialog()).to_have_count(0)
        await responder.fill_plan(version="v41", why="Harmful advice since v42")
        await responder.submit_plan()
        await path.be_refused(responder)
        await commander.sees("Waiting for a decision", within=path.containment_card(commander))
        await expect(commander.message("Only visible to you")).to_have_count(0)


async def test_a_permalink_is_followed_as_who_one_is_in_this_tab(open_tab: OpenTab, stage: Stage) -> None:
    responder, commander = await open_tab(), await open_tab()
    await responder.sign_in(stage.workspace_url, "Responder")
    await responder.type("Look at this")
    message = await responder.message("Look at this").get_attribute("id")
    channel = responder.page.url.partition("#")[0].rpartition("/")[2]
    await responder.type(f"It is {stage.workspace_url}/archives/{channel}/{message}")
    await commander.sign_in(stage.workspace_url)
    await responder.go_to("general")
    await responder.go_to("ai-alerts")
    await responder.page.get_by_role("link", name="/archives/").click()
    await responder.page.wait_for_url(f"**/client/responder/{channel}#{message}")
    await expect(responder.message("Look at this")).to_be_in_viewport()


async def test_a_form_that_is_sent_by_a_double_click_makes_one_plan(open_tab: OpenTab, stage: Stage) -> None:
    tab = await open_tab()
    with stage.bot():
        stage.alert()
        await tab.sign_in(stage.workspace_url)
        await tab.follow_to_incident()
        await path.open_plan(tab)
        await tab.dialog().get_by_role("button", name="Plan", exact=True).dblclick()
        await tab.sees("Waiting for a decision", within=path.containment_card(tab))
        await expect(tab.dialog()).to_be_hidden()
        await tab.type("/incident timeline")
        await tab.sees("Planned C-1", within=tab.message("Chain verified"))
        await expect(path.containment_card(tab)).to_have_count(1)
        await expect(tab.page.get_by_role("main")).not_to_contain_text("C-2")


async def test_a_button_of_a_stale_tab_does_nothing_and_says_so(open_tab: OpenTab, stage: Stage) -> None:
    commander, responder = await open_tab(), await open_tab()
    with stage.bot():
        stage.alert()
        await commander.sign_in(stage.workspace_url)
        await path.take_the_lead(commander)
        await responder.sign_in(stage.workspace_url)
        await responder.follow_to_incident()
        await path.open_plan(responder)
        await path.submit_plan(responder)
        await commander.sees("Waiting for a decision", within=path.containment_card(commander))
        async with stale(commander):
            await responder.press("Decline", on=path.containment_card(responder))
            await responder.sees("Declined by @responder", within=path.containment_card(responder))
            await commander.press("Approve", on=path.containment_card(commander))
            await commander.sees("the button is gone", within=commander.page.get_by_role("alert"))
        await commander.sees("Declined by @responder", within=path.containment_card(commander))
        await expect(path.containment_card(commander).get_by_role("button", name="Approve")).to_have_count(0)
