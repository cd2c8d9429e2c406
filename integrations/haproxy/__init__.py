"""HAProxy: moves weights, drains servers, blocks clients, lowers limits, all over its Runtime API."""

from bot.sdk import Integration
from integrations.haproxy.balancer import Drain, SetWeight, TakeOut
from integrations.haproxy.client import TITLE, Settings
from integrations.haproxy.entries import BlockClient, BlockValue, SetLimit
from integrations.haproxy.simulator import simulator
from integrations.haproxy.transport import transport

INTEGRATION = Integration(
    name="haproxy",
    title=TITLE,
    settings=Settings,
    actions=(SetWeight, Drain, TakeOut, BlockClient, BlockValue, SetLimit),
    simulator=simulator,
    simulated={"url": "tcp://haproxy.simulated:9999"},
    transport=transport,
)
