"""What stands behind the real proxies and who asks them: two servers that say who they are, a client that counts."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answers = Counter[str]


@dataclass(frozen=True)
class Backends:
    """Two servers that answer `old` and `new`; their addresses."""

    old: str
    new: str


@contextmanager
def running_backends() -> Iterator[Backends]:
    """Run both until the block ends."""
    with _saying("old") as old, _saying("new") as new:
        yield Backends(old, new)


@contextmanager
def _saying(name: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of connections that end with the proxy."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(url: str, times: int, *, path: str = "/", source: str = "", headers: dict[str, str] | None = None) -> Answers:
    """Ask a proxy again and again; count the answers: who answered, or the status where nobody did.

    Args:
        source: Address of this machine to ask from, for proxies that tell clients apart.
    """
    answers: Answers = Counter()
    transport = httpx.HTTPTransport(local_address=source or None)
    with httpx.Client(transport=transport, headers=headers, timeout=10, trust_env=False) as client:
        for _ in range(times):
            response = client.get(url + path)
            answers[response.text if response.status_code == 200 else str(response.status_code)] += 1
    return answers
