"""What strangers write, on screen: it is read as text, breaks no layout, runs nothing and calls nobody.

Every tab also fails its test if a script dialog, a console error or a breach of the content security policy occurs.
"""

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import OpenTab
from tests.browser.stage import Stage
from tests.browser.tab import PATIENCE, Tab

pytestmark = pytest.mark.browser

HOSTILE = {
    "broadcast": "<!channel> <!here> <@U0COMMANDER> is called",
    "script": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "link": "<javascript:alert(1)|click> [here](javascript:alert(1))",
    "fence": "```</code></pre><script>alert(3)</script>``` *bold* _it_",
    "right to left": "\u202eevil\u202c \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "no width": "zero\u200b\u200d\ufeffwidth",
    "emoji": "\N{FIRE}\N{FIRE}\N{FIRE}",
}
LONG = "word" * 9_990 + " the end of it"


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
async def test_what_a_person_writes_is_read_as_written(open_tab: OpenTab, stage: Stage, viewport: ViewportSize) -> None:
    tab = await open_tab(viewport)
    await tab.sign_in(stage.workspace_url)
    await tab.go_to("general")
    for text in ("<!channel> all", HOSTILE["script"], HOSTILE["right to left"], HOSTILE["emoji"]):
        await tab.type(text)
        await expect(tab.message(text)).to_be_visible()
    await tab.type(HOSTILE["no width"])
    await tab.type(HOSTILE["link"])
    await expect(tab.page.get_by_role("link", name="click", exact=True)).to_have_count(0)
    await tab.type(HOSTILE["fence"])
    await expect(tab.message("</code></pre><script>alert(3)</script>")).to_be_visible()
    await tab.type(LONG)
    await expect(tab.message("the end of it")).to_be_visible()
    assert await tab.fits()


async def test_what_an_alert_says_is_read_as_written_and_calls_nobody(open_tab: OpenTab, stage: Stage) -> None:
    tab = await open_tab()
    with stage.bot():
        for name, text in HOSTILE.items():
            stage.alert(summary=f"{name}: {text}", description=f"{name} in full: {text}")
        stage.alert(summary=LONG, description=LONG)
        await tab.sign_in(stage.workspace_url)
        for name in HOSTILE:
            card = tab.message(f"{name} in full: ")
            await expect(card).to_be_visible(timeout=PATIENCE)
            await expect(card.get_by_role("link", name="#inc-")).to_be_visible(timeout=PATIENCE)
        await tab.sees("<!channel> <!here> <@U0COMMANDER>", within=tab.message("broadcast in full"))
        await tab.sees("<script>alert(1)</script>", within=tab.message("script in full"))
        await expect(tab.page.get_by_role("link", name="click", exact=True)).to_have_count(0)
        assert await tab.fits()
        await _look_into_every_incident(tab)


async def _look_into_every_incident(tab: Tab) -> None:
    channels = tab.page.get_by_role("navigation").get_by_role("link", name="inc-")
    await expect(channels).to_have_count(len(HOSTILE) + 1, timeout=PATIENCE)
    for index in range(len(HOSTILE) + 1):
        await channels.nth(index).click()
        await expect(tab.message("Runbooks on offer")).to_be_visible(timeout=PATIENCE)
        assert await tab.fits()
