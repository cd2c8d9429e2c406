"""The real servers, and a Stanch that is connected to them. Everything listens on free ports of 127.0.0.1.

Logs lie in pytest's temporary folder; an error that a server did not start names the file.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.postgres import Postgres, running_postgres_on_tcp
from tests.real.stanch import running_workspace
from tests.real.unleash import Unleash, running_unleash


@pytest.fixture
def workspace_url(tmp_path: Path) -> Iterator[str]:
    """A fresh local Slack workspace."""
    with running_workspace(tmp_path) as url:
        yield url


@pytest.fixture
def postgres_on_tcp() -> Iterator[Postgres]:
    """A PostgreSQL of this test alone, so that it may be taken away."""
    with running_postgres_on_tcp() as server:
        yield server


@pytest.fixture(scope="session")
def unleash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unleash]:
    """One Unleash for all tests; each uses flags of its own."""
    with (
        running_postgres_on_tcp() as database,
        running_unleash(database, tmp_path_factory.mktemp("unleash")) as server,
    ):
        yield server
