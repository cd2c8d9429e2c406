"""Prometheus Alertmanager: receives the webhooks that it sends."""

from bot.sdk import Integration
from integrations.alertmanager.alerts import parse

INTEGRATION = Integration(name="alertmanager", title="Prometheus Alertmanager", alerts=parse)
