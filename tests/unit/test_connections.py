"""The connections file: what is refused, and where calls may go."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.app import Application, refuse_local_slack_beside_live
from bot.clock import now
from bot.connections import ConnectionPool, read_connections
from bot.domain.incident import IncidentKind
from bot.domain.system import HarmSignal
from bot.errors import NotFound, SettingsError
from bot.integration_folders import discover
from bot.sdk import AsgiApp, ConnectionSettings, Integration, Sample, SignalReader, Simulator, Unavailable, send
from bot.settings import Settings, read_settings
from tests.integrations.world import MemoryWorld

LIVE = "unleash: {integration: unleash, url: 'https://unleash.example.com'}\n"
TOKEN = {"unleash_token": SecretStr("a-token-of-the-vendor")}


def file_of(tmp_path: Path, content: str) -> Path:
    file = tmp_path / "connections.yaml"
    file.write_text(content, encoding="utf-8")
    return file


def test_a_live_connection_takes_its_secret_from_the_environment(tmp_path: Path) -> None:
    connections = read_connections(file_of(tmp_path, LIVE), discover(), TOKEN)
    assert connections["unleash"].url == "https://unleash.example.com"
    assert "a-token-of-the-vendor" not in repr(connections)


def test_without_a_file_there_is_no_connection() -> None:
    assert read_connections(None, discover(), {}) == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("unleash: {integration: unleesh, url: 'https://x.example'}", "no integration 'unleesh'"),
        ("unleash: {integration: alertmanager, url: 'https://x.example'}", "no integration 'alertmanager'"),
        ("unleash: {integration: unleash, url: 'ftp://x.example'}", "url: "),
        ("unleash: {integration: unleash}", "url: Field required"),
        ("unleash: {integration: unleash, url: 'https://x.example', colour: red}", "colour: "),
        ("unleash: {integration: unleash, url: 'https://x.example', token: t}", "set STANCH_CONNECTION_UNLEASH_TOKEN"),
        ("unleash: [", "connections.yaml:1: file: not YAML"),
        (
            "unleash: {integration: unleash}\nunleash: {integration: unleash}",
            "the key `unleash` is there already, on line 1",
        ),
        ("unleash:\n  integration: unleash\n  simulated: true\n  wordl: {}", ":4: unleash.wordl: "),
        ("- unleash", "must map connection names"),
        ("unleash: 7", "unleash: "),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_connections(file_of(tmp_path, content), discover(), {})
    assert complaint in str(refused.value)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="token: Field required"):
        read_connections(file_of(tmp_path, LIVE), discover(), {})


def test_a_secret_of_no_connection_is_named(tmp_path: Path) -> None:
    secrets = {**TOKEN, "unlesh_token": SecretStr("x")}
    with pytest.raises(SettingsError, match="STANCH_CONNECTION_UNLESH_TOKEN"):
        read_connections(file_of(tmp_path, LIVE), discover(), secrets)


def in_a_local_workspace(tmp_path: Path, connections: str, **secrets: str) -> Settings:
    return read_settings(
        {
            "STANCH_DATABASE_URL": f"sqlite:///{tmp_path / 'stanch.db'}",
            "STANCH_SLACK_API_URL": "http://127.0.0.1:8765/api/",
            "STANCH_SLACK_BOT_TOKEN": "xoxb-local",
            "STANCH_SLACK_APP_TOKEN": "xapp-local",
            "STANCH_TIMELINE_KEY": "k" * 16,
            "STANCH_CONNECTIONS": str(file_of(tmp_path, connections)),
            **secrets,
        }
    )


def test_the_local_workspace_is_refused_beside_a_live_connection(tmp_path: Path) -> None:
    settings = in_a_local_workspace(tmp_path, LIVE, STANCH_CONNECTION_UNLEASH_TOKEN="a-token-of-the-vendor")
    with pytest.raises(SettingsError, match="may not be used beside unleash"):
        Application(settings, now)


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("tcp://127.0.0.1:9999", False),
        ("tcp://localhost:9999", False),
        ("unix:///run/haproxy/admin.sock", False),
        ("tcp://haproxy.example.com:9999", True),
    ],
)
def test_the_local_workspace_tells_sockets_of_this_machine_from_others(
    tmp_path: Path, url: str, *, is_refused: bool
) -> None:
    settings = in_a_local_workspace(tmp_path, f"haproxy: {{integration: haproxy, url: '{url}'}}\n")
    connections = read_connections(settings.connections, discover(), {})
    with pytest.raises(SettingsError, match="beside haproxy") if is_refused else nullcontext():
        refuse_local_slack_beside_live(settings, connections)


async def test_a_client_of_a_connection_goes_to_no_other_host(tmp_path: Path) -> None:
    pool = ConnectionPool(read_connections(file_of(tmp_path, LIVE), discover(), TOKEN), MemoryWorld({}), now)
    action = pool.for_incident(IncidentKind.LIVE).action("unleash.switch_off", "unleash")
    client = action._api._client  # type: ignore[attr-defined]  # noqa: SLF001 - the client that every action is given
    with pytest.raises(Exception, match=r"go to unleash\.example\.com only"):
        await client.get("https://elsewhere.example.com/")
    await pool.close()


@pytest.mark.parametrize("kind", [IncidentKind.EXERCISE, IncidentKind.TEST])
async def test_only_a_live_incident_reaches_a_live_connection(tmp_path: Path, kind: IncidentKind) -> None:
    unreachable = "unleash: {integration: unleash, url: 'http://127.0.0.1:1'}\n"
    pool = ConnectionPool(read_connections(file_of(tmp_path, unreachable), discover(), TOKEN), MemoryWorld({}), now)
    ref = {"project": "default", "feature": "f", "environment": "production"}
    with pytest.raises(Unavailable):
        await pool.for_incident(IncidentKind.LIVE).action("unleash.switch_off", "unleash").read(ref)
    with pytest.raises(Exception, match="404"):
        await pool.for_incident(kind).action("unleash.switch_off", "unleash").read(ref)
    await pool.close()


async def test_what_is_not_configured_is_not_found(tmp_path: Path) -> None:
    pool = ConnectionPool(read_connections(file_of(tmp_path, LIVE), discover(), TOKEN), MemoryWorld({}), now)
    opens = pool.for_incident(IncidentKind.LIVE)
    with pytest.raises(NotFound, match="No connection `launchdarkly`"):
        opens.action("unleash.switch_off", "launchdarkly")
    with pytest.raises(NotFound, match=r"has no action `unleash\.explode`"):
        opens.action("unleash.explode", "unleash")
    await pool.close()


class Telegraph(httpx.AsyncBaseTransport):
    """Answers how many letters it was sent, in place of a vendor that speaks no HTTP."""

    def __init__(self, settings: ConnectionSettings) -> None:
        assert settings.url == "http://station.example"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=str(len(request.url.params["command"])), request=request)


async def _answering(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"-1"})


def _signals(_: ConnectionSettings, client: httpx.AsyncClient) -> SignalReader:
    return Station(client)


class Station:
    """Asks by the client that it was given."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def samples(self, query: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Sample]:
        assert start <= end + step
        answer = await send(self._client, "telegraph", "ask", "GET", "/", params={"command": query})
        return [Sample(at=end, value=float(answer.text))]


def _telegraph_simulator(_: Simulator) -> AsgiApp:
    return _answering


TELEGRAPH = Integration(
    name="telegraph",
    title="Telegraph",
    settings=ConnectionSettings,
    signals=_signals,
    simulator=_telegraph_simulator,
    simulated={"url": "http://telegraph.simulated"},
    transport=Telegraph,
)


@pytest.mark.parametrize(("kind", "answer"), [(IncidentKind.LIVE, 5), (IncidentKind.EXERCISE, -1)])
async def test_a_vendor_without_http_is_reached_by_its_own_transport_and_only_from_a_live_incident(
    tmp_path: Path, kind: IncidentKind, answer: int
) -> None:
    file = file_of(tmp_path, "telegraph: {integration: telegraph, url: 'http://station.example'}\n")
    pool = ConnectionPool(read_connections(file, {"telegraph": TELEGRAPH}, {}), MemoryWorld({}), now)
    second = timedelta(seconds=1)
    signal = HarmSignal(
        connection="telegraph",
        query="hello",
        below=1,
        unit="letters",
        every=second,
        window=second,
        give_up_after=second,
        look_back=second,
    )
    samples = await pool.for_incident(kind).samples(signal, now(), now(), second)
    assert [sample.value for sample in samples] == [answer]
    await pool.close()
