"""LaunchDarkly: switches flags off, also for one segment, narrows rollouts, rolls variations back."""

from bot.sdk import Integration
from integrations.launchdarkly.actions import RollBackVariation, SetRollout, SwitchOff, SwitchSegmentOff
from integrations.launchdarkly.client import NAME, TITLE, Settings
from integrations.launchdarkly.simulator import simulator

INTEGRATION = Integration(
    name=NAME,
    title=TITLE,
    settings=Settings,
    actions=(SwitchOff, SetRollout, RollBackVariation, SwitchSegmentOff),
    simulator=simulator,
    simulated={"url": "http://launchdarkly.simulated", "token": "api-simulated"},
)
