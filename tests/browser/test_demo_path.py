"""The demo, walked on a desk's screen and on a phone's."""

from pathlib import Path

import pytest
from playwright.async_api import ViewportSize

from tests.browser import path
from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import OpenTab
from tests.browser.stage import running_demo

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_the_demo_can_be_walked_by_what_is_visible(
    open_tab: OpenTab, tmp_path: Path, viewport: ViewportSize
) -> None:
    with running_demo(tmp_path) as url:
        tab = await open_tab(viewport)
        await tab.sign_in(url)
        await path.see_alert(tab)
        await path.take_the_lead(tab)
        await path.open_plan(tab)
        await path.submit_plan(tab)
        await path.be_refused(tab)
        await path.approve(tab)
        await path.see_contained(tab)
        await path.resolve(tab)
        await path.read_timeline(tab)
        assert await tab.fits()
