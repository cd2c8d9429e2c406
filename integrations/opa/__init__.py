"""Open Policy Agent: tightens thresholds, denies patterns and topics, enables rules, rolls policy modules back."""

from bot.sdk import Integration
from integrations.opa.client import TITLE, Settings
from integrations.opa.denied import DenyPattern, DenyTopic
from integrations.opa.policies import RollBackPolicy
from integrations.opa.simulator import TOKEN, simulator
from integrations.opa.values import EnableRule, RaiseLogSampling, TightenThreshold

INTEGRATION = Integration(
    name="opa",
    title=TITLE,
    settings=Settings,
    actions=(TightenThreshold, DenyPattern, DenyTopic, EnableRule, RaiseLogSampling, RollBackPolicy),
    simulator=simulator,
    simulated={"url": "http://opa.simulated", "token": TOKEN},
)
