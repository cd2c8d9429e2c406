"""Prometheus: reads harm signals."""

from bot.sdk import Integration
from integrations.prometheus.signals import Settings, signals
from integrations.prometheus.simulator import simulator

INTEGRATION = Integration(
    name="prometheus",
    title="Prometheus",
    settings=Settings,
    signals=signals,
    simulator=simulator,
    simulated={"url": "http://prometheus.simulated"},
)
