"""Unleash: switches flags off, also for one segment, narrows rollouts, rolls variations back, pulls kill switches."""

from bot.sdk import Integration
from integrations.unleash.actions import PullKillSwitch, RollBackVariation, SetRollout, SwitchOff, SwitchSegmentOff
from integrations.unleash.client import TITLE, Settings
from integrations.unleash.simulator import simulator

INTEGRATION = Integration(
    name="unleash",
    title=TITLE,
    settings=Settings,
    actions=(SwitchOff, SetRollout, RollBackVariation, SwitchSegmentOff, PullKillSwitch),
    simulator=simulator,
    simulated={"url": "http://unleash.simulated", "token": "*:*.simulated"},
)
