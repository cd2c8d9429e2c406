"""What one replica leaves behind, dead or hung, another goes on with."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bot.store.database import blocking_url, normalised_url
from tests.chaos.replica import JOB
from tests.postgres import Databases

_PATIENCE_SECONDS = 60
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database_of_replicas(postgres: Databases) -> Iterator[str]:
    """An empty database; the engine makes its own tables."""
    name = f"replicas_{uuid4().hex}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture
async def database(database_of_replicas: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(normalised_url(database_of_replicas))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE worked (subject text, replica text, UNIQUE (subject, replica))"))
        await connection.execute(text("CREATE TABLE finish (subject text)"))
    yield engine
    await engine.dispose()


@pytest.fixture
def replica(database_of_replicas: str, database: AsyncEngine) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts a replica by name and returns its process once it takes jobs."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.replica", database_of_replicas, name], cwd=ROOT, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


async def _enqueue(url: str, database: AsyncEngine, subject: str) -> None:
    """Enqueue a job from a process that takes none."""
    script = (
        "import asyncio, sys\n"
        "from dbos import DBOSClient, DBOSPortableJSONSerializer\n"
        "client = DBOSClient(system_database_url=sys.argv[1], serializer=DBOSPortableJSONSerializer())\n"
        "client.enqueue({'workflow_name': 'stanch.job', 'queue_name': 'stanch-jobs', 'workflow_id': sys.argv[3],"
        " 'app_version': 'stanch-1'}, sys.argv[2], sys.argv[3])\n"
    )
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, blocking_url(url), JOB, subject], check=True, cwd=ROOT
    )


async def _workers(database: AsyncEngine, subject: str) -> set[str]:
    async with AsyncSession(database) as session:
        rows = await session.execute(text("SELECT replica FROM worked WHERE subject = :subject"), {"subject": subject})
        return set(rows.scalars())


async def _until(database: AsyncEngine, subject: str, count: int) -> set[str]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        workers = await _workers(database, subject)
        if len(workers) >= count:
            return workers
        await asyncio.sleep(0.1)
    raise AssertionError(f"{subject} was worked on by {await _workers(database, subject)} only")


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_another_replica_goes_on_with_what_one_left(
    database_of_replicas: str,
    database: AsyncEngine,
    replica: Callable[[str], subprocess.Popen[bytes]],
    fate: signal.Signals,
) -> None:
    first = await asyncio.to_thread(replica, "first")
    await _enqueue(database_of_replicas, database, "job-1")
    assert await _until(database, "job-1", 1) == {"first"}
    await asyncio.to_thread(replica, "second")
    first.send_signal(fate)
    assert await _until(database, "job-1", 2) == {"first", "second"}


async def test_a_replica_that_lives_keeps_its_work(
    database_of_replicas: str, database: AsyncEngine, replica: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    await asyncio.to_thread(replica, "first")
    await _enqueue(database_of_replicas, database, "job-1")
    assert await _until(database, "job-1", 1) == {"first"}
    third = await asyncio.to_thread(replica, "second")
    await _enqueue(database_of_replicas, database, "job-2")
    await _until(database, "job-2", 1)
    third.kill()
    await asyncio.to_thread(third.wait)
    await asyncio.sleep(0)
    assert await _workers(database, "job-1") == {"first"}
