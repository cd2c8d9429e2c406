"""The workspace as a process: where it listens, whom it answers, how it stops, and that its guide is complete."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest

import bot.workspace
from bot.workspace.methods import METHODS
from bot.workspace.people_routes import ACTIONS
from bot.workspace.server import NotLoopbackError, main, serve
from tests.contract.workspace_fixtures import RunningWorkspace

START = "import sys; from bot.workspace.server import main; sys.exit(main(['--port', '0']))"


@pytest.mark.parametrize(
    "headers", [{"Host": "workspace.example.com"}, {"Origin": "https://example.com"}, {"Origin": "null"}]
)
async def test_pages_of_other_sites_are_kept_out(slack: RunningWorkspace, headers: dict[str, str]) -> None:
    answer = await slack.http.post(
        "/people/commander/message", json={"channel": "general", "text": "x"}, headers=headers
    )
    assert answer.status_code == 403
    assert slack.workspace.state.channel("general").messages == {}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])  # noqa: S104 - it must be refused
async def test_it_listens_on_loopback_only(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotLoopbackError):
        await serve(host=host, port=0)
    assert await asyncio.to_thread(main, ["--host", host, "--port", "0"]) == 1
    assert "loopback only" in capsys.readouterr().err


async def test_a_taken_port_is_an_error_that_says_so(
    slack: RunningWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    port = slack.base_url.rpartition(":")[2]
    assert await asyncio.to_thread(main, ["--port", port]) == 1
    assert "in use" in capsys.readouterr().err


async def test_it_runs_as_a_process_until_it_is_interrupted() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", START, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        announced = (await process.stdout.readline()).decode()
        url = announced.split()[3]
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            health = (await http.get("/_workspace/health")).json()
            assert health == {"ok": True, "team_id": "T0LOCAL", "sockets": 0, "request_url": None}
            async with http.stream("GET", "/people/commander/events") as feed:
                assert await anext(feed.aiter_lines()) == ": listening"
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 0


@pytest.mark.parametrize("name", [*METHODS, *(f"/{action}" for action in ACTIONS)])
def test_the_guide_lists_every_method_and_every_action_of_people(name: str) -> None:
    guide = Path(bot.workspace.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in guide
