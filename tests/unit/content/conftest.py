from pathlib import Path

import pytest

from tests.unit.content.sample import FILES, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root without mistakes."""
    return write(tmp_path / "shipped", FILES)
