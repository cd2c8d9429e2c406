"""A PostgreSQL server that can be stopped hard and started again, with what it had acknowledged kept.

Unlike the server of the other tests it answers a commit only once the log is written: stopped hard, it must still know
every transaction that it acknowledged.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.postgres import installed_for_this_user

_START_SECONDS = 60
# The machine stays up, so nothing waits for its disk.
_SETTINGS = ("fsync=off", "shared_buffers=32MB", "max_connections=100")
_ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
# Stops the server as `pg_ctl stop -m immediate` does when its standard input ends, however the campaign ends.
_GUARDIAN = '"$@" & cat; kill -QUIT "$!"; wait "$!"'


@contextmanager
def restartable_postgres(settings: Sequence[str] = _SETTINGS) -> Iterator["Server"]:
    """Run a server that listens on a socket file only, until the block ends."""
    root = Path(tempfile.mkdtemp(prefix="stanch-chaos-pg-"))
    server = Server(root, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop_hard()
        shutil.rmtree(root)


class Server:
    """One server with one database, `stanch`."""

    def __init__(self, root: Path, settings: Sequence[str] = _SETTINGS) -> None:
        """Install into an empty directory."""
        self._root = root
        self._settings = settings
        self._installed, self._run_as = installed_for_this_user(root)
        self._guardian: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [self._installed / "bin/initdb", "-D", root / "data", "-U", "stanch", "-A", "trust", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=root,
            env=_ENVIRONMENT,
            **self._run_as,
        )

    @property
    def url(self) -> str:
        """Address of the database."""
        return f"postgresql://stanch@/postgres?host={self._root}"

    def start(self) -> None:
        """Start and return when it answers.

        Raises:
            RuntimeError: It does not.
        """
        settings = [part for setting in self._settings for part in ("-c", setting)]
        postgres, data = str(self._installed / "bin/postgres"), str(self._root / "data")
        program = [postgres, "-D", data, "-k", str(self._root), "-h", "", *settings]
        with (self._root / "log").open("ab") as log:
            self._guardian = subprocess.Popen(
                ["/bin/sh", "-c", _GUARDIAN, "postgres", *program],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
                **self._run_as,
            )
        self._wait_until_it_answers()

    def stop_hard(self) -> None:
        """End every server process at once, without a checkpoint."""
        if self._guardian is None:
            return
        self._guardian.communicate()
        self._guardian = None

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {(self._root / 'log').read_text()}") from error
                time.sleep(0.05)
            else:
                return
