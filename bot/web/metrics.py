"""Figures for Prometheus: one registry an app, so that two apps of a process do not count into each other.

Every label has few values, all of our own making: nothing that a stranger sends becomes one.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException

from bot.domain.alert import Alert
from bot.domain.severity import Severity
from bot.errors import Busy, StoreUnavailable
from bot.sdk import ForeignPayload

_OUTCOMES = {401: "unauthorized", 413: "too_large", 415: "unsupported_encoding"}
_INTAKE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What one app has counted."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.registry = CollectorRegistry()
        self._deliveries = Counter(
            "stanch_alert_deliveries",
            "Requests that brought alerts, by what became of them.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self._alerts = Counter(
            "stanch_alerts_stored", "Alerts stored, repeats included.", ["source", "status"], registry=self.registry
        )
        self.intake_seconds = Histogram(
            "stanch_intake_seconds",
            "From a parsed delivery to its commit.",
            buckets=_INTAKE_BUCKETS,
            registry=self.registry,
        )
        self._requests = Counter(
            "stanch_http_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self._open = Gauge(
            "stanch_open_incidents",
            "Live incidents that are open; absent while the database cannot be read.",
            ["severity"],
            registry=self.registry,
        )

    @contextmanager
    def delivery(self, source: str) -> Iterator[None]:
        """Count one delivery by how the block ends."""
        outcome = "failed"
        try:
            yield
            outcome = "accepted"
        except HTTPException as error:
            outcome = _OUTCOMES.get(error.status_code, outcome)
            raise
        except ForeignPayload:
            outcome = "foreign"
            raise
        except Busy:
            outcome = "busy"
            raise
        except StoreUnavailable:
            outcome = "unavailable"
            raise
        finally:
            self._deliveries.labels(source, outcome).inc()

    def count_alerts(self, source: str, alerts: Iterable[Alert]) -> None:
        """Count alerts that were stored."""
        for status, count in Tally(alert.status for alert in alerts).items():
            self._alerts.labels(source, status.value).inc(count)

    def count_request(self, route: str, status: int | None) -> None:
        """Count one request; `None` is a sender that hung up."""
        self._requests.labels(route, str(status) if status else "none").inc()

    def exposition(self, open_severities: Iterable[Severity] | None) -> bytes:
        """Return everything as Prometheus' text.

        Args:
            open_severities: One for each open incident; `None` when they cannot be read, which is not the same as none.
        """
        self._open.clear()
        if open_severities is not None:
            tally = Tally(open_severities)
            for severity in Severity:
                self._open.labels(severity.value).set(tally[severity])
        return generate_latest(self.registry)
