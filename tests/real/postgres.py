"""A PostgreSQL on TCP that can be taken away and given back, as an outage does to a program that uses it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from tempfile import TemporaryDirectory
from typing import Self

import psycopg
from psycopg.sql import SQL, Identifier

from tests.postgres import installed_for_this_user
from tests.real.processes import NotStarted, free_port, stop

_START_SECONDS = 30
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}


class Postgres:
    """One server on 127.0.0.1 with its data; it can be stopped and started."""

    def __init__(self, root: Path) -> None:
        """Make the data in an empty folder."""
        self._root = root
        self._log = root / "log"
        self._port = free_port()
        self._installed, self._run_as = installed_for_this_user(root)
        subprocess.run(
            [self._installed / "bin/initdb", "-D", root / "data", "-U", "stanch", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd=root,
            env=_ENVIRONMENT,
            **self._run_as,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, and return when connections are taken."""
        place = ["-D", str(self._root / "data"), "-k", str(self._root), "-h", "127.0.0.1", "-p", str(self._port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._installed / "bin/postgres", *place, "-c", "fsync=off"],
                stdout=log,
                stderr=log,
                cwd=self._root,
                env=_ENVIRONMENT,
                **self._run_as,
            )
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise NotStarted(f"PostgreSQL did not start:\n{self._log.read_text()}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End the server and every connection to it; the data stays."""
        if self._process is not None:
            # PostgreSQL's fast shutdown; on SIGTERM it would wait for its clients to leave.
            stop(self._process, how=SIGINT)
            self._process = None

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://stanch@127.0.0.1:{self._port}/{name}"

    def create(self, name: str) -> str:
        """Make an empty database; return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return self.url(name)


@contextmanager
def running_postgres_on_tcp() -> Iterator[Postgres]:
    """Run a server of its own."""
    # Directly below the temporary folder: the path of a socket may have 107 characters at most.
    with TemporaryDirectory(prefix="stanch-pg-") as root:
        server = Postgres(Path(root)).start()
        try:
            yield server
        finally:
            server.stop()
