"""Walks the demo without a person, through a person's doors, and believes only what is seen from outside the bot.

What it looks at: the messages as the workspace recorded them, and the flag as a client that is not the bot's evaluates
it.
"""

import re
from collections.abc import Callable
from typing import Any

import httpx

from bot.demo import story
from bot.errors import StanchError
from bot.workspace.client import Person, RejectedError
from bot.workspace.labels import LabelError

TRIAGE = "ai-alerts"
RUNBOOK = "Roll the prompt back"
PLAN = "Blast radius"
_PATIENCE = 90.0


class StepFailed(StanchError):
    """Something that should be visible from outside was not."""


async def walk(workspace_url: str, stanch_url: str, write: Callable[[str], object]) -> int:
    """Walk the path and write the transcript; return 0 if every step was observed, else 1."""
    async with (
        Person(workspace_url, "commander") as commander,
        Person(workspace_url, "responder") as responder,
        httpx.AsyncClient(base_url=workspace_url, trust_env=False) as workspace,
        httpx.AsyncClient(base_url=f"{stanch_url}/simulated", trust_env=False) as vendors,
    ):
        script = _Script(commander, responder, workspace, vendors, write)
        try:
            await script.run()
        except (StepFailed, RejectedError, LabelError, TimeoutError, httpx.HTTPError) as error:
            write(f"FAILED {error}\n")
            return 1
    write("Every step was observed.\n")
    return 0


class _Script:
    """One walk."""

    def __init__(
        self,
        commander: Person,
        responder: Person,
        workspace: httpx.AsyncClient,
        vendors: httpx.AsyncClient,
        write: Callable[[str], object],
    ) -> None:
        self._commander = commander
        self._responder = responder
        self._workspace = workspace
        self._vendors = vendors
        self._write = write
        self._channel = ""

    async def run(self) -> None:
        """Walk from the alert to the timeline."""
        await self._see_alert()
        await self._take_lead()
        await self._plan()
        await self._approve()
        await self._see_verified()
        await self._resolve()
        await self._see_nothing_doubled()

    async def _see_alert(self) -> None:
        card = await self._commander.wait_for_message(TRIAGE, containing="Declared", timeout=_PATIENCE)
        self._expect(card, "Sev-2", "harmful answers per 1,000")
        self._tell("alert", "one card in #ai-alerts; its playbook declared Sev-2 by itself", card)
        self._channel = await self._incident_channel()
        live = await self._commander.wait_for_message(self._channel, containing=RUNBOOK, timeout=_PATIENCE)
        self._expect(live, "Sev-2", "TTD", "TTM", "Harmful output")
        self._tell("incident", f"#{self._channel} with its live card", live)
        await self._expect_prompt(story.BAD_PROMPT)
        await self._expect_harm(below=False)

    async def _incident_channel(self) -> str:
        """Follow the link on the alert's card."""
        card = await self._commander.wait_for_message(TRIAGE, containing="in #inc-", timeout=_PATIENCE)
        link = re.search(r"#(inc-[\w-]+)", Person.visible_text(card))
        if link is None:
            raise StepFailed(f"no link to a channel in:\n{Person.visible_text(card)}")
        return link[1]

    async def _take_lead(self) -> None:
        await self._commander.press("Take the lead", channel=self._channel)
        card = await self._commander.wait_for_message(self._channel, containing=RUNBOOK, timeout=_PATIENCE)
        self._tell("lead", "commander took the lead", card)

    async def _plan(self) -> None:
        await self._responder.press("Plan", channel=self._channel, containing=RUNBOOK)
        form = await self._responder.wait_for_view(containing="Prompt version", timeout=_PATIENCE)
        self._tell("form", "responder pressed Plan and sees the form", form)
        await self._responder.fill(
            {"Prompt version to go back to": story.GOOD_PROMPT, "Why": "Harmful advice since v42"}, submit=True
        )
        plan = await self._responder.wait_for_message(self._channel, containing=PLAN, timeout=_PATIENCE)
        self._expect(plan, "L5", RUNBOOK, "production", story.BAD_PROMPT, story.GOOD_PROMPT)
        self._tell("plan", "before -> after, blast radius, reversibility, end", plan)

    async def _approve(self) -> None:
        await self._responder.press("Approve", channel=self._channel, containing=PLAN)
        refusal = await self._responder.wait_for_message(
            self._channel, containing="cannot approve it", timeout=_PATIENCE
        )
        self._tell("refused", "the requester's own approval, with the reason", refusal)
        await self._expect_prompt(story.BAD_PROMPT)
        await self._commander.press("Approve", channel=self._channel, containing=PLAN)
        self._write("[approved] as commander\n")

    async def _see_verified(self) -> None:
        card = await self._commander.wait_for_message(
            self._channel, containing="Contained and verified", timeout=_PATIENCE
        )
        await self._expect_prompt(story.GOOD_PROMPT)
        await self._expect_harm(below=True)
        labels = [
            label for message in await self._commander.messages(self._channel) for label in Person.labels(message)
        ]
        for button in ("Undo", "Extend"):
            if button not in labels:
                raise StepFailed(f"no {button} button; there are {labels}")
        self._tell("verified", "applied, read back, and the harm signal stayed under its threshold", card)
        live = await self._commander.wait_for_message(self._channel, containing="TTM", timeout=_PATIENCE)
        for clock in ("TTD", "TTM"):
            line = next((each for each in str(live["visible"]).splitlines() if each.startswith(clock)), "")
            if not re.search(r"\d+ (s|min|h)", line) or "running" in line:
                raise StepFailed(f"{clock} does not read as stopped: {line or live['visible']!r}")
            self._write(f"[clock] {line}\n")

    async def _resolve(self) -> None:
        await self._commander.command(self._channel, "/incident resolve")
        resolved = await self._commander.wait_for_message(self._channel, containing="is resolved", timeout=_PATIENCE)
        self._tell("resolved", "/incident resolve", resolved)
        await self._commander.command(self._channel, "/incident timeline")
        timeline = await self._commander.wait_for_message(self._channel, containing="Chain verified", timeout=_PATIENCE)
        self._tell("timeline", "/incident timeline", timeline)
        await self._commander.command(self._channel, "/incident review")
        review = await self._commander.wait_for_message(self._channel, containing="Gap:", timeout=_PATIENCE)
        self._expect(review, "TTD", "TTM", RUNBOOK)
        self._write("[review] /incident review drafts it, with its gaps\n")

    async def _see_nothing_doubled(self) -> None:
        """Look at the workspace's own record of what was posted: every card once."""
        response = await self._workspace.get("/_workspace/requests", params={"method": "chat.postMessage"})
        response.raise_for_status()
        posted = [each for each in response.json()["requests"] if each["response"].get("ok")]
        keys = [str(each["arguments"].get("metadata")) for each in posted]
        if not keys or len(keys) != len(set(keys)):
            raise StepFailed(f"{len(keys)} messages were posted, {len(set(keys))} of them different")
        self._write(f"[messages] {len(keys)} posted, none twice\n")

    async def _expect_harm(self, *, below: bool) -> None:
        """Read the harm signal as a dashboard does."""
        response = await self._vendors.get("/prometheus/api/v1/query", params={"query": story.QUERY})
        response.raise_for_status()
        value = float(response.json()["data"]["result"][0]["value"][1])
        if (value < story.THRESHOLD) is not below:
            raise StepFailed(
                f"the harm signal reads {value:.2f}, which is not {'below' if below else 'above'} its threshold"
            )
        self._write(f"[signal] {value:.2f} harmful answers per 1,000\n")

    async def _expect_prompt(self, expected: str) -> None:
        """Evaluate the flag as the support assistant does: over HTTP, with a frontend token."""
        response = await self._vendors.get(
            "/unleash/api/frontend", params={"userId": "u-1"}, headers={"Authorization": "default:production.frontend"}
        )
        response.raise_for_status()
        toggles: list[dict[str, Any]] = response.json()["toggles"]
        served = [toggle["variant"]["name"] for toggle in toggles if toggle["name"] == story.PROMPT_FLAG]
        if served != [expected]:
            raise StepFailed(f"the application is served prompt {served}, expected {expected}")
        self._write(f"[flag] the application is served prompt {expected}\n")

    def _expect(self, message: dict[str, Any], *phrases: str) -> None:
        text = Person.visible_text(message)
        missing = [phrase for phrase in phrases if phrase not in text]
        if missing:
            raise StepFailed(f"{missing} not in:\n{text}")

    def _tell(self, step: str, what: str, message: dict[str, Any]) -> None:
        indented = "\n".join(f"    {line}" for line in Person.visible_text(message).splitlines())
        self._write(f"[{step}] {what}\n{indented}\n")
