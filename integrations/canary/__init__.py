"""Canary: asks a live feature a question with a known safe answer, and tells whether what comes back is harmful."""

from bot.sdk import Integration
from integrations.canary.prober import HttpProber, Settings
from integrations.canary.simulator import simulator

INTEGRATION = Integration(
    name="canary",
    title="Canary",
    settings=Settings,
    prober=HttpProber,
    simulator=simulator,
    simulated={"url": "http://canary.simulated", "token": "token-of-the-simulator"},
)
