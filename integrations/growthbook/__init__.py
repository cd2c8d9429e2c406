"""GrowthBook: switches flags off, also for one segment, narrows rollouts, rolls values back."""

from bot.sdk import Integration
from integrations.growthbook.actions import RollBackValue, SetRollout, SwitchOff, SwitchSegmentOff
from integrations.growthbook.client import NAME, TITLE, Settings
from integrations.growthbook.simulator import simulator

INTEGRATION = Integration(
    name=NAME,
    title=TITLE,
    settings=Settings,
    actions=(SwitchOff, SetRollout, RollBackValue, SwitchSegmentOff),
    simulator=simulator,
    simulated={"url": "http://growthbook.simulated", "token": "secret_simulated"},
)
