"""A real HAProxy in front of two servers, and what tests ask of it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sdk import JsonObject
from tests.real.processes import free_ports, program, running
from tests.real.traffic import Backends

BACKEND: JsonObject = {"backend": "assistant"}
_RELOADED_WITHIN = 20

_CONFIGURATION = """
global
  stats socket ipv4@127.0.0.1:{admin} level admin
  stats socket ipv4@127.0.0.1:{user} level user
  stats socket {folder}/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend public
  bind 127.0.0.1:{port}
  stick-table type string len 64 size 10k expire 2m store http_req_rate(60s)
  http-request deny deny_status 403 if {{ src -f {folder}/clients.acl }}
  http-request deny deny_status 403 if {{ req.hdr(x-tenant) -f {folder}/tenants.acl }}
  http-request track-sc0 req.hdr(x-service)
  http-request set-var(txn.limit) req.hdr(x-service),map_str_int({folder}/limits.map,1000)
  http-request set-var(txn.rate) sc_http_req_rate(0)
  http-request deny deny_status 429 hdr retry-after 60 if {{ var(txn.rate),sub(txn.limit) gt 0 }}
  use_backend bound if {{ path_beg /bound }}
  use_backend fixed if {{ path_beg /fixed }}
  default_backend assistant
backend assistant
  balance roundrobin
  server old {old} weight 75
  server new {new} weight {weight}
backend bound
  balance roundrobin
  cookie SERVER insert indirect nocache
  server old {old} cookie old
  server new {new} cookie new
backend fixed
  balance static-rr
  server old {old} weight 75
  server new {new} weight 25
"""


@dataclass(frozen=True)
class HAProxy:
    """A running HAProxy.

    Attributes:
        url: What its clients ask.
        admin_url: Its stats socket; `user_url` is one that may only look, `unix_url` one in the file system.
    """

    url: str
    admin_url: str
    user_url: str
    unix_url: str
    folder: Path
    process: subprocess.Popen[bytes]
    configuration: dict[str, object]

    @property
    def clients(self) -> JsonObject:
        return {"acl": f"{self.folder}/clients.acl"}

    @property
    def tenants(self) -> JsonObject:
        return {"acl": f"{self.folder}/tenants.acl"}

    def limit_of(self, service: str) -> JsonObject:
        return {"map": f"{self.folder}/limits.map", "key": service}

    def say(self, command: str) -> str:
        """Have a command carried out as an administrator would; return what HAProxy says."""
        return _say(int(self.admin_url.rpartition(":")[2]), command)

    def configure(self, weight: int) -> None:
        """Give `new` another weight in the file, which HAProxy reads when it is reloaded."""
        _write(self.folder, {**self.configuration, "weight": weight})

    def reload(self) -> None:
        """Reload as an init system does, and wait until the old worker is gone."""
        old = self._worker()
        self.process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + _RELOADED_WITHIN
        while _lives(old) or self._worker() == old:
            assert time.monotonic() < deadline, "HAProxy did not reload"
            time.sleep(0.05)

    def _worker(self) -> int:
        lines = dict(line.partition(": ")[::2] for line in self.say("show info").splitlines())
        return int(lines["Pid"])


@contextmanager
def running_haproxy(folder: Path, backends: Backends) -> Iterator[HAProxy]:
    """Run HAProxy until the block ends.

    Raises:
        NotStarted: It is not installed, or did not answer.
    """
    found = program("haproxy")
    port, admin, user = free_ports(3)
    configuration = {"folder": folder, "port": port, "admin": admin, "user": user, "weight": 25}
    configuration |= {"old": backends.old, "new": backends.new}
    (folder / "clients.acl").write_text("192.0.2.1\n")
    (folder / "tenants.acl").write_text("")
    (folder / "limits.map").write_text("assistant 1000\n")
    file = _write(folder, configuration)

    def answers() -> bool:
        try:
            return _say(admin, "show info").startswith("Name: HAProxy")
        except OSError:
            return False

    with running([found, "-W", "-f", str(file)], answers, log=folder / "log") as process:
        yield HAProxy(
            url=f"http://127.0.0.1:{port}",
            admin_url=f"tcp://127.0.0.1:{admin}",
            user_url=f"tcp://127.0.0.1:{user}",
            unix_url=f"unix://{folder}/admin.sock",
            folder=folder,
            process=process,
            configuration=configuration,
        )


def _write(folder: Path, configuration: dict[str, object]) -> Path:
    file = folder / "haproxy.cfg"
    file.write_text(_CONFIGURATION.format(**configuration))
    return file


def _say(port: int, command: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{command}\n".encode())
        with connection.makefile() as answer:
            return answer.read()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
