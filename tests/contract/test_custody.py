"""`stanch evidence`: what was preserved is checked and written out so that it can be verified without Stanch."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.custody import show_evidence
from bot.domain.timeline import TimelineEvent, chain_problems
from bot.errors import BadCommand, NotFound
from bot.store.mapping import table_of
from bot.store.sql import Store
from bot.store.tables import EvidenceRow
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import Responders


@pytest.fixture
async def environ(
    store: Store, clock: Clock, enqueued: list[Enqueued], database_url: str
) -> AsyncIterator[dict[str, str]]:
    """The settings of a Stanch in whose database INC-1 was contained."""
    team = Responders(store, clock, enqueued)
    await team.start()
    incident = await team.alerted()
    await team.carried_out(await team.approved(await team.planned(incident)))
    yield {
        "STANCH_DATABASE_URL": database_url,
        "STANCH_SLACK_BOT_TOKEN": "xoxb-1",
        "STANCH_SLACK_APP_TOKEN": "xapp-1",
        "STANCH_TIMELINE_KEY": "made-up-timeline-key",
    }
    await team.stop()


async def said(environ: dict[str, str], clock: Clock, label: str, folder: Path | None = None) -> tuple[int, str]:
    lines: list[str] = []
    status = await show_evidence(environ, label, folder, clock, lines.append)
    return status, "".join(lines)


async def test_each_piece_is_checked_and_named(environ: dict[str, str], clock: Clock) -> None:
    status, text = await said(environ, clock, "inc-1")
    assert status == 0
    assert text.count("as preserved") == 3
    assert "State of the target prompt at unleash" in text
    assert text.endswith("INC-1: 3 piece(s) of evidence. The timeline verifies.\n")


async def test_a_bundle_verifies_without_stanch(environ: dict[str, str], clock: Clock, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    status, _ = await said(environ, clock, "INC-1", folder)
    assert status == 0
    manifest = json.loads((folder / "manifest.json").read_text(encoding="ascii"))
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        *(each["file"] for each in manifest["evidence"]),
    }
    for each in manifest["evidence"]:
        content = (folder / each["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == each["sha256"]
        assert each["sha256"] in str(manifest["timeline"])
    assert chain_problems([TimelineEvent.model_validate(each) for each in manifest["timeline"]]) == []
    assert folder.stat().st_mode & 0o077 == 0


async def test_an_altered_piece_is_told_and_fails(environ: dict[str, str], clock: Clock, store: Store) -> None:
    async with store.session() as session:
        rows = table_of(EvidenceRow)
        victim = (await session.execute(rows.select())).mappings().first()
        assert victim is not None
        await session.execute(update(rows).where(rows.c.id == victim["id"]).values(content=b"nothing of it"))
    status, text = await said(environ, clock, "INC-1")
    assert status == 1
    assert text.count("is damaged") == 1


@pytest.mark.parametrize("label", ["", "C-1", "INC-", "INC-0", "INC-1 OR 1", "-1", "INC-12345678901"])
async def test_what_names_no_incident_is_refused(environ: dict[str, str], clock: Clock, label: str) -> None:
    with pytest.raises(BadCommand, match="such as INC-7"):
        await said(environ, clock, label)


async def test_an_incident_that_is_not_there_is_said_so(environ: dict[str, str], clock: Clock) -> None:
    with pytest.raises(NotFound, match="no incident INC-2"):
        await said(environ, clock, "2")


async def test_nothing_is_written_over(environ: dict[str, str], clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with pytest.raises(BadCommand, match="cannot be made"):
        await said(environ, clock, "INC-1", tmp_path / "theirs")
    with pytest.raises(BadCommand, match="cannot be made"):
        await said(environ, clock, "INC-1", tmp_path / "nowhere" / "deeper")
