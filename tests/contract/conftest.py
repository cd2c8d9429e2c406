"""Fixtures of the local workspace."""

from collections.abc import AsyncIterator

import pytest_asyncio

from bot.workspace.client import Person
from tests.contract.workspace_fixtures import RunningWorkspace, run_workspace


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[RunningWorkspace]:
    """A local workspace without a rate limit."""
    async with run_workspace() as running:
        yield running


@pytest_asyncio.fixture
async def commander(slack: RunningWorkspace) -> AsyncIterator[Person]:
    """The commander, at the page."""
    async with slack.person("commander") as person:
        yield person


@pytest_asyncio.fixture
async def responder(slack: RunningWorkspace) -> AsyncIterator[Person]:
    """The responder, at the page."""
    async with slack.person("responder") as person:
        yield person
