"""One person in one tab of a real browser, who finds everything by what is visible: roles, labels, texts.

A page must stay silent: a script dialog, an error on the console or a breach of its content security policy is kept in
`complaints`, and no test may end with one.
"""

import re

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Locator, Page, expect

PATIENCE = 60_000  # milliseconds; the harm signal alone must stay clean for twenty seconds

INCIDENT = re.compile(r"^#inc-\d+-")


class Tab:
    """One tab. Who is signed in is a choice of this tab alone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("dialog", self._dismissed)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("console", self._console)

    async def _dismissed(self, dialog: Dialog) -> None:
        self.complaints.append(f"script dialog: {dialog.message}")
        await dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text}")

    # ---- getting somewhere ----

    async def sign_in(self, workspace_url: str, person: str = "Commander") -> None:
        """Open the workspace's one URL and choose who to be."""
        await self.page.goto(workspace_url)
        if person != "Commander":
            await self.switch_to(person)

    async def switch_to(self, person: str) -> None:
        """Become another person, in the place that is on screen."""
        channels = await self._channels()
        await channels.get_by_text("switch", exact=True).click()
        await channels.get_by_role("link", name=re.compile(rf"^{person}\b")).click()
        await self.page.wait_for_url(f"**/client/{person.lower()}/**")

    async def go_to(self, channel: str) -> None:
        """Open a channel from the sidebar."""
        channels = await self._channels()
        await channels.get_by_role("link", name=re.compile(rf"^{re.escape(channel)}")).click()
        await expect(self.page.get_by_role("heading", level=1)).to_contain_text(channel)

    async def _channels(self) -> Locator:
        """Return the sidebar, which a narrow screen shows on demand."""
        show = self.page.get_by_role("button", name="Show channels")
        if await show.is_visible():
            await show.click()
        return self.page.get_by_role("navigation", name="Channels")

    # ---- looking ----

    def message(self, containing: str) -> Locator:
        """Return the message that shows a text, in that case."""
        return self.page.get_by_role("article").filter(has_text=re.compile(re.escape(containing)))

    def dialog(self) -> Locator:
        """Return the modal that is open."""
        return self.page.get_by_role("dialog")

    async def sees(self, *texts: str, within: Locator) -> None:
        """Wait until all texts are visible in one place."""
        for text in texts:
            await expect(within).to_contain_text(text, timeout=PATIENCE)

    async def fits(self) -> bool:
        """Tell whether nothing sticks out of the screen, the header or the list of messages sideways."""
        wide: bool = await self.page.evaluate(
            """() => [...document.querySelectorAll("html, main, main > *, header")]
                .some((one) => one.scrollWidth > one.clientWidth)"""
        )
        return not wide

    async def follow_to_incident(self) -> None:
        """Follow the link on the alert's card to the channel of its incident."""
        await self.page.get_by_role("link", name=INCIDENT).click(timeout=PATIENCE)
        await expect(self.page.get_by_role("heading", level=1)).to_contain_text("inc-")

    # ---- acting ----

    async def press(self, label: str, on: Locator) -> None:
        """Press a button of a message."""
        await on.get_by_role("button", name=label, exact=True).click(timeout=PATIENCE)

    async def plan(self, runbook: str) -> None:
        """Press the `Plan` that stands beside a runbook's title, and wait for its form."""
        button = self.page.get_by_role("button", name="Plan", exact=True)
        beside = self.page.get_by_role("article").locator("div").filter(has_text=runbook).filter(has=button)
        await beside.last.get_by_role("button", name="Plan", exact=True).click(timeout=PATIENCE)
        await expect(self.dialog()).to_contain_text(runbook, timeout=PATIENCE)

    async def fill_plan(self, *, version: str, why: str) -> None:
        """Fill the form of the prompt's roll-back."""
        form = self.dialog()
        await form.get_by_label("Prompt version to go back to").select_option(version, timeout=PATIENCE)
        await form.get_by_label("Why").fill(why)

    async def submit_plan(self) -> None:
        """Send the open form, and wait until the workspace has taken it away."""
        await self.dialog().get_by_role("button", name="Plan", exact=True).click()
        await expect(self.dialog()).to_be_hidden(timeout=PATIENCE)

    async def type(self, text: str) -> None:
        """Type into the message box and send."""
        box = self.page.get_by_label("Message", exact=True)
        await box.fill(text)
        await box.press("Enter")
        await expect(box).to_be_empty()


async def new_tab(context: BrowserContext) -> Tab:
    """Open a tab in a browser context."""
    return Tab(await context.new_page())
