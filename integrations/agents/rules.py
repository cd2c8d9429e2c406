"""What a control plane holds, which state may follow which, and which steps it lets an agent take."""

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from bot.sdk import JsonObject, Value

# The states that a control may go to; a revoked credential stays revoked.
_NEXT: Mapping[str, Mapping[str, frozenset[str]]] = {
    "agent": {"running": frozenset({"paused"}), "paused": frozenset({"running"})},
    "credential": {"valid": frozenset({"revoked"}), "revoked": frozenset()},
    "tool": {"enabled": frozenset({"disabled"}), "disabled": frozenset({"enabled"})},
    "memory": {"writable": frozenset({"read_only"}), "read_only": frozenset({"writable"})},
}


class Refusal(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Control(Value):
    """One control.

    Attributes:
        version: Counts its changes; its ETag.
        changed_at: When it changed last; what a simulated world can be made to depend on.
    """

    state: str
    about: str = ""
    version: int = Field(default=1, ge=1)
    changed_at: AwareDatetime | None = None

    @property
    def etag(self) -> str:
        """Its strong ETag."""
        return f'"{self.version}"'

    def public(self) -> JsonObject:
        """Return it as the API shows it."""
        shown = self.model_dump(mode="json", include={"state", "about", "changed_at"})
        return {name: value for name, value in shown.items() if value is not None}


class Agent(Value):
    """An agent with all its controls."""

    control: Control = Control(state="running")
    credentials: dict[str, Control] = Field(default_factory=dict)
    tools: dict[str, Control] = Field(default_factory=dict)
    memory: Control = Control(state="writable")


class Agents(Value):
    """The reference server's document in the world."""

    agents: dict[str, Agent] = Field(default_factory=dict)
    token: str = "agents-token-of-the-reference"  # noqa: S105 - the simulator's, printed in the README

    def agent(self, name: str) -> Agent:
        """Return an agent."""
        if name not in self.agents:
            raise Refusal(404, f"there is no agent {name}")
        return self.agents[name]


def control_of(agent: Agent, kind: str, item: str) -> Control:
    """Return a control of an agent: its own, its memory's, or that of a credential or tool."""
    if kind == "agent":
        return agent.control
    if kind == "memory":
        return agent.memory
    items = agent.credentials if kind == "credential" else agent.tools
    if item not in items:
        raise Refusal(404, f"the agent has no {kind} {item}")
    return items[item]


def with_control(agent: Agent, kind: str, item: str, control: Control) -> Agent:
    """Return an agent with one control replaced."""
    if kind == "agent":
        return agent.changed(control=control)
    if kind == "memory":
        return agent.changed(memory=control)
    if kind == "credential":
        return agent.changed(credentials={**agent.credentials, item: control})
    return agent.changed(tools={**agent.tools, item: control})


def check_state(kind: str, wanted: str) -> None:
    """Refuse a state that the kind does not have."""
    if wanted not in _NEXT[kind]:
        raise Refusal(422, f"the state of this {kind} is one of {', '.join(_NEXT[kind])}")


def check_transition(kind: str, current: str, wanted: str) -> None:
    """Refuse a state that cannot follow."""
    if wanted not in _NEXT[kind][current]:
        raise Refusal(409, f"a {kind} that is {current} cannot become {wanted}")


class Step(Value):
    """What an agent is about to do, as its runtime asks about it."""

    credential: str | None = None
    tool: str | None = None
    writes_memory: bool = False


def obstacle(agent: Agent, step: Step) -> str | None:
    """Return why an agent may not take a step; `None` when it may."""
    if agent.control.state != "running":
        return "the agent is paused"
    for kind, item, usual in (("credential", step.credential, "valid"), ("tool", step.tool, "enabled")):
        if item is not None and (found := control_of(agent, kind, item)).state != usual:
            return f"the {kind} {item} is {found.state}"
    if step.writes_memory and agent.memory.state != "writable":
        return "the memory is read-only"
    return None
