"""Agents: pause one, revoke its credential, disable a tool of it, stop its memory writes."""

from bot.sdk import Integration
from integrations.agents.actions import DisableTool, Pause, RevokeCredential, StopMemoryWrites
from integrations.agents.client import Settings
from integrations.agents.server import simulator

INTEGRATION = Integration(
    name="agents",
    title="Agents",
    settings=Settings,
    actions=(Pause, RevokeCredential, DisableTool, StopMemoryWrites),
    simulator=simulator,
    simulated={"url": "http://agents.simulated", "token": "agents-token-of-the-reference"},
)
