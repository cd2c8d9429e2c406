"""The demo's path, step by step, as its reader walks it: one URL, and from there only what is on screen."""

from playwright.async_api import Locator, expect

from tests.browser.tab import PATIENCE, Tab

RUNBOOK = "Roll the prompt back"


def incident_card(tab: Tab) -> Locator:
    """Return the card that every later step of the incident is also shown on."""
    return tab.message("Alerts firing")


def containment_card(tab: Tab) -> Locator:
    """Return the card of the plan and of what became of it."""
    return tab.message("Blast radius:")


async def see_alert(tab: Tab) -> None:
    """See the alert's card, whose playbook declared an incident by itself."""
    await tab.sees("Sev-2", "Harmful output", "Declared automatically", within=tab.message("Firing: "))


async def take_the_lead(tab: Tab) -> None:
    """Follow the card's link to the incident's channel and take the lead there."""
    await tab.follow_to_incident()
    await tab.press("Take the lead", on=incident_card(tab))
    await tab.sees("@commander", "Take over the lead", within=incident_card(tab))


async def open_plan(tab: Tab) -> None:
    """Become the responder and fill in the runbook's form."""
    await tab.switch_to("Responder")
    await tab.plan(RUNBOOK)
    await tab.fill_plan(version="v41", why="Harmful advice since v42")


async def submit_plan(tab: Tab) -> None:
    """Send the form and read before -> after."""
    await tab.submit_plan()
    await tab.sees(
        "Waiting for a decision; nothing has been changed",
        "v41.weight: 0 -> 1000",
        "v42.weight: 1000 -> 0",
        "reversible",
        within=containment_card(tab),
    )


async def be_refused(tab: Tab) -> None:
    """Try to approve one's own plan, and read why not."""
    await tab.press("Approve", on=containment_card(tab))
    await tab.sees("You asked for this plan, so you cannot approve it", within=tab.message("Only visible to you"))


async def approve(tab: Tab) -> None:
    """Become the commander and approve."""
    await tab.switch_to("Commander")
    await tab.press("Approve", on=containment_card(tab))


async def see_contained(tab: Tab) -> None:
    """Wait until the harm verifiably stopped; the buttons that decided are gone."""
    card = containment_card(tab)
    await tab.sees("Contained and verified", "Approved by @commander", "reads back", within=card)
    await expect(card.get_by_role("button", name="Approve")).to_have_count(0)
    for label in ("Undo", "Extend"):
        await expect(card.get_by_role("button", name=label, exact=True)).to_be_visible()
    await tab.sees("mitigated", "Contained and verified by C-1", within=incident_card(tab))


async def resolve(tab: Tab) -> None:
    """Resolve by the slash command."""
    await tab.type("/incident resolve")
    await tab.sees("is resolved", within=tab.page.get_by_role("main"))


async def read_timeline(tab: Tab) -> None:
    """Read what happened, and that the chain verifies."""
    await tab.type("/incident timeline")
    timeline = tab.message("Chain verified")
    await expect(timeline).to_be_visible(timeout=PATIENCE)
    await tab.sees("Approved C-1", "Reads back", "Resolved", within=timeline)
