"""A vendor that cannot be run here, played by its simulator, behind Prism with the schema that the vendor publishes.

Prism passes every request on and every answer back, and says in a header what of either violates the schema. So both
are checked: that the vendor would understand what Stanch asks, and that the simulator answers as the vendor does. What
no schema says, for example when a vendor refuses, it cannot check.
"""

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from bot.sdk import Action, AsgiApp, Integration, JsonObject, Simulator
from tests.integrations.contract import NOW
from tests.integrations.world import MemoryWorld
from tests.real.processes import REPOSITORY, NotStarted, free_port, running

_PRISM = REPOSITORY / ".cache/real/prism/node_modules/@stoplight/prism-cli/dist/index.js"
_SAMPLES = "STANCH_VENDOR_SAMPLES"


class Vendor:
    """An integration's simulator behind its vendor's schema.

    Attributes:
        world: The simulator's document has the integration's name.
        exchanged: What was asked and answered, as `GET /path 200`.
        violations: What of it violates the schema.
        unchecked: What the schema does not have, so that it went to the simulator alone.
    """

    def __init__(self, integration: Integration, world: MemoryWorld, url: str, routes: "_Routes") -> None:
        self._integration = integration
        self._routes = routes
        self.world = world
        self.url = url
        self.exchanged: list[str] = []
        self.violations: list[str] = []

    @property
    def unchecked(self) -> set[str]:
        return self._routes.unchecked

    def client(self) -> httpx.AsyncClient:
        """Return a client of which every exchange is recorded, from now on."""
        self.exchanged.clear()
        self.violations.clear()
        self.unchecked.clear()
        hooks = {"response": [self._record]}
        return httpx.AsyncClient(base_url=self.url, event_hooks=hooks, timeout=30, transport=self._routes)

    def action(self, name: str, client: httpx.AsyncClient, **settings: object) -> Action:
        """Return an action that goes through Prism; `settings` are those that differ from the simulated ones."""
        assert self._integration.settings
        given = self._integration.settings.model_validate({**self._integration.simulated, "url": self.url, **settings})
        return next(each for each in self._integration.actions if each.name == name)(given, client)

    async def _record(self, response: httpx.Response) -> None:
        told = f"{response.request.method} {response.request.url.path} {response.status_code}"
        self.exchanged.append(told)
        for violation in json.loads(response.headers.get("sl-violations", "[]")):
            self.violations.append(f"{told}: {'.'.join(map(str, violation['location']))}: {violation['message']}")


class _Routes(httpx.AsyncHTTPTransport):
    """Sends what a schema has through Prism, and all else past it, because Prism refuses to pass that on."""

    def __init__(self, schema: Path, upstream: str, base: str) -> None:
        super().__init__()
        paths = json.loads(schema.read_text(encoding="utf-8"))["paths"]
        self._known = [re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)) for path in paths]
        self._upstream = httpx.URL(upstream)
        self._base = base
        self.unchecked: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        below = url.path.removeprefix(self._base)
        if any(known.fullmatch(below) for known in self._known):
            raw_path = url.raw_path.removeprefix(self._base.encode())
            sent = httpx.Request(
                request.method,
                url.copy_with(raw_path=raw_path),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
            return await super().handle_async_request(sent)
        self.unchecked.add(f"{request.method} {url.path}")
        request.url = url.copy_with(port=self._upstream.port)
        return await super().handle_async_request(request)


@contextmanager
def running_vendor(
    integration: Integration, document: JsonObject, schema: str, logs: Path, *, base: str = ""
) -> Iterator[Vendor]:
    """Run an integration's simulator behind a schema of the vendor samples, whose paths lie below a base path."""
    assert integration.simulator
    world = MemoryWorld({integration.name: document})
    app = integration.simulator(Simulator(integration.name, world, lambda: NOW))
    file = _schema(schema)
    with _served(app) as upstream, running_prism(file, f"{upstream}{base}", logs) as url:
        yield Vendor(integration, world, url, _Routes(file, upstream, base))


@contextmanager
def running_prism(schema: Path, upstream: str, logs: Path) -> Iterator[str]:
    """Run Prism before a server, and return its address."""
    if not _PRISM.exists():
        raise NotStarted("Prism is not installed: run `.ci/real-setup` first.")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["node", str(_PRISM), "proxy", "--host", "127.0.0.1", "--port", str(port), str(schema), upstream]
    with running(command, lambda: _listens(url), log=logs / "prism.log"):
        yield url


@contextmanager
def _served(app: AsgiApp) -> Iterator[str]:
    """Serve an ASGI app on a thread of its own, because tests use a loop each."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 20
    while not _listens(url):
        if time.monotonic() > deadline:
            raise NotStarted("the simulator does not answer")
        time.sleep(0.05)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


def _listens(url: str) -> bool:
    try:
        httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def _schema(name: str) -> Path:
    """Return where a vendor's schema lies; it may not be copied into this repository.

    Raises:
        NotStarted: It is not there.
    """
    folder = Path(os.environ.get(_SAMPLES) or REPOSITORY.parent / "shared" / "samples")
    file = folder / "specs" / name
    if not file.exists():
        raise NotStarted(
            f"{file} is missing: set {_SAMPLES} to the folder of vendor samples (see tests/real/README.md)."
        )
    return file
