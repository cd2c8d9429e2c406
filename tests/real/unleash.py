"""A real Unleash on PostgreSQL, and its admin API as somebody other than Stanch uses it.

Recipe: https://docs.getunleash.io/deploy/getting-started, with telemetry and update checks off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from UnleashClient.clients.unleash_client import UnleashClient

from tests.real.postgres import Postgres
from tests.real.processes import NODE_MODULES, answers_at, free_port, program, running

ADMIN_TOKEN = "*:*.unleash-admin-of-the-tests"
CLIENT_TOKEN = "default:production.unleash-client-of-the-tests"
FRONTEND_TOKEN = "default:production.unleash-frontend-of-the-tests"
PROJECT = "default"
ENVIRONMENT = "production"
_SERVER = NODE_MODULES / "unleash-server" / "dist" / "server.js"


class Unleash:
    """The running server, through its admin API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = httpx.Client(
            base_url=f"{url}/api/admin", headers={"Authorization": ADMIN_TOKEN}, timeout=30, trust_env=False
        )

    def close(self) -> None:
        self._admin.close()

    def add_flag(self, name: str, *strategies: dict[str, Any]) -> None:
        """Create a flag that is on in production, with strategies."""
        self._call("POST", f"/projects/{PROJECT}/features", {"name": name, "type": "release"})
        for strategy in strategies:
            self.add_strategy(name, strategy)
        self.turn(name, on=True)

    def add_strategy(self, name: str, strategy: dict[str, Any]) -> None:
        self._call("POST", f"{_environment(name)}/strategies", strategy)

    def turn(self, name: str, *, on: bool) -> None:
        self._call("POST", f"{_environment(name)}/{'on' if on else 'off'}")

    def narrow(self, name: str, rollout: str) -> None:
        """Change the rollout of a flag's first strategy, as somebody in Unleash's own page would."""
        self._patch_first(name, "/parameters/rollout", rollout)

    def release(self, name: str, *variants: dict[str, Any]) -> None:
        """Give a flag's first strategy these variations."""
        self._patch_first(name, "/variants", list(variants))

    def _patch_first(self, name: str, place: str, value: object) -> None:
        strategy = self.environment(name)["strategies"][0]
        operations = [{"op": "replace", "path": place, "value": value}]
        self._call("PATCH", f"{_environment(name)}/strategies/{strategy['id']}", operations)

    def add_segment(self, name: str) -> int:
        """Create a segment of everybody; return its number."""
        created: int = self._call("POST", "/segments", {"name": name, "constraints": []})["id"]
        return created

    def environment(self, name: str) -> dict[str, Any]:
        """Return all that decides who gets a flag in production, as Unleash tells it."""
        feature = self._call("GET", f"/projects/{PROJECT}/features/{name}")
        environment: dict[str, Any] = next(each for each in feature["environments"] if each["name"] == ENVIRONMENT)
        environment["strategies"].sort(key=lambda strategy: strategy["sortOrder"])
        return {"enabled": environment["enabled"], "strategies": environment["strategies"]}

    def changes(self, name: str) -> int:
        """Return how many changes of a flag are in Unleash's audit log."""
        return len(self._call("GET", f"/events/{name}")["events"])

    def _call(self, method: str, path: str, body: object = None) -> Any:
        response = self._admin.request(method, path, json=body)
        response.raise_for_status()
        return response.json() if response.content else None


def _environment(name: str) -> str:
    return f"/projects/{PROJECT}/features/{name}/environments/{ENVIRONMENT}"


def variant(name: str, weight: int, **fields: Any) -> dict[str, Any]:
    """One variation of a strategy; a `fix` one keeps its weight, `variable` ones share what is left."""
    payload = {"type": "string", "value": f"prompts/{name}"}
    return {"name": name, "weight": weight, "weightType": "fix", "stickiness": "userId", "payload": payload, **fields}


def gradual(name: str, *variants: dict[str, Any], rollout: str = "100", **fields: Any) -> dict[str, Any]:
    """One gradual rollout, by user."""
    parameters = {"rollout": rollout, "stickiness": "userId", "groupId": name}
    return {"name": "flexibleRollout", "parameters": parameters, "variants": list(variants), **fields}


@contextmanager
def application(url: str, cache: Path) -> Iterator[UnleashClient]:
    """Run an application's own Unleash SDK, which asks for changes every second; nothing in it is Stanch's."""
    client = UnleashClient(
        url=f"{url}/api",
        app_name="assistant",
        custom_headers={"Authorization": CLIENT_TOKEN},
        refresh_interval=1,
        disable_metrics=True,
        disable_registration=True,
        cache_directory=str(cache),
    )
    client.initialize_client()
    try:
        yield client
    finally:
        client.destroy()


def served(client: UnleashClient, flag: str, users: int = 50) -> set[str]:
    """Return the variations that an application's users are served."""
    return {client.get_variant(flag, {"userId": f"user-{number}"})["name"] for number in range(users)}


@contextmanager
def running_unleash(postgres: Postgres, logs: Path) -> Iterator[Unleash]:
    """Run Unleash on a fresh database."""
    port = free_port()
    env = {
        "DATABASE_URL": postgres.create("unleash"),
        "DATABASE_SSL": "false",
        "NODE_ENV": "production",
        "LOG_LEVEL": "warn",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "SEND_TELEMETRY": "false",
        "CHECK_VERSION": "false",
        "INIT_ADMIN_API_TOKENS": ADMIN_TOKEN,
        "INIT_CLIENT_API_TOKENS": CLIENT_TOKEN,
        "INIT_FRONTEND_API_TOKENS": FRONTEND_TOKEN,
    }
    url = f"http://127.0.0.1:{port}"
    command = [program("node"), str(_SERVER)]
    with running(command, answers_at(f"{url}/health"), log=logs / "unleash.log", env=env, within=120):
        server = Unleash(url)
        try:
            yield server
        finally:
            server.close()
