"""AWS WAF: lowers the limit of a rate-based rule, blocks a client by an IP set."""

from bot.sdk import Integration
from integrations.aws_waf.addresses import BlockClient
from integrations.aws_waf.client import TITLE, Settings
from integrations.aws_waf.rules import LowerLimit
from integrations.aws_waf.simulator import SIMULATED, simulator

INTEGRATION = Integration(
    name="aws_waf",
    title=TITLE,
    settings=Settings,
    actions=(LowerLimit, BlockClient),
    simulator=simulator,
    simulated=SIMULATED,
)
