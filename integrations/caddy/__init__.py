"""Caddy: moves weights, drains upstreams, blocks clients, cuts a path off, all over its admin API."""

from bot.sdk import Integration
from integrations.caddy.balancer import Drain, SetWeight
from integrations.caddy.client import TITLE, Settings
from integrations.caddy.front import BlockClient, CutOff
from integrations.caddy.simulator import simulator

INTEGRATION = Integration(
    name="caddy",
    title=TITLE,
    settings=Settings,
    actions=(SetWeight, Drain, BlockClient, CutOff),
    simulator=simulator,
    simulated={"url": "http://caddy.simulated"},
)
