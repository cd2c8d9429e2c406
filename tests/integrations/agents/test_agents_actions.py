"""What containing an agent does, and what it leaves as it is."""

import asyncio

import httpx
import pytest

from bot.sdk import Action, JsonObject, Proposal, Rejected, Simulator, Unavailable, UserError
from integrations.agents import INTEGRATION
from integrations.agents.client import Settings
from tests.integrations.agents.contract import AGENT, CREDENTIAL, TOOL, WORLD
from tests.integrations.contract import NOW
from tests.integrations.wire import Wire
from tests.integrations.world import MemoryWorld

SETTINGS = Settings.model_validate(INTEGRATION.simulated)
STEP = {"credential": "payments-writer", "tool": "issue_refund"}


class ControlPlane:
    """The reference server, with what tests ask of it."""

    def __init__(self) -> None:
        self.world = MemoryWorld({"agents": WORLD})
        assert INTEGRATION.simulator
        self.wire = Wire(INTEGRATION.simulator(Simulator("agents", self.world, lambda: NOW)))
        self.client = httpx.AsyncClient(transport=self.wire, base_url=SETTINGS.url)

    def action(self, name: str) -> Action:
        return next(each for each in INTEGRATION.actions if each.name == name)(SETTINGS, self.client)

    async def plan(self, name: str, ref: JsonObject) -> Proposal:
        proposal = self.action(name).plan(ref, {}, await self.action(name).read(ref))
        assert proposal
        return proposal

    async def carry_out(self, name: str, ref: JsonObject) -> Proposal:
        proposal = await self.plan(name, ref)
        await self.action(name).apply(ref, proposal.before, proposal.after, key="k")
        return proposal

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {SETTINGS.token.get_secret_value()}", **headers}
        return await self.client.request(method, path, json=body, headers=sent)

    async def may(self, **step: object) -> JsonObject:
        """Ask as an agent's runtime does before a step."""
        answer: JsonObject = (await self.ask("POST", "/v1/agents/refund-agent/steps", step)).json()
        return answer

    async def opens_doors(self) -> bool:
        """Whether whoever is shown the credential would let its holder in."""
        body = {"agent": "refund-agent", "credential": "payments-writer"}
        return bool((await self.ask("POST", "/v1/introspect", body)).json()["active"])


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


async def test_pausing_an_agent_does_not_revoke_its_credential(plane: ControlPlane) -> None:
    proposal = await plane.carry_out("pause", AGENT)
    assert await plane.may(**STEP) == {"allowed": False, "reason": "the agent is paused"}
    assert await plane.opens_doors()
    assert (await plane.action("revoke_credential").read(CREDENTIAL))["state"] == "valid"
    assert "its credentials stay valid" in proposal.blast_radius[-1]


async def test_revoking_the_credential_does_not_pause_the_agent(plane: ControlPlane) -> None:
    await plane.carry_out("revoke_credential", CREDENTIAL)
    assert not await plane.opens_doors()
    assert await plane.may(**STEP) == {"allowed": False, "reason": "the credential payments-writer is revoked"}
    assert await plane.may(tool="look_up") == {"allowed": True}


async def test_disabling_a_tool_leaves_the_others_and_the_credential(plane: ControlPlane) -> None:
    await plane.carry_out("disable_tool", TOOL)
    assert await plane.may(tool="issue_refund") == {"allowed": False, "reason": "the tool issue_refund is disabled"}
    assert await plane.may(tool="look_up", credential="payments-writer") == {"allowed": True}


async def test_stopping_memory_writes_leaves_reading_and_acting(plane: ControlPlane) -> None:
    await plane.carry_out("stop_memory_writes", AGENT)
    assert await plane.may(writes_memory=True) == {"allowed": False, "reason": "the memory is read-only"}
    assert await plane.may(**STEP) == {"allowed": True}


async def test_a_plan_of_all_four_steps_is_carried_out_and_the_reversible_ones_taken_back(plane: ControlPlane) -> None:
    steps = [("disable_tool", TOOL), ("stop_memory_writes", AGENT), ("pause", AGENT), ("revoke_credential", CREDENTIAL)]
    done = [(name, ref, await plane.carry_out(name, ref)) for name, ref in steps]
    for name, ref, proposal in reversed(done[:-1]):
        await plane.action(name).apply(ref, proposal.after, proposal.before, key="u")
        assert await plane.action(name).read(ref) == proposal.before
    assert await plane.may(tool="issue_refund", writes_memory=True) == {"allowed": True}
    assert not await plane.opens_doors()


async def test_a_revocation_is_for_good_and_says_so_before(plane: ControlPlane) -> None:
    proposal = await plane.carry_out("revoke_credential", CREDENTIAL)
    assert proposal.blast_radius[-1].startswith("for good")
    asked = len(plane.wire.requests)
    with pytest.raises(Rejected, match="issue a new one"):
        await plane.action("revoke_credential").apply(CREDENTIAL, proposal.after, proposal.before, key="u")
    assert len(plane.wire.requests) == asked
    read = await plane.ask("GET", "/v1/agents/refund-agent/credentials/payments-writer")
    path = "/v1/agents/refund-agent/credentials/payments-writer/state"
    answer = await plane.ask("PUT", path, {"state": "valid"}, **{"If-Match": read.headers["ETag"]})
    assert answer.status_code == 409


async def test_what_changes_between_the_last_read_and_the_write_is_not_written_over(plane: ControlPlane) -> None:
    proposal = await plane.plan("pause", AGENT)

    def somebody_else(document: JsonObject) -> JsonObject:
        document["agents"]["refund-agent"]["control"] = {"state": "running", "about": "on call: ann", "version": 2}
        return document

    plane.world.meanwhile.append(("agents", somebody_else))
    with pytest.raises(Rejected, match="412: somebody else changed it"):
        await plane.action("pause").apply(AGENT, proposal.before, proposal.after, key="k")
    assert (await plane.action("pause").read(AGENT))["state"] == "running"


async def test_of_two_who_pause_at_once_both_find_it_paused(plane: ControlPlane) -> None:
    proposal = await plane.plan("pause", AGENT)
    action = plane.action("pause")
    twice = (action.apply(AGENT, proposal.before, proposal.after, key=str(n)) for n in range(2))
    outcomes = await asyncio.gather(*twice, return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, Rejected) for outcome in outcomes)
    assert await action.read(AGENT) == proposal.after
    assert plane.world.document("agents")["agents"]["refund-agent"]["control"]["version"] == 2


async def test_an_undo_whose_agent_was_deleted_is_refused(plane: ControlPlane) -> None:
    proposal = await plane.carry_out("pause", AGENT)
    plane.world.disturb("agents", lambda _: {"agents": {}})
    with pytest.raises(Rejected, match="404"):
        await plane.action("pause").apply(AGENT, proposal.after, proposal.before, key="u")


async def test_a_platform_that_says_yes_and_does_nothing_does_not_read_as_planned(plane: ControlPlane) -> None:
    proposal = await plane.plan("pause", AGENT)
    plane.wire.break_with(
        lambda request: httpx.Response(200, json={"state": "paused"}, request=request), concerns="writes"
    )
    await plane.action("pause").apply(AGENT, proposal.before, proposal.after, key="k")
    assert await plane.action("pause").read(AGENT) == proposal.before


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"1"'}], ids=["none", "weak"])
async def test_a_platform_without_strong_etags_is_not_trusted_with_a_write(
    plane: ControlPlane, headers: dict[str, str]
) -> None:
    plane.wire.break_with(
        lambda request: httpx.Response(200, json={"state": "running"}, headers=headers, request=request)
    )
    with pytest.raises(Unavailable, match="no strong ETag"):
        await plane.action("pause").read(AGENT)


async def test_a_state_that_is_neither_is_not_planned_from(plane: ControlPlane) -> None:
    with pytest.raises(UserError, match="is draining; this only takes it from running to paused"):
        plane.action("pause").plan(AGENT, {}, {"state": "draining", "about": ""})
