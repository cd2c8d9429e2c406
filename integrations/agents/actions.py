"""What can be done to an agent, each thing by itself.

Pausing is not revoking: a paused agent's credential still opens doors for whoever holds it, and what was written into
its memory is still there when it goes on. So there is one action for each, and a plan names what it leaves as it is.
"""

from collections.abc import Sequence

import httpx

from bot.sdk import Guard, JsonObject, Level, NoParams, Proposal, Rejected, UserError, Value, fitting
from integrations.agents.client import NAME, AgentRef, ControlApi, CredentialRef, Settings, ToolRef

_WHOM = "The agent's control"


class _Control:
    """Moves one control from its usual state to the one that contains."""

    params_model: type[Value] = NoParams
    ref_model: type[Value] = AgentRef
    guard = Guard.CONDITIONAL
    offers_choices = False
    reversible = True

    _names: type[AgentRef] = AgentRef
    usual = ""
    contained = ""
    verb = ""
    leaves = ""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = ControlApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the control's state, and what the control plane says about it."""
        control, _ = await self._api.control(self._path(ref))
        return control.model_dump()

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the change of state; `None` when it is so.

        Raises:
            UserError: The control is in a state that this does not know.
        """
        target, _ = self._target(ref), fitting(NoParams, params, whom=_WHOM)
        if state["state"] == self.contained:
            return None
        if state["state"] != self.usual:
            raise UserError(f"{target} is {state['state']}; this only takes it from {self.usual} to {self.contained}.")
        about = (state["about"],) if state["about"] else ()
        return Proposal(
            before=state,
            after={**state, "state": self.contained},
            summary=f"{self.verb} {target}",
            blast_radius=(f"agent {target.agent}", *about, self.leaves),
        )

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - a desired state needs none
        """Set the state of `after`, unless it is so or the control reads neither as `before` nor as `after`."""
        path = self._path(ref)
        control, etag = await self._api.control(path)
        current = control.model_dump()
        if current == after:
            return
        if current != before:
            detail = f"somebody else changed it: it is {control.state} now; nothing was written"
            raise Rejected(NAME, "compare", status=409, detail=detail)
        await self._api.set_state(path, after["state"], etag)

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: there is no parameter."""
        return ()

    def _target(self, ref: JsonObject) -> AgentRef:
        return fitting(self._names, ref, whom=_WHOM)

    def _path(self, ref: JsonObject) -> str:
        return self._target(ref).path


class Pause(_Control):
    """Has an agent take no further step; what it holds and knows stays as it is."""

    name = "pause"
    title = "Pause an agent"
    lowest_level = Level.L6
    usual, contained, verb = "running", "paused", "Pause"
    leaves = (
        "not touched: its credentials stay valid, its tools enabled, its memory as it is; each is a step of its own"
    )


class RevokeCredential(_Control):
    """Makes a credential of an agent worthless, for the agent and for whoever else holds it; for good."""

    name = "revoke_credential"
    title = "Revoke an agent's credential"
    ref_model: type[Value] = CredentialRef
    _names = CredentialRef
    lowest_level = Level.L7
    reversible = False
    usual, contained, verb = "valid", "revoked", "Revoke the credential"
    leaves = "for good: the agent needs a new credential; not touched: the agent goes on, with its other credentials"

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:
        """Revoke the credential; refuse to make a revoked one valid again, without asking the control plane."""
        if after["state"] != self.contained:
            detail = "a revoked credential stays revoked: issue a new one"
            raise Rejected(NAME, "set state", status=409, detail=detail)
        await super().apply(ref, before, after, key=key)


class DisableTool(_Control):
    """Takes one tool from an agent; the agent goes on without it."""

    name = "disable_tool"
    title = "Disable a tool of an agent"
    ref_model: type[Value] = ToolRef
    _names = ToolRef
    lowest_level = Level.L3
    usual, contained, verb = "enabled", "disabled", "Disable the tool"
    leaves = "not touched: the agent goes on with its other tools, and the credential that the tool used stays valid"


class StopMemoryWrites(_Control):
    """Has an agent remember nothing new; what it has remembered stays."""

    name = "stop_memory_writes"
    title = "Stop an agent's memory writes"
    lowest_level = Level.L3
    usual, contained, verb = "writable", "read_only", "Stop the memory writes of"
    leaves = "not touched: what is in the memory stays and is still read; audit it before the agent goes on"

    def _path(self, ref: JsonObject) -> str:
        return f"{super()._path(ref)}/memory"
