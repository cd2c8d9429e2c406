"""Sends a storm of Alertmanager webhooks over a few kept connections, as fast as they are answered.

Usage: `python -m benchmarks.alerts URL [--alerts N --fingerprints N --groups N --clients N --token T]`. Every request
is built before the clock starts. Prints one JSON object: when it began and ended (seconds since the epoch), how many
alerts were accepted, and every latency. It speaks just enough HTTP to keep out of the way of what it measures.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.domain.values import JsonObject, digest

_LOOPBACK = {"127.0.0.1", "localhost"}
# Opens an incident for every group of the storm, as the floor does.
PLAYBOOK = {
    "id": "flagged-answers",
    "version": 1,
    "title": "Flagged answers",
    "summary": "A grader flags too many answers.",
    "signals": [
        {
            "id": "inference",
            "when": {"label_is": {"name": "job", "any_of": ["inference"]}},
            "because": "the alert comes from inference",
        }
    ],
    "severity": {"base": "SEV3"},
    "auto_declare": {"at_least": "SEV3"},
}


@dataclass(frozen=True)
class Shape:
    """Of a storm: so many alerts over so many fingerprints, which fall into so many groups."""

    alerts: int = 10_000
    fingerprints: int = 200
    groups: int = 20
    clients: int = 16


def webhook(number: int, groups: int, began: str) -> JsonObject:
    """Return what Alertmanager posts about one of the fingerprints."""
    group, rule = number % groups, f"AnswerQualityLow{number % groups:02d}"
    own = {"instance": f"replica-{number:04d}:8000", "severity": ("critical", "warning", "info")[number % 3]}
    shared = {
        "alertname": rule,
        "service": f"assistant-{group:02d}",
        "model": f"model-{group:02d}",
        "cluster": "eu-central",
        "namespace": "assistants",
        "job": "inference",
        "team": "assistants",
        "region": "eu-central-1",
    }
    annotations = {
        "summary": f"Answers of model-{group:02d} on replica-{number:04d} were flagged too often for 5 minutes",
        "description": "Of the answers in the last 5 minutes 12.5 % were flagged by the grader; 2 % are expected. " * 3,
        "runbook_url": f"https://runbooks.example.com/answers/{group:02d}",
        "dashboard": "https://dashboards.example.com/d/answers?var-model=all",
    }
    firing = {
        "status": "firing",
        "labels": shared | own,
        "annotations": annotations,
        "startsAt": began,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=rate%28flagged_total%5B5m%5D%29&g0.tab=1",
        "fingerprint": digest(shared | own)[:16],
    }
    return {
        "version": "4",
        "groupKey": f'{{}}/{{team="assistants"}}:{{alertname="{rule}", service="{shared["service"]}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "stanch",
        "groupLabels": {"alertname": rule, "service": shared["service"]},
        "commonLabels": shared,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.example.com:9093",
        "alerts": [firing],
    }


def requests(url: str, shape: Shape, token: str) -> list[bytes]:
    """Return the storm as complete HTTP requests, in an order that is the same in every run."""
    parts = urlsplit(url)
    if parts.hostname not in _LOOPBACK:
        raise ValueError("a storm is sent to this machine only")
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    built = []
    for number in range(shape.fingerprints):
        body = json.dumps(webhook(number, shape.groups, began), separators=(",", ":")).encode()
        built.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    order = [index % shape.fingerprints for index in range(shape.alerts)]
    random.Random(7).shuffle(order)  # noqa: S311 - the same storm every time
    return [built[number] for number in order]


async def _send(url: str, left: Iterator[bytes], statuses: Counter[int], latencies: list[float]) -> None:
    """Be one client: send what is left, one request after the other."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for request in left:
        sent = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, _, length = head.partition(b"content-length:")
        await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        latencies.append(time.perf_counter() - sent)
        statuses[int(head[9:12])] += 1
    writer.close()
    await writer.wait_closed()


async def storm(url: str, shape: Shape, token: str) -> JsonObject:
    """Send a storm and return what became of it."""
    left = iter(requests(url, shape, token))
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    began = time.time()
    await asyncio.gather(*[_send(url, left, statuses, latencies) for _ in range(shape.clients)])
    ended = time.time()
    return {"began": began, "ended": ended, "statuses": dict(statuses), "latencies": latencies}


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    for name in ("alerts", "fingerprints", "groups", "clients"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Shape, name))
    parser.add_argument("--token", default="")
    return parser.parse_args()


if __name__ == "__main__":
    given = _parsed()
    asked = Shape(given.alerts, given.fingerprints, given.groups, given.clients)
    sys.stdout.write(json.dumps(asyncio.run(storm(given.url, asked, given.token))))
