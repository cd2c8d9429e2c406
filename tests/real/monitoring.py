"""A real Prometheus with one rule and a real Alertmanager that posts to Stanch, and what they watch.

Intervals are seconds where operators use minutes, so that a repeat and a resolution come while a test waits.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.real.processes import answers_at, free_port, program, running

SERVICE = "real-assistant"
QUERY = "sum(rate(support_assistant_harmful_answers_total[5s])) / sum(rate(support_assistant_answers_total[5s])) * 1000"
THRESHOLD = 0.5
_ANSWERS_A_SECOND = 200.0
_HARMFUL_A_SECOND = 1.0


class Assistant:
    """An assistant whose answers are counted: 5 of 1,000 are harmful while it does harm, none else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._harmful_since: float | None = None
        self._harmful_seconds = 0.0

    def do_harm(self) -> datetime:
        """Begin; return when."""
        with self._lock:
            self._harmful_since = time.monotonic()
        return datetime.now(UTC)

    def stop_harm(self) -> None:
        with self._lock:
            self._harmful_seconds = self._harmful_for()
            self._harmful_since = None

    def exposition(self) -> str:
        """Return the counters as Prometheus' text."""
        with self._lock:
            answers = (time.monotonic() - self._begun) * _ANSWERS_A_SECOND
            harmful = self._harmful_for() * _HARMFUL_A_SECOND
        return (
            "# TYPE support_assistant_answers_total counter\n"
            f"support_assistant_answers_total {answers}\n"
            "# TYPE support_assistant_harmful_answers_total counter\n"
            f"support_assistant_harmful_answers_total {harmful}\n"
        )

    def _harmful_for(self) -> float:
        running_for = 0.0 if self._harmful_since is None else time.monotonic() - self._harmful_since
        return self._harmful_seconds + running_for


@contextmanager
def exported(assistant: Assistant) -> Iterator[int]:
    """Serve the assistant's counters; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = assistant.exposition().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def running_alertmanager(folder: Path, *, stanch_url: str, token: str) -> Iterator[str]:
    """Run an Alertmanager whose only receiver is Stanch; yield its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    webhook = {
        "url": f"{stanch_url}/alerts/alertmanager",
        "send_resolved": True,
        "http_config": {"authorization": {"type": "Bearer", "credentials": token}},
    }
    route = {
        "receiver": "stanch",
        "group_by": ["alertname", "service"],
        "group_wait": "1s",
        "group_interval": "2s",
        "repeat_interval": "4s",
    }
    config = _written(
        folder / "alertmanager.yml",
        {"route": route, "receivers": [{"name": "stanch", "webhook_configs": [webhook]}]},
    )
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with running(command, answers_at(f"{url}/-/ready"), log=folder / "alertmanager.log"):
        yield url


@contextmanager
def running_prometheus(folder: Path, *, port: int, exporter: int, alertmanager_url: str) -> Iterator[str]:
    """Run a Prometheus that watches the exporter and tells Alertmanager; yield its URL."""
    url = f"http://127.0.0.1:{port}"
    rules = _written(folder / "rules.yml", {"groups": [{"name": "assistant", "rules": [_RULE]}]})
    target = alertmanager_url.removeprefix("http://")
    config = _written(
        folder / "prometheus.yml",
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]},
            "rule_files": [str(rules)],
            "scrape_configs": [
                {"job_name": "assistant", "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}]},
            ],
        },
    )
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, answers_at(f"{url}/-/ready"), log=folder / "prometheus.log"):
        yield url


_RULE = {
    "alert": "HarmfulAdviceRateHigh",
    "expr": f"{QUERY} > {THRESHOLD}",
    "labels": {"service": SERVICE, "failure_mode": "harmful-output", "harm_class": "medical"},
    "annotations": {
        "summary": "Real assistant gives harmful answers",
        "description": 'Harmful answers per 1,000: {{ $value | printf "%.1f" }}',
    },
}


@contextmanager
def monitored(assistant: Assistant, folder: Path, *, port: int, stanch_url: str, token: str) -> Iterator[str]:
    """Run all that stands between an assistant and Stanch; yield the URL of Prometheus, which listens on `port`."""
    with (
        exported(assistant) as exporter,
        running_alertmanager(folder, stanch_url=stanch_url, token=token) as alertmanager,
        running_prometheus(folder, port=port, exporter=exporter, alertmanager_url=alertmanager) as prometheus,
    ):
        yield prometheus


async def samples(prometheus_url: str) -> int:
    """Return how many samples of the harm signal Prometheus holds of the last minute."""
    end = time.time()
    params: dict[str, Any] = {"query": QUERY, "start": end - 60, "end": end, "step": 1}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.get(f"{prometheus_url}/api/v1/query_range", params=params)).json()
    return sum(len(series["values"]) for series in answer["data"]["result"])


def post_alert(alertmanager_url: str) -> None:
    """Tell Alertmanager of an alert as Prometheus would."""
    alert = {
        "labels": {"alertname": _RULE["alert"], **_labels()},
        "annotations": _RULE["annotations"],
        "startsAt": datetime.now(UTC).isoformat(),
    }
    httpx.post(f"{alertmanager_url}/api/v2/alerts", json=[alert], trust_env=False).raise_for_status()


def _labels() -> dict[str, str]:
    labels = _RULE["labels"]
    assert isinstance(labels, dict)
    return labels


def _written(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path
