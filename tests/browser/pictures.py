"""Takes pictures of the demo: `python -m tests.browser.pictures FOLDER`, and with `--all` every step in every look.

Without `--all` it takes those of the README. The times on them are those of the run, so no two runs give the same
files: take them anew only when a card or the page has changed, and keep them together under 600 kB.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Locator, ViewportSize

from tests.browser import path
from tests.browser.chromium import DESK, PHONE, running_chromium
from tests.browser.stage import running_demo
from tests.browser.tab import Tab, new_tab


@dataclass(frozen=True)
class _Look:
    name: str
    viewport: ViewportSize
    scheme: Literal["light", "dark"]


@dataclass(frozen=True)
class _Step:
    """One step of the path; what it leaves on screen is a picture if it has a name."""

    act: Callable[[Tab], Awaitable[None]]
    picture: str = ""
    of: Callable[[Tab], Locator] | None = None


_README = _Look("readme", ViewportSize(width=1280, height=960), "light")
_LOOKS = (_Look("light", DESK, "light"), _Look("dark", DESK, "dark"), _Look("phone", PHONE, "light"))
_IN_README = frozenset({"plan", "verified"})
_STEPS = (
    _Step(path.see_alert, "alert"),
    _Step(path.take_the_lead, "incident", path.incident_card),
    _Step(path.open_plan, "form"),
    _Step(path.submit_plan, "plan", path.containment_card),
    _Step(path.be_refused, "refused"),
    _Step(path.approve),
    _Step(path.see_contained, "verified", path.containment_card),
    _Step(path.resolve, "resolved"),
    _Step(path.read_timeline, "timeline"),
)


async def _walk(browser: Browser, look: _Look, folder: Path) -> None:
    context = await browser.new_context(viewport=look.viewport, color_scheme=look.scheme, reduced_motion="reduce")
    with tempfile.TemporaryDirectory(prefix="stanch-pictures-") as demo, running_demo(Path(demo)) as url:
        tab = await new_tab(context)
        await tab.sign_in(url)
        for step in _STEPS:
            await step.act(tab)
            if look is not _README:
                await _take(tab, step, folder, f"-{look.name}")
            elif step.picture in _IN_README:
                await _take(tab, step, folder, "")
    await context.close()


async def _take(tab: Tab, step: _Step, folder: Path, suffix: str) -> None:
    if not step.picture:
        return
    await tab.page.mouse.move(0, 0)
    await tab.page.screenshot(path=folder / f"{step.picture}{suffix}.png")
    if step.of is not None and suffix:
        await step.of(tab).screenshot(path=folder / f"{step.picture}{suffix}-card.png")


async def _main(folder: Path, *, everything: bool) -> None:
    async with running_chromium() as browser:
        for look in _LOOKS if everything else (_README,):
            await _walk(browser, look, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Take pictures of the demo.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="every step, in light, in dark and on a phone")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_main(arguments.folder, everything=arguments.all))
