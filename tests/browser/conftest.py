"""A real browser on a real workspace. Every test gets processes, a database and a browser profile of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ViewportSize

from tests.browser.chromium import DESK, running_chromium
from tests.browser.stage import Stage, running_stage
from tests.browser.tab import Tab, new_tab

OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with running_chromium() as launched:
        yield launched


@pytest.fixture
async def open_tab(browser: Browser) -> AsyncIterator[OpenTab]:
    """Open tabs that share one profile; at the end, none may have complained."""
    context = await browser.new_context(viewport=DESK)
    tabs: list[Tab] = []

    async def opened(viewport: ViewportSize = DESK) -> Tab:
        tab = await new_tab(context)
        await tab.page.set_viewport_size(viewport)
        tabs.append(tab)
        return tab

    yield opened
    complaints = [complaint for tab in tabs for complaint in tab.complaints]
    await context.close()
    assert complaints == []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A workspace whose bot a test starts and kills."""
    with running_stage(tmp_path) as running:
        yield running
