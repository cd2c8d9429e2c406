"""Starts the distribution's Chromium, which `.ci/browser-setup` installs, with a fresh profile."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, ViewportSize, async_playwright

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run Chromium without a window until the block ends."""
    executable = shutil.which("chromium")
    assert executable is not None, "Chromium is not installed: run `.ci/browser-setup` first."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
