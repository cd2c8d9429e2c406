"""The terminal while Slack is away: the commands as people run them, at a running Stanch that cannot reach Slack."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.app import Application, load_catalog
from bot.demo import story
from bot.settings import read_settings
from bot.store.world import SimulatedWorld
from bot.workspace.client import Person
from bot.workspace.limits import Limits
from bot.workspace.seed import DEFAULT_SEED
from bot.workspace.server import create_app, serve
from tests.e2e.conftest import MovingClock

PATIENCE_SECONDS = 60
NAMES = ("commander", "responder", "newcomer")


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str


@dataclass
class Outage:
    """A running Stanch, and people with tokens; Slack refuses every connection."""

    stanch: Application
    clock: MovingClock
    tokens: dict[str, str]

    async def stanch_says(self, who: str, *words: str, **environment: str) -> Said:
        """Run one command as somebody."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STANCH_")}
        own = {"STANCH_SERVER_URL": self.stanch.url, "STANCH_TOKEN": self.tokens.get(who, "")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            env=inherited | own | environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def fingerprint(self, containment: str) -> str:
        """Return the fingerprint that a plan shows."""
        shown = await self.stanch_says("newcomer", "incidents", "INC-1", "--json")
        number = int(containment.removeprefix("C-"))
        found = [each for each in json.loads(shown.out)["containments"] if each["number"] == number]
        return str(found[0]["fingerprint"])

    async def served(self) -> dict[str, int]:
        """Return the weights of the prompt's versions at the simulated vendor."""
        document = await SimulatedWorld(self.stanch.store, scope="live").read("unleash")
        environment = document["features"][story.PROMPT_FLAG]["environments"]["production"]
        variants = [variant for strategy in environment["strategies"] for variant in strategy["variants"]]
        return {variant["name"]: variant["weight"] for variant in variants}


@pytest.fixture
async def outage(moving_clock: MovingClock, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Outage]:
    """Tokens were issued and the groups read while Slack was there; now it is not."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = create_app(seed=DEFAULT_SEED, limits=Limits(post_rate=0, ack_within=timedelta(seconds=10)))
    serving = asyncio.create_task(serve(port=0, app=app, ready=ready.set_result))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    connections = tmp_path / "connections.yaml"
    connections.write_text(json.dumps(story.connections(moving_clock())), encoding="utf-8")
    stanch = Application(
        read_settings(
            {
                "STANCH_DATABASE_URL": sqlite_url,
                "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
                "STANCH_SLACK_APP_TOKEN": DEFAULT_SEED.app.app_token,
                "STANCH_SLACK_API_URL": f"{ready.result()}/api/",
                "STANCH_CONNECTIONS": str(connections),
                "STANCH_TIMELINE_KEY": "made-up-timeline-key",
                "STANCH_PORT": "0",
            }
        ),
        moving_clock,
    )
    async with AsyncExitStack() as leaving:
        await stanch.start()
        leaving.push_async_callback(stanch.stop)
        tokens = {name: await issued(ready.result(), name) for name in NAMES}
        await stanch.people.keep_members(load_catalog(None).systems.values())
        serving.cancel()
        await asyncio.wait([serving])
        moving_clock.advance(timedelta(hours=1))
        yield Outage(stanch, moving_clock, tokens)


async def issued(workspace: str, name: str) -> str:
    """Have somebody ask for a token in Slack."""
    async with Person(workspace, name) as person:
        await person.command("general", "/incident token")
        told = await person.wait_for_message("general", containing="is shown this once")
    spelled = re.search(r"stanch_[0-9a-f]{10}_[\w-]{43}", told["visible"])
    assert spelled is not None
    return spelled[0]


async def test_while_slack_is_down_an_incident_is_declared_contained_and_undone(outage: Outage) -> None:
    declared = await outage.stanch_says(
        "newcomer", "declare", "Harmful advice about medicines", "--severity", "sev2", "--system", "support-assistant"
    )
    assert declared.status == 0, declared.err
    assert (declared.status, declared.out.splitlines()[0], declared.err) == (0, "INC-1 is open as Sev-2.", "")
    offered = await outage.stanch_says("newcomer", "plan", "INC-1")
    assert "roll-the-prompt-back  (L5)" in offered.out
    assert "variation: Prompt version to go back to" in offered.out

    before = await outage.served()
    why = ("--input", "variation=v41", "--reason", "harmful advice since v42")
    planned = await outage.stanch_says("responder", "plan", "INC-1", "roll-the-prompt-back", *why)
    assert planned.status == 0, planned.err
    assert "variants.v42.weight: 1000 -> 0" in planned.out
    assert "Needs the approval of someone who may lead, other than" in planned.out
    assert await outage.served() == before

    looked_at = await outage.fingerprint("C-1")
    own = await outage.stanch_says("responder", "approve", "INC-1", "C-1", "--fingerprint", looked_at)
    assert (own.status, "so you cannot approve it" in own.err) == (1, True)
    approved = await outage.stanch_says("commander", "approve", "INC-1", "C-1", "--fingerprint", looked_at[:12])
    assert (approved.status, approved.err) == (0, "")

    following = asyncio.create_task(outage.stanch_says("responder", "apply", "INC-1", "C-1", "--wait", "45s"))
    await reached(outage, "watching")
    outage.clock.advance(timedelta(seconds=40))
    applied = await following
    assert (applied.status, applied.err) == (0, "")
    assert applied.out.rstrip().endswith("INC-1 C-1: contained and verified")
    assert await outage.served() != before

    undo = await outage.stanch_says("responder", "undo", "INC-1", "C-1", "--reason", "v43 is fixed")
    assert "variants.v42.weight: 0 -> 1000" in undo.out
    again = await outage.fingerprint("C-2")
    assert (await outage.stanch_says("commander", "approve", "INC-1", "C-2", "--fingerprint", again)).status == 0
    undone = await outage.stanch_says("commander", "apply", "INC-1", "C-2", "--wait", "45s")
    assert undone.out.rstrip().endswith("INC-1 C-2: done and reads back")
    assert await outage.served() == before

    shown = await outage.stanch_says("newcomer", "incidents", "INC-1")
    assert "C-1  undone" in shown.out
    assert "U0COMMANDER (from the terminal): Approved C-1" in shown.out
    assert "Chain verified" in shown.out


async def reached(outage: Outage, state: str) -> None:
    """Wait until C-1 of INC-1 is in a state."""
    incident = await outage.stanch.incidents.numbered(1)
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while (now := (await outage.stanch.containments.numbered(incident.id, 1)).state.value) != state:
        assert asyncio.get_running_loop().time() < deadline, now
        await asyncio.sleep(0.05)


async def test_a_level_without_approval_is_applied_by_who_planned_it_and_json_is_what_the_server_says(
    outage: Outage,
) -> None:
    await outage.stanch_says("responder", "declare", "Harmful advice", "--system", "support-assistant")
    tried = await outage.stanch_says("responder", "plan", "INC-1", "turn-the-feature-off", "--reason", "x", "--dry-run")
    assert tried.out.startswith("DRY RUN, not stored")
    assert "enabled: on -> off" in tried.out
    planned = await outage.stanch_says("responder", "plan", "INC-1", "turn-the-feature-off", "--reason", "x", "--json")
    assert json.loads(planned.out)["containment"]["number"] == 1
    asked = await outage.stanch_says("responder", "apply", "INC-1", "C-1")
    assert (asked.status, "name it with --fingerprint" in asked.err) == (2, True)
    looked_at = await outage.fingerprint("C-1")
    dry = await outage.stanch_says("responder", "apply", "INC-1", "C-1", "--dry-run")
    assert (dry.status, "Dry run, nothing was stored" in dry.out) == (0, True)
    late = await outage.stanch_says(
        "responder", "apply", "INC-1", "C-1", "--fingerprint", looked_at, "--wait", "3s", "--json"
    )
    assert (late.status, json.loads(late.out)["settled"]) == (4, False)


async def test_where_no_approver_can_be_reached_the_glass_is_broken_with_a_reason(outage: Outage) -> None:
    await outage.stanch_says("responder", "declare", "Harmful advice", "--system", "support-assistant")
    why = ("--input", "variation=v41", "--reason", "harmful advice since v42")
    await outage.stanch_says("responder", "plan", "INC-1", "roll-the-prompt-back", *why)
    words = ("approve", "INC-1", "C-1", "--break-glass", "nobody answers", "--fingerprint")
    looked_at = await outage.fingerprint("C-1")
    early = await outage.stanch_says("responder", *words, looked_at)
    assert (early.status, "Break-glass opens when" in early.err) == (1, True)
    outage.clock.advance(timedelta(minutes=6))
    broken = await outage.stanch_says("responder", *words, looked_at)
    assert (broken.status, broken.out) == (0, "INC-1 C-1: approved, about to be carried out\n")
    shown = await outage.stanch_says("commander", "incidents", "INC-1")
    assert "BREAK-GLASS on C-1 without the approval it needs: nobody answers" in shown.out


async def test_memberships_that_are_too_old_give_nobody_a_role(outage: Outage) -> None:
    await outage.stanch_says("responder", "declare", "Harmful advice", "--system", "support-assistant")
    outage.clock.advance(timedelta(hours=24))
    refused = await outage.stanch_says("responder", "plan", "INC-1", "turn-the-feature-off", "--reason", "x")
    assert (refused.status, "slack" in refused.err.lower()) == (1, True)
    assert (await outage.stanch_says("responder", "declare", "Something else")).status == 0


async def test_what_goes_wrong_is_one_sentence_and_a_status(outage: Outage, tmp_path: Path) -> None:
    newcomer = await outage.stanch_says("newcomer", "plan", "INC-1", "turn-the-feature-off", "--reason", "x")
    assert (newcomer.status, newcomer.err) == (1, "There is no INC-1; `stanch incidents` shows the open ones.\n")
    wrong = await outage.stanch_says("newcomer", "incidents", STANCH_TOKEN="stanch_0123456789_wrong")
    assert (wrong.status, wrong.err.count("\n"), "/incident token" in wrong.err) == (1, 1, True)
    nobody = await outage.stanch_says("newcomer", "incidents", STANCH_SERVER_URL="http://127.0.0.1:1")
    assert (nobody.status, nobody.err.count("\n"), "Nothing answers at" in nobody.err) == (3, 1, True)
    unset = await outage.stanch_says("newcomer", "incidents", STANCH_TOKEN="")
    assert (unset.status, unset.err.count("\n"), "STANCH_TOKEN is missing" in unset.err) == (2, 1, True)
    clear = await outage.stanch_says("newcomer", "incidents", STANCH_SERVER_URL="http://stanch.example.com")
    assert (clear.status, "must be https" in clear.err) == (2, True)
    words = await outage.stanch_says("newcomer", "approve", "INC-1", "seven")
    assert (words.status, "say C-7" in words.err) == (2, True)


async def test_what_a_stranger_wrote_moves_no_cursor(outage: Outage) -> None:
    async with httpx.AsyncClient(base_url=outage.stanch.url, trust_env=False) as client:
        answer = await client.post(
            "/api/v1/incidents",
            json={"title": "\x1b[2J\x1b]0;owned\x07 all \u202ewell"},
            headers={"Authorization": f"Bearer {outage.tokens['newcomer']}", "Idempotency-Key": "hostile-title"},
        )
    assert answer.status_code == 201
    for words in (["incidents"], ["incidents", "INC-1"]):
        shown = await outage.stanch_says("commander", *words)
        assert (shown.status, shown.err) == (0, "")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown.out)
        assert "all well" in shown.out
