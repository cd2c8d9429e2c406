"""A short campaign of each kind; `make chaos` runs the long ones."""

import sys
from pathlib import Path

import pytest

from tests.chaos.campaign import Options, run

# Wave after wave until every promise was checked: as long as the slowest machine takes.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    "options",
    [
        Options(kills=6, seed=1, database="sqlite", replicas=1, storm=True),
        Options(kills=6, seed=2, database="postgresql", replicas=2, storm=True),
    ],
    ids=lambda options: options.database,
)
async def test_people_contain_incidents_with_a_stanch_that_is_killed_again_and_again(
    options: Options, tmp_path: Path
) -> None:
    report = await run(options, tmp_path, sys.stderr.write)
    assert report.is_as_it_must_be, report.table()
    assert report.done["kills"] >= options.kills
    assert report.paths > 0
