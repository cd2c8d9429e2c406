"""Envoy: moves weights and shares of routes, turns rate limits and aborts on, all over its admin API."""

from bot.sdk import Integration
from integrations.envoy.client import TITLE, Settings
from integrations.envoy.fractions import AbortRequests, LimitRate, SetShare
from integrations.envoy.simulator import simulator
from integrations.envoy.weights import SetWeight

INTEGRATION = Integration(
    name="envoy",
    title=TITLE,
    settings=Settings,
    actions=(SetWeight, SetShare, LimitRate, AbortRequests),
    simulator=simulator,
    simulated={"url": "http://envoy.simulated"},
)
