"""The threat model names tests: they must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_threat_model_names_exists() -> None:
    section = (ROOT / "bot" / "README.md").read_text(encoding="utf-8").split("### Threat model")[1]
    named = set(re.findall(r"`(test_\w+)`", section))
    written = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 20
    assert sorted(name for name in named if f"def {name}(" not in written) == []
