"""A real fast-feature with its flags in memory, and an application that asks it through OpenFeature's own provider."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.real.processes import REPOSITORY, NotStarted, answers_at, free_port, running, stop

_BIN = REPOSITORY / ".cache" / "real" / "fast-feature" / "bin"
_APPLICATION = Path(__file__).with_name("ofrep_application.py")


class FastFeature:
    """The running server, through its admin API, as somebody other than Stanch uses it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = httpx.Client(base_url=f"{url}/admin/api", timeout=30, trust_env=False)

    def close(self) -> None:
        self._admin.close()

    def add(self, key: str, **fields: Any) -> None:
        self._call("POST", "/flags", {"key": key, **fields})

    def disable(self, key: str) -> None:
        """Disable a flag as its console does."""
        self._call("PATCH", f"/flags/{key}", {"enabled": False})

    def describe(self, key: str, **metadata: str) -> None:
        """Change a flag's metadata as somebody in its console would."""
        self._call("PUT", f"/flags/{key}", {**self.flag(key), "metadata": metadata})

    def delete(self, key: str) -> None:
        self._call("DELETE", f"/flags/{key}")

    def flag(self, key: str) -> dict[str, Any]:
        flag: dict[str, Any] = self._call("GET", f"/flags/{key}")
        return flag

    def _call(self, method: str, path: str, body: object = None) -> Any:
        response = self._admin.request(method, path, json=body)
        response.raise_for_status()
        return response.json() if response.content else None


@contextmanager
def running_fast_feature(logs: Path) -> Iterator[FastFeature]:
    """Run a server without flags."""
    command = _BIN / "fast-feature"
    if not command.exists():
        raise NotStarted("fast-feature is not installed: run `.ci/real-setup` first.")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {"FAST_FEATURE_ADMIN": "true", "FAST_FEATURE_BACKEND": "inmemory"}
    serve = [str(command), "serve", "--host", "127.0.0.1", "--port", str(port)]
    with running(serve, answers_at(f"{url}/admin/api/flags"), log=logs / "fast-feature.log", env=env):
        server = FastFeature(url)
        try:
            yield server
        finally:
            server.close()


class Application:
    """An application in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def asks(self, flag: str, *, default: bool, user: str = "user-1", **attributes: str) -> dict[str, Any]:
        """Return the value, variant, reason and error that OpenFeature gives the application."""
        assert self._process.stdin
        assert self._process.stdout
        question = {"flag": flag, "default": default, "user": user, "attributes": attributes}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def share(self, flag: str, **attributes: str) -> float:
        """Return the percentage of 200 users who get the feature."""
        users = (f"user-{number}" for number in range(200))
        return sum(bool(self.asks(flag, default=False, user=user, **attributes)["value"]) for user in users) / 2


@contextmanager
def running_application(url: str) -> Iterator[Application]:
    """Run an application that asks a server."""
    command = [str(_BIN / "python"), str(_APPLICATION), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Application(process)
        finally:
            stop(process)
