"""`stanch retention` says what would go, and neither changes nor disturbs anything."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.values import IncidentId
from bot.errors import ContentError, SettingsError, StoreUnavailable
from bot.store.migrations import migrate
from bot.store.sql import Store
from bot.upkeep import show_retention
from tests import builders
from tests.builders import Clock
from tests.contract.test_retention import add, numbered
from tests.contract.test_store_migrations import run

REQUIRED = {
    "STANCH_SLACK_BOT_TOKEN": "xoxb-1",
    "STANCH_SLACK_APP_TOKEN": "xapp-1",
    "STANCH_TIMELINE_KEY": "k" * 16,
}


async def shown(url: str, clock: Clock, **more: str) -> list[str]:
    lines: list[str] = []
    assert await show_retention({**REQUIRED, "STANCH_DATABASE_URL": url, **more}, clock, lines.append) == 0
    return "".join(lines).splitlines()


async def test_what_would_go_is_shown_while_stanch_holds_the_database(
    database_url: str, store: Store, clock: Clock
) -> None:
    async with store.begin() as tx:
        await add(tx, numbered(1, resolved=builders.NOW))
        await tx.receipts.first_time("request", clock())
    clock.advance(timedelta(days=800))
    expected = [
        "Retention policy version 2. What would go now; nothing is changed.",
        "requests                 kept 7 d         1 requests",
        "jobs                     kept 7 d         0 jobs",
        "group_members            kept 7 d         0 user groups",
        "tokens                   kept 90 d        0 tokens",
        "notes                    kept 30 d        0 notes",
        "alerts_without_incident  kept 90 d        0 groups of alerts",
        "alerts_of_incidents      kept 200 d       0 groups of alerts",
        "evidence                 kept 730 d       0 pieces of evidence",
        "personal_data            kept 730 d       1 incidents",
    ]
    async with store.begin() as tx:  # somebody is writing
        await tx.receipts.first_time("another request", clock())
        assert await shown(database_url, clock) == expected
    assert await shown(database_url, clock) == expected
    async with store.begin() as tx:
        assert (await tx.incidents.get(IncidentId("incident-1"))).redacted_at is None


async def test_a_policy_of_your_own_is_shown_with_what_it_holds(
    database_url: str, store: Store, clock: Clock, tmp_path: Path
) -> None:
    async with store.begin() as tx:
        await add(tx, numbered(1, resolved=builders.NOW))
    (tmp_path / "playbooks/rules").mkdir(parents=True)
    policy = tmp_path / "playbooks/rules/retention.yaml"
    policy.write_text("version: 5\nkeep: {alerts_of_incidents: 1d, evidence: 1d, personal_data: 1d}\nhold: [1, 9]\n")
    clock.advance(timedelta(days=800))
    lines = await shown(database_url, clock, STANCH_CONTENT=str(tmp_path))
    assert lines[0].startswith("Retention policy version 5.")
    assert lines[1].split() == ["requests", "kept", "for", "ever"]
    assert lines[-2].split() == ["personal_data", "kept", "1", "d", "0", "incidents"]
    assert lines[-1] == "Nothing goes of INC-1, INC-9: on hold."
    policy.write_text("version: 5\n")
    with pytest.raises(ContentError, match="`keep` is missing"):
        await shown(database_url, clock, STANCH_CONTENT=str(tmp_path))


async def test_a_database_of_another_schema_is_refused(unmigrated_url: str, clock: Clock) -> None:
    await asyncio.to_thread(migrate, unmigrated_url)
    run(unmigrated_url, "UPDATE stanch_version SET version_num = '0001'")
    with pytest.raises(SettingsError, match="of another schema"):
        await shown(unmigrated_url, clock)


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, clock: Clock) -> None:
    absent = tmp_path / "absent.db"
    with pytest.raises(SettingsError, match="There is no database at"):
        await shown(f"sqlite:///{absent}", clock)
    assert not absent.exists()


async def test_a_store_that_is_opened_for_reading_cannot_write(database_url: str, clock: Clock) -> None:
    async def enqueue_nothing(*_: object) -> None:
        """Stand in for the engine."""

    store = Store(database_url, now=clock, enqueue=enqueue_nothing, read_only=True)
    await store.open()
    with pytest.raises(StoreUnavailable):
        async with store.begin() as tx:
            await tx.receipts.first_time("request", clock())
    await store.close()
