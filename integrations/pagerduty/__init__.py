"""PagerDuty: wakes whoever is on call, by the Events API v2."""

from bot.sdk import Integration
from integrations.pagerduty.pager import EventsPager, Settings
from integrations.pagerduty.simulator import simulator

INTEGRATION = Integration(
    name="pagerduty",
    title="PagerDuty",
    settings=Settings,
    pager=EventsPager,
    simulator=simulator,
    simulated={"routing_key": "0" * 32},
)
