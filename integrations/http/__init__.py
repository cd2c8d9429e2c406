"""Any HTTP API, declared in the connections file: for every system that has no integration of its own."""

from bot.sdk import Integration
from integrations.http.actions import ACTIONS
from integrations.http.settings import Settings
from integrations.http.simulator import simulator

INTEGRATION = Integration(
    name="http",
    title="HTTP, as declared",
    settings=Settings,
    actions=ACTIONS,
    simulator=simulator,
    simulated={"url": "http://http.simulated", "token": "token-of-the-simulator"},
)
