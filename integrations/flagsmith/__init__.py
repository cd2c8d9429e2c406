"""Flagsmith: switches flags off, also for one segment, narrows the share of variants, rolls values back."""

from bot.sdk import Integration
from integrations.flagsmith.actions import RollBackValue, SetRollout, SwitchOff, SwitchSegmentOff
from integrations.flagsmith.client import NAME, TITLE, Settings
from integrations.flagsmith.simulator import simulator

INTEGRATION = Integration(
    name=NAME,
    title=TITLE,
    settings=Settings,
    actions=(SwitchOff, SetRollout, RollBackValue, SwitchSegmentOff),
    simulator=simulator,
    simulated={"url": "http://flagsmith.simulated", "token": "ser-simulated"},
)
