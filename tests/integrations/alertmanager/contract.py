"""Alertmanager for the contract suite: captures of a real one."""

from pathlib import Path

from tests.integrations.contract import AlertCase, Contract

CAPTURES = Path(__file__).parent


def captured(name: str) -> bytes:
    return (CAPTURES / f"alertmanager_{name}.json").read_bytes()


CONTRACT = Contract(
    alerts=AlertCase(
        wanted=tuple(path.read_bytes() for path in sorted(CAPTURES.glob("alertmanager_*.json"))),
        ignored=(b'{"version": "4", "groupKey": "{}:{}", "alerts": []}',),
        foreign=(
            b'{"version": "1", "alerts": [], "orgId": 1, "groupKey": "{}"}',
            b'{"version": "4", "alerts": {}, "groupKey": "{}"}',
        ),
    )
)
