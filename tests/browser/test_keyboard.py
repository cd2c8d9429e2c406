"""Everything by keyboard alone: no test here touches a mouse."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenTab
from tests.browser.stage import Stage
from tests.browser.tab import INCIDENT, PATIENCE, Tab

pytestmark = pytest.mark.browser

_MOST_STOPS = 80


async def _tab_to(tab: Tab, target: Locator) -> None:
    """Press Tab until something has the focus."""
    await expect(target).to_be_visible(timeout=PATIENCE)
    for _ in range(_MOST_STOPS):
        if await target.evaluate("(one) => one === document.activeElement"):
            return
        await tab.page.keyboard.press("Tab")
    raise AssertionError(f"{target} cannot be reached by Tab")


async def test_a_command_is_completed_and_sent_by_keyboard(open_tab: OpenTab, stage: Stage) -> None:
    tab = await open_tab()
    keys = tab.page.keyboard
    with stage.bot():
        await tab.sign_in(stage.workspace_url)
        await keys.press("Tab")
        await expect(tab.page.get_by_role("link", name="Skip to the message box")).to_be_focused()
        await keys.press("Enter")
        box = tab.page.get_by_label("Message", exact=True)
        await expect(box).to_be_focused()
        await keys.type("/inc")
        await expect(tab.page.get_by_role("option", name="/incident")).to_be_visible()
        await keys.press("Tab")
        await expect(box).to_have_value("/incident ")
        await keys.type("help")
        await keys.press("Enter")
        await tab.sees("/incident declare", within=tab.message("Only visible to you"))
        await expect(box).to_be_focused()


async def test_a_form_is_opened_closed_and_sent_by_keyboard(open_tab: OpenTab, stage: Stage) -> None:
    tab = await open_tab()
    keys = tab.page.keyboard
    with stage.bot():
        stage.alert()
        await tab.sign_in(stage.workspace_url)
        await _tab_to(tab, tab.page.get_by_role("link", name=INCIDENT))
        await keys.press("Enter")
        plan = tab.page.get_by_role("article").get_by_role("button", name="Plan", exact=True).first
        await _tab_to(tab, plan)
        await keys.press("Enter")
        version = tab.dialog().get_by_label("Prompt version to go back to")
        await expect(version).to_be_focused(timeout=PATIENCE)
        await keys.press("Escape")
        await expect(tab.dialog()).to_be_hidden()
        await expect(plan).to_be_focused()
        await keys.press("Enter")
        await expect(version).to_be_focused(timeout=PATIENCE)
        await keys.type("v41")
        await _tab_to(tab, tab.dialog().get_by_label("Why"))
        await keys.type("Harmful advice since v42")
        await _tab_to(tab, tab.dialog().get_by_role("button", name="Plan", exact=True))
        await keys.press("Enter")
        await tab.sees("Waiting for a decision", "v41.weight: 0 -> 1000", within=tab.message("Blast radius:"))
