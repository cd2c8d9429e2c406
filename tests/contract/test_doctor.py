"""The doctor: on a sound installation it finds nothing, and each thing that is wrong is found with how to mend it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app import Application
from bot.demo import story
from bot.serving import WebServer
from bot.settings import read_settings
from bot.store.database import sync_engine
from bot.store.migrations import migrate
from bot.store.sql import Store
from tests import builders
from tests.builders import Clock
from tests.collector import Collector, running_collector
from tests.contract.installation import SCOPES, SEED, Installation, now, seed_with


@pytest.fixture
async def bare(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Installation]:
    async with AsyncExitStack() as leaving:
        yield Installation(leaving, tmp_path, sqlite_url)


@pytest.fixture
async def sound(bare: Installation) -> Installation:
    await bare.use_slack(SEED)
    await bare.use_vendors()
    return bare


async def test_a_sound_installation_has_no_problem_and_no_warning(sound: Installation) -> None:
    status, said = await sound.examined()
    assert (status, said.splitlines()[-1]) == (0, "0 problem(s), 0 warning(s)."), said
    for about in (
        "settings: complete",
        "alerts: accepted from alertmanager",
        "has this program's schema",
        "timelines: the newest 0 verify",
        "slack bot: stanch in Local workspace",
        "clock: agrees",
        f"slack scopes: all {len(SCOPES)}",
        "slack requests: Socket Mode opens",
        "slack channel ai-alerts: the bot is a member",
        "slack group @incident-leads: 2 members (may approve)",
        "slack group @support-assistant-owners: 1 member (owns support-assistant)",
        "target support-assistant.prompt: reads, as unleash.roll_back_variation would",
        "signal support-assistant.harm_rate: reads 4.",
    ):
        assert about in said


async def test_every_wrong_setting_is_a_problem_and_nothing_else_is_tried(bare: Installation) -> None:
    del bare.variables["STANCH_SLACK_BOT_TOKEN"]
    bare.variables["STANCH_PORT"] = "many"
    status, said = await bare.examined()
    assert status == 1
    assert [line.split(":")[0] for line in said.splitlines()] == ["problem  settings"] * 2 + [
        "2 problem(s), 0 warning(s)."
    ]


async def test_content_that_does_not_check_is_named_by_file_and_line(sound: Installation) -> None:
    (sound.folder / "content" / "runbooks").mkdir(parents=True)
    (sound.folder / "content" / "runbooks" / "broken.yaml").write_text("id: [", encoding="utf-8")
    sound.variables["STANCH_CONTENT"] = str(sound.folder / "content")
    assert "problem  content: " in await sound.problem()


async def test_no_alert_source_with_a_token_is_a_warning(sound: Installation) -> None:
    del sound.variables["STANCH_ALERT_TOKEN_ALERTMANAGER"]
    assert "no source may send any: set STANCH_ALERT_TOKEN_<SOURCE>" in await sound.warning()


async def test_a_token_of_a_source_that_does_not_exist_is_a_problem(sound: Installation) -> None:
    sound.variables["STANCH_ALERT_TOKEN_ALERTMANGER"] = "made-up-alert-token"
    assert "STANCH_ALERT_TOKEN_ALERTMANGER is for no source" in await sound.problem()


async def test_a_file_that_is_not_there_yet_is_not_made_by_looking(sound: Installation, tmp_path: Path) -> None:
    sound.variables["STANCH_DATABASE_URL"] = f"sqlite:///{tmp_path / 'new' / 'stanch.db'}"
    status, said = await sound.examined()
    assert status == 0
    assert "is not there yet; the first start makes it" in said
    assert not (tmp_path / "new").exists()


async def test_a_file_that_is_no_database_is_a_problem(sound: Installation, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, whatever its name says" * 100, encoding="utf-8")
    sound.variables["STANCH_DATABASE_URL"] = f"sqlite:///{tmp_path / 'text.db'}"
    assert "text.db cannot be opened" in await sound.problem()


async def test_a_database_without_tables_is_fine(sound: Installation, unmigrated_url: str) -> None:
    engine = sync_engine(unmigrated_url)
    engine.connect().close()
    engine.dispose()
    sound.variables["STANCH_DATABASE_URL"] = unmigrated_url
    status, said = await sound.examined()
    assert (status, "is empty; the first start makes its tables" in said) == (0, True)


async def test_a_database_of_a_newer_stanch_is_a_problem(sound: Installation, unmigrated_url: str) -> None:
    await asyncio.to_thread(migrate, unmigrated_url)
    await spoilt(unmigrated_url, "UPDATE stanch_version SET version_num = '9999'")
    sound.variables["STANCH_DATABASE_URL"] = unmigrated_url
    assert "was migrated by a newer Stanch (schema 9999): run that version" in await sound.problem()


async def test_a_server_that_does_not_answer_is_a_problem_without_its_password(sound: Installation) -> None:
    sound.variables["STANCH_DATABASE_URL"] = "postgresql://stanch:made-up-password@/stanch?host=/nowhere"
    assert "PostgreSQL stanch on /nowhere cannot be opened" in await sound.problem()


async def test_a_running_stanch_is_asked_how_it_is(sound: Installation) -> None:
    free = WebServer("127.0.0.1", 0)
    sound.variables["STANCH_PORT"] = free.url.rpartition(":")[2]
    await free.stop()
    stanch = Application(read_settings(sound.variables), now)
    await stanch.start()
    status, said = await sound.examined()
    await stanch.stop()
    assert (status, "is ready: database ok, slack ok" in said) == (0, True), said


async def test_a_file_that_is_held_by_something_that_does_not_answer_is_a_problem(
    sound: Installation, sqlite_url: str
) -> None:
    free = WebServer("127.0.0.1", 0)
    sound.variables["STANCH_PORT"] = free.url.rpartition(":")[2]
    await free.stop()
    holding = Store(sqlite_url, now=now, enqueue=enqueue_nothing)
    await holding.open()
    found = await sound.problem()
    await holding.close()
    assert "Another Stanch uses" in found
    assert "/readyz (ConnectError)" in found


async def test_a_timeline_that_was_changed_is_a_problem(sound: Installation, database_url: str, clock: Clock) -> None:
    sound.variables["STANCH_DATABASE_URL"] = database_url
    store = Store(database_url, now=clock, enqueue=enqueue_nothing)
    await store.open()
    async with store.begin() as tx:
        await tx.incidents.add(builders.incident())
        await tx.timeline.append(builders.INCIDENT_ID, builders.fact(), builders.fact())
    await store.close()
    assert (await sound.examined())[0] == 0
    await spoilt(database_url, "DELETE FROM stanch_event WHERE seq = 1")
    assert "does not verify, event 1 is missing" in await sound.problem()


async def test_a_refused_bot_token_is_a_problem(sound: Installation) -> None:
    sound.variables["STANCH_SLACK_BOT_TOKEN"] = "xoxb-of-another-app"
    assert "auth.test: invalid_auth; set a valid bot token; see STANCH_SLACK_BOT_TOKEN" in await sound.problem()


async def test_slack_that_does_not_answer_is_a_problem(sound: Installation) -> None:
    free = WebServer("127.0.0.1", 0)
    await free.stop()
    sound.variables["STANCH_SLACK_API_URL"] = f"{free.url}/api/"
    assert "slack: auth.test: no answer from Slack" in await sound.problem()


async def test_a_scope_that_is_missing_is_a_problem(sound: Installation) -> None:
    await sound.use_slack(seed_with(scopes=tuple(scope for scope in SCOPES if scope != "pins:write")))
    assert "the token lacks pins:write: bring the app up to date with slack-manifest.yaml" in await sound.problem()


async def test_a_scope_too_many_is_a_warning(sound: Installation) -> None:
    await sound.use_slack(seed_with(scopes=(*SCOPES, "files:write")))
    assert "granted and not needed: files:write" in await sound.warning()


async def test_scopes_that_slack_does_not_name_are_a_warning(sound: Installation) -> None:
    await sound.use_slack(SEED, says_scopes=False)
    assert "did not say which scopes" in await sound.warning()


async def test_a_refused_app_token_is_a_problem(sound: Installation) -> None:
    sound.variables["STANCH_SLACK_APP_TOKEN"] = "xapp-of-another-app"
    assert "Socket Mode cannot be opened" in await sound.problem()


async def test_a_signing_secret_takes_the_place_of_socket_mode(sound: Installation) -> None:
    del sound.variables["STANCH_SLACK_APP_TOKEN"]
    sound.variables["STANCH_SLACK_SIGNING_SECRET"] = "made-up-signing-secret"
    status, said = await sound.examined()
    assert (status, "posted to /slack/events" in said) == (0, True)


async def test_a_triage_channel_that_is_not_there_is_a_problem(sound: Installation) -> None:
    sound.variables["STANCH_TRIAGE_CHANNEL"] = "ai-alarms"
    assert "slack channel ai-alarms: there is no such public channel" in await sound.problem()


@pytest.mark.parametrize(
    ("members", "said"), [(None, "there is no such user group, so nobody may approve"), ((), "it is empty")]
)
async def test_a_group_without_anybody_is_a_problem(
    sound: Installation, members: tuple[str, ...] | None, said: str
) -> None:
    others = [group for group in SEED.groups if group.handle != "incident-leads"]
    leads = next(group for group in SEED.groups if group.handle == "incident-leads")
    groups = others if members is None else [*others, leads.model_copy(update={"members": members})]
    await sound.use_slack(SEED.model_copy(update={"groups": tuple(groups)}))
    assert f"slack group @incident-leads: {said}" in await sound.problem()


@pytest.mark.parametrize(("ahead", "said"), [(60, "s ahead of Slack's"), (-60, "s behind Slack's")])
async def test_a_clock_that_is_wrong_is_a_warning(sound: Installation, ahead: int, said: str) -> None:
    sound.ahead = timedelta(seconds=ahead)
    assert said in await sound.warning()


async def test_connections_that_content_needs_and_nobody_configured_are_problems(sound: Installation) -> None:
    sound.connect({})
    del sound.variables["STANCH_CONNECTION_UNLEASH_TOKEN"]
    status, said = await sound.examined()
    assert status == 1
    assert "target support-assistant.prompt: its connection `unleash` is not configured" in said
    assert "signal support-assistant.harm_rate: its connection `prometheus` is not configured" in said


async def test_a_connections_file_that_is_wrong_is_a_problem(sound: Installation) -> None:
    sound.connect({"unleash": {"integration": "unleash", "url": "https://u.example.com", "token": "in the file"}})
    assert "token is a secret and does not belong in a file" in await sound.problem()


async def test_a_live_connection_beside_a_local_workspace_is_a_problem(sound: Installation) -> None:
    sound.connect({"unleash": {"integration": "unleash", "url": "https://unleash.example.com"}})
    assert "The local workspace lets anybody be anyone" in await sound.problem()


async def test_simulated_connections_are_named_and_not_read(sound: Installation) -> None:
    sound.connect(story.connections(now()))
    del sound.variables["STANCH_CONNECTION_UNLEASH_TOKEN"]
    status, said = await sound.examined()
    assert status == 0
    assert "ok       connection unleash: simulated: nothing reaches Unleash" in said
    assert "ok       target support-assistant.prompt: simulated" in said


async def test_a_refused_credential_of_a_connection_is_a_problem_of_each_target(sound: Installation) -> None:
    sound.variables["STANCH_CONNECTION_UNLEASH_TOKEN"] = "default:production.made-up-password"
    status, said = await sound.examined()
    assert status == 1
    assert said.count("the credential was refused (401)") + said.count("the credential was refused (403)") == 2


async def test_a_target_that_the_vendor_does_not_have_is_a_problem(sound: Installation) -> None:
    worlds = {name: each["world"] for name, each in story.connections(now()).items()}
    del worlds["unleash"]["features"][story.FEATURE_FLAG]
    await sound.use_vendors(worlds)
    assert "target support-assistant.feature: unleash:" in await sound.problem()


async def test_a_signal_without_readings_is_a_warning(sound: Installation) -> None:
    worlds = {name: each["world"] for name, each in story.connections(now()).items()}
    await sound.use_vendors({**worlds, "prometheus": {"series": {}}})
    assert "signal support-assistant.harm_rate: the query answers, with no reading" in await sound.warning()


async def test_a_connection_that_nothing_uses_is_a_warning(sound: Installation) -> None:
    used = json.loads((sound.folder / "connections.yaml").read_text(encoding="utf-8"))
    sound.connect({**used, "second": {"integration": "prometheus", "url": used["prometheus"]["url"]}})
    assert "connection second: no target and no signal of the registry uses it" in await sound.warning()


@pytest.mark.parametrize("url", ["mysql://stanch@db/stanch", "sqlite://", "stanch.db"])
async def test_a_database_of_another_kind_is_a_problem(sound: Installation, url: str) -> None:
    sound.variables["STANCH_DATABASE_URL"] = url
    assert "database: The database URL must be `sqlite:///path/to/file`" in await sound.problem()


async def test_an_archived_triage_channel_is_a_problem(sound: Installation) -> None:
    await sound.as_bot().conversations_archive(channel="C0AIALERTS")
    assert "slack channel ai-alerts: it is archived" in await sound.problem()


async def test_a_triage_channel_that_the_bot_can_enter_is_fine_and_not_entered(sound: Installation) -> None:
    await sound.as_bot().conversations_leave(channel="C0AIALERTS")
    for _ in range(2):
        status, said = await sound.examined()
        assert (status, "the bot enters it when it first posts" in said) == (0, True)


async def enqueue_nothing(*_: object) -> None:
    """Stand in for the engine."""


async def spoilt(url: str, statement: str) -> None:
    def run() -> None:
        engine = sync_engine(url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    await asyncio.to_thread(run)


@pytest.fixture
async def collector(sound: Installation) -> AsyncIterator[Collector]:
    """A collector that the installation's traces go to."""
    async with running_collector() as running:
        sound.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = running.url
        sound.variables["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer made-up-password"
        yield running


async def test_a_collector_is_tried_without_sending_it_anything(sound: Installation, collector: Collector) -> None:
    status, said = await sound.examined()
    assert (status, f"traces: {collector.url}/v1/traces takes them, as stanch" in said) == (0, True), said
    assert (collector.posted, collector.spans) == (1, [])
    assert collector.headers[0]["authorization"] == "Bearer made-up-password"


async def test_a_collector_that_refuses_the_credential_is_a_problem(sound: Installation, collector: Collector) -> None:
    collector.status = 401
    found = await sound.problem()
    assert "/v1/traces takes none" in found
    assert "401" in found
    assert "set OTEL_EXPORTER_OTLP_ENDPOINT to" in found


async def test_a_collector_that_is_away_is_a_problem(sound: Installation) -> None:
    free = WebServer("127.0.0.1", 0)
    await free.stop()
    sound.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = free.url
    found = await sound.problem()
    assert f"{free.url}/v1/traces takes none" in found
    assert "refused" in found


async def test_without_a_collector_the_doctor_says_nothing_of_one(sound: Installation) -> None:
    assert "traces:" not in (await sound.examined())[1]
