"""A bot that dies in front of people: killed while a plan waits, and again while the harm signal is being watched."""

import pytest
from playwright.async_api import expect

from tests.browser import path
from tests.browser.conftest import OpenTab
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser


async def test_a_bot_that_is_killed_goes_on_as_if_nothing_had_happened(open_tab: OpenTab, stage: Stage) -> None:
    tab = await open_tab()
    with stage.bot():
        stage.alert()
        await tab.sign_in(stage.workspace_url)
        await path.take_the_lead(tab)
        await path.open_plan(tab)
        await path.submit_plan(tab)
        stage.kill_bot()
    await path.approve(tab)
    await tab.sees("trouble connecting", within=tab.page.get_by_role("alert"))
    with stage.bot():
        await tab.press("Approve", on=path.containment_card(tab))
        await tab.sees("applied, reads back", within=path.containment_card(tab))
        stage.kill_bot()
    with stage.bot():
        await path.see_contained(tab)
        await path.resolve(tab)
        await path.read_timeline(tab)
    await expect(path.incident_card(tab)).to_have_count(1)
    await expect(path.containment_card(tab)).to_have_count(1)
    timeline = await tab.message("Chain verified").inner_text()
    assert timeline.count("Applied:") == 1
    assert timeline.count("Approved C-1") == 1
