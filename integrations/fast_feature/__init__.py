"""fast-feature, a flag server that speaks OFREP: serves the off variant, narrows rollouts, takes a group out."""

from bot.sdk import Integration
from integrations.fast_feature.actions import (
    PullKillSwitch,
    RollBackVariation,
    SetRollout,
    SwitchOff,
    SwitchSegmentOff,
)
from integrations.fast_feature.client import Settings
from integrations.fast_feature.simulator import simulator

INTEGRATION = Integration(
    name="fast_feature",
    title="fast-feature (OFREP)",
    settings=Settings,
    actions=(SwitchOff, SetRollout, RollBackVariation, SwitchSegmentOff, PullKillSwitch),
    simulator=simulator,
    simulated={"url": "http://fast-feature.simulated"},
)
