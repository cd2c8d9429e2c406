"""A flag vendor over HTTP that remembers which calls it answered: Unleash's simulator on a world in memory.

Usage: `python -m benchmarks.vendor FLAGS`. It has flags `flag-1` to `flag-FLAGS`; `/calls` lists the calls that the
actions made, oldest first.
"""

import json
import sys
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks.stage import serve
from bot.domain.values import JsonObject
from bot.sdk import Simulator
from integrations.unleash import INTEGRATION
from tests.integrations.world import MemoryWorld

VARIATIONS = ("fixed", "broken")
TOKEN = "*:*.benchmark"  # noqa: S105 - made up


def world(flags: int) -> JsonObject:
    """Return flags that all serve the second variation to everybody."""
    began = datetime.now(UTC).isoformat()
    variants = [
        {"name": name, "weight": weight, "weightType": kind, "stickiness": "default"}
        for name, weight, kind in zip(VARIATIONS, (0, 1000), ("variable", "fix"), strict=True)
    ]
    strategy = {"name": "flexibleRollout", "parameters": {"rollout": "100", "stickiness": "default"}}
    environment = {"enabled": True, "changed_at": began, "strategies": [{**strategy, "variants": variants}]}
    features = {f"flag-{number}": {"environments": {"production": environment}} for number in range(1, flags + 1)}
    return {"features": features, "admin_token": TOKEN}


class Recorded:
    """Notes each call of the admin API with its body."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the vendor."""
        self._app = app
        self.calls: list[JsonObject] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and note."""
        body = bytearray()

        async def read() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self._app(scope, read, send)
        if scope["type"] == "http":
            sent = json.loads(bytes(body)) if body else None
            self.calls.append({"method": scope["method"], "path": scope["path"], "json": sent})


def app(flags: int) -> Starlette:
    """Return the vendor."""
    if INTEGRATION.simulator is None:
        raise RuntimeError("Unleash has no simulator")
    declared = Simulator(
        connection="unleash", world=MemoryWorld({"unleash": world(flags)}), now=lambda: datetime.now(UTC)
    )
    vendor = Recorded(INTEGRATION.simulator(declared))

    async def calls(_: Request) -> Response:
        return JSONResponse(vendor.calls)

    return Starlette(routes=[Route("/calls", calls), Mount("/", vendor)])


if __name__ == "__main__":
    serve(app(int(sys.argv[1])))
