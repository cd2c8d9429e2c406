"""Kubernetes: scales deployments, stops them, rolls them back by one revision."""

import ssl

import httpx

from bot.sdk import Integration
from integrations.kubernetes.client import TITLE, Settings
from integrations.kubernetes.rollouts import UndoRollout
from integrations.kubernetes.scaling import Scale, Stop
from integrations.kubernetes.simulator import TOKEN, simulator


def _transport(settings: Settings) -> httpx.AsyncBaseTransport:
    """Return a transport that trusts the cluster's own authority, where one is named."""
    return httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=settings.ca_file), trust_env=False)


INTEGRATION = Integration(
    name="kubernetes",
    title=TITLE,
    settings=Settings,
    actions=(Scale, Stop, UndoRollout),
    simulator=simulator,
    simulated={"url": "http://kubernetes.simulated", "token": TOKEN},
    transport=_transport,
)
