"""Prometheus measures, Alertmanager posts, Stanch keeps: nothing lost, nothing doubled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app import Application
from bot.workspace.client import Person
from tests.real.monitoring import Assistant, monitored, post_alert, running_alertmanager, samples
from tests.real.postgres import Postgres
from tests.real.processes import free_port
from tests.real.stanch import ALERT_TOKEN, Api, Set, eventually, measured_system, running_stanch

pytestmark = pytest.mark.real

UNLEASH_SIMULATED = {"integration": "unleash", "simulated": True}


@asynccontextmanager
async def stanch(
    folder: Path, workspace_url: str, database_url: str, prometheus_port: int
) -> AsyncIterator[tuple[Application, Api]]:
    given = Set(
        folder=folder,
        workspace_url=workspace_url,
        database_url=database_url,
        connections={
            "unleash": UNLEASH_SIMULATED,
            "prometheus": {"integration": "prometheus", "url": f"http://127.0.0.1:{prometheus_port}"},
        },
        content={"playbooks/rules/systems.yaml": measured_system()},
    )
    async with running_stanch(given) as application:
        api = Api(application.url)
        try:
            yield application, api
        finally:
            await api.close()


def group(incident: dict[str, Any]) -> dict[str, Any]:
    (only,) = incident["alert_groups"]
    return dict(only)


async def test_a_rule_that_fires_opens_one_incident_whose_start_is_read_from_prometheus(
    tmp_path: Path, workspace_url: str
) -> None:
    assistant, port = Assistant(), free_port()
    database_url = f"sqlite:///{tmp_path / 'stanch.sqlite'}"
    async with stanch(tmp_path, workspace_url, database_url, port) as (application, api):
        with monitored(assistant, tmp_path, port=port, stanch_url=application.url, token=ALERT_TOKEN) as prometheus:
            await eventually(lambda: samples(prometheus), lambda count: count >= 5)
            began = assistant.do_harm()

            (opened,) = await eventually(api.incidents, bool)
            assert (opened["severity"], opened["system"]) == ("SEV2", "real-assistant")

            with_start = await eventually(api.incident, lambda incident: incident["milestones"]["started"])
            started = with_start["milestones"]["started"]
            assert started["basis"] == "observed"
            assert abs(datetime.fromisoformat(started["at"]) - began) < timedelta(seconds=5)
            assert with_start["ttd"]["state"] == "stopped"

            repeated = await eventually(api.incident, lambda incident: group(incident)["received"] >= 3)
            assert (group(repeated)["firing"], group(repeated)["resolved"]) == (1, 0)
            told = [event["kind"] for event in repeated["timeline"]["events"]]
            assert told.count("alerts.received") == 1

            assistant.stop_harm()
            resolved = await eventually(api.incident, lambda incident: group(incident)["resolved"] == 1)
            assert group(resolved)["firing"] == 0
            assert resolved["status"] == "declared"
            assert (resolved["timeline"]["verified"], len(await api.incidents())) == (True, 1)


async def test_while_the_database_is_away_alertmanager_is_refused_and_its_retry_is_stored_once(
    tmp_path: Path, workspace_url: str, postgres_on_tcp: Postgres
) -> None:
    database_url = postgres_on_tcp.create("stanch")
    async with stanch(tmp_path, workspace_url, database_url, free_port()) as (application, api):
        with running_alertmanager(tmp_path, stanch_url=application.url, token=ALERT_TOKEN) as alertmanager:
            assert await api.readiness() == 200
            postgres_on_tcp.stop()
            post_alert(alertmanager)
            await eventually(lambda: api.deliveries("unavailable"), lambda count: count >= 2)
            assert await api.readiness() == 503
            assert await api.deliveries("accepted") == 0

            postgres_on_tcp.start()
            (opened,) = await eventually(api.incidents, bool)
            assert opened["title"] == "Real assistant gives harmful answers"
            await eventually(lambda: api.deliveries("accepted"), lambda count: count >= 2)
            assert len(await api.incidents()) == 1
            assert (await api.incident())["timeline"]["verified"] is True
            await eventually(api.readiness, lambda status: status == 200)

        async with Person(workspace_url, "commander") as commander:
            await commander.wait_for_message("ai-alerts", containing="Real assistant", timeout=60)
            assert len([each for each in await commander.messages("ai-alerts") if each.get("bot_id")]) == 1


async def test_a_wrong_token_opens_nothing(tmp_path: Path, workspace_url: str) -> None:
    database_url = f"sqlite:///{tmp_path / 'stanch.sqlite'}"
    async with stanch(tmp_path, workspace_url, database_url, free_port()) as (application, api):
        with running_alertmanager(tmp_path, stanch_url=application.url, token="not-the-token") as alertmanager:
            post_alert(alertmanager)
            await eventually(lambda: api.deliveries("unauthorized"), lambda count: count >= 1)
            assert await api.incidents() == []
