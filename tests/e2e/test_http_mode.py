"""HTTP mode: Slack posts its requests; what it signed, lately and for the first time, counts, and nothing else."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette

from bot.app import Application
from bot.demo import story
from bot.domain.values import JsonObject
from bot.settings import read_settings
from bot.slack.http_mode import HttpMode
from bot.store.sql import Store
from bot.web.boundary import Boundary
from bot.web.metrics import Metrics
from bot.web.slack import MAX_BODY, slack_route
from bot.workspace.client import Person, RejectedError
from bot.workspace.limits import Limits
from bot.workspace.request_urls import RequestUrls
from bot.workspace.seed import DEFAULT_SEED
from bot.workspace.server import create_app, serve
from tests.builders import NOW, Clock
from tests.e2e.conftest import ALERT_TOKEN, MovingClock, Scene, Workspace

SECRET = DEFAULT_SEED.app.signing_secret
FORM = "application/x-www-form-urlencoded"
_PEOPLE = ("commander", "responder", "owner", "leader", "newcomer")


class Posted:
    """Slack, a Stanch that it posts to, and a way to stop and start that Stanch at the same address."""

    def __init__(self, workspace: Workspace, clock: MovingClock, variables: dict[str, str]) -> None:
        self.workspace = workspace
        self.clock = clock
        self._variables = variables
        self.stanch = self._new()
        self._variables |= {"STANCH_PORT": self.stanch.url.rpartition(":")[2]}

    def _new(self) -> Application:
        return Application(read_settings(self._variables), self.clock)

    async def restart(self) -> None:
        self.stanch = self._new()
        await self.stanch.start()

    async def deliveries(self) -> list[JsonObject]:
        async with httpx.AsyncClient(base_url=self.workspace.url, trust_env=False) as client:
            return list((await client.get("/_workspace/deliveries")).json()["deliveries"])

    async def replay(self) -> int:
        """Have the last request sent again, byte for byte; return how Stanch answers."""
        async with httpx.AsyncClient(base_url=self.workspace.url, trust_env=False) as client:
            answer = await client.post("/_workspace/faults", json={"kind": "replay"})
            return int(answer.json()["status"])

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Post to Stanch as anybody could."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(base_url=self.stanch.url, trust_env=False, headers=named) as client:
            return await client.post("/slack/events", content=body)


@asynccontextmanager
async def running_workspace() -> AsyncIterator[Workspace]:
    pauses = (timedelta(0), timedelta(milliseconds=200), timedelta(seconds=10))
    app = create_app(limits=Limits(post_rate=0, ack_within=timedelta(seconds=10), retry_pauses=pauses))
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(port=0, app=app, ready=ready.set_result))
    yield Workspace(app, await ready)
    serving.cancel()
    await asyncio.wait([serving])


@pytest.fixture
async def posted(moving_clock: MovingClock, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Posted]:
    connections = tmp_path / "connections.yaml"
    connections.write_text(json.dumps(story.connections(moving_clock())), encoding="utf-8")
    async with running_workspace() as workspace:
        variables = {
            "STANCH_DATABASE_URL": sqlite_url,
            "STANCH_SLACK_BOT_TOKEN": DEFAULT_SEED.app.bot_token,
            "STANCH_SLACK_SIGNING_SECRET": SECRET,
            "STANCH_SLACK_API_URL": f"{workspace.url}/api/",
            "STANCH_CONNECTIONS": str(connections),
            "STANCH_ALERT_TOKEN_ALERTMANAGER": ALERT_TOKEN,
            "STANCH_TIMELINE_KEY": "made-up-timeline-key",
            "STANCH_PORT": "0",
        }
        posted = Posted(workspace, moving_clock, variables)
        await posted.stanch.start()
        await workspace.app.state.workspace.verify_request_urls(RequestUrls(events=f"{posted.stanch.url}/slack/events"))
        yield posted
        await posted.stanch.stop()


@pytest.fixture
async def scene(posted: Posted) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as leaving:
        people = {name: await leaving.enter_async_context(Person(posted.workspace.url, name)) for name in _PEOPLE}
        yield Scene(workspace=posted.workspace, stanch=posted.stanch, clock=posted.clock, **people)


async def test_the_main_path_from_alert_to_verified_works_without_any_socket(scene: Scene, posted: Posted) -> None:
    channel = await scene.incident()
    await scene.said(scene.commander, channel, "/incident lead", "You lead")
    card = await scene.contained(channel)
    assert "Approved by @commander" in card["visible"]
    assert "slack:" not in (await scene.said(scene.commander, channel, "/incident timeline", "Chain verified"))
    assert posted.workspace.app.state.workspace.sockets.connections == 0
    tried = await posted.deliveries()
    assert {"slash_commands", "interactive", "events_api"} <= {one["kind"] for one in tried}
    assert [one for one in tried if one["lost"]] == []


async def test_readiness_says_that_slack_is_heard(posted: Posted) -> None:
    async with httpx.AsyncClient(base_url=posted.stanch.url, trust_env=False) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["slack"]) == (200, "ok")


async def test_a_replayed_command_and_a_replayed_approval_have_no_effect(scene: Scene, posted: Posted) -> None:
    await scene.commander.command("general", "/incident declare the assistant insults people")
    assert await posted.replay() == 409
    listed = await scene.said(scene.commander, "general", "/incident list", "Open incidents")
    assert listed.count("the assistant insults people") == 1
    channel = await scene.channel()
    await scene.commander.wait_for_message(channel, containing="Runbooks on offer")
    await scene.commander.join(channel)
    await scene.commander.press("Take the lead", channel=channel)
    assert await posted.replay() == 409
    timeline = await scene.said(scene.commander, channel, "/incident timeline", "Chain verified")
    assert timeline.count("leads") <= 1


async def test_events_that_came_while_stanch_was_down_come_again_and_people_are_told(
    scene: Scene, posted: Posted
) -> None:
    await posted.stanch.stop()
    await scene.commander.say("ai-alerts", "it says strange things")
    with pytest.raises(RejectedError, match="dispatch_failed"):
        await scene.commander.command("general", "/incident list")
    await posted.restart()
    up = replace(scene, stanch=posted.stanch)
    await up.said(up.commander, "general", "/incident list", "No incident is open")
    deadline = asyncio.get_running_loop().time() + 15
    while True:
        tried = [one for one in await posted.deliveries() if one["kind"] == "events_api"]
        if tried and tried[-1]["lost"] is None:
            break
        assert asyncio.get_running_loop().time() < deadline, tried
        await asyncio.sleep(0.05)
    assert tried[0]["lost"] == "unreachable"
    assert len({one["payload"]["event_id"] for one in tried}) == 1


async def test_what_slack_did_not_sign_is_refused(scene: Scene, posted: Posted) -> None:
    body = urlencode({"command": "/incident", "text": "declare not by slack", "user_id": "U0COMMANDER"}).encode()
    for headers in (
        {},
        {"X_Slack_Signature": "v0=00", "X_Slack_Request_Timestamp": "1"},
        signed(body, datetime.now(UTC), by="somebody"),
    ):
        assert (await posted.post(body, **headers)).status_code == 401
    await scene.said(scene.commander, "general", "/incident list", "No incident is open")


# ---- the door alone, with an application that counts ----


class Door:
    """The route with a listener for one event and one command, on a real store and a clock that stands still."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.clock = clock
        self.events: list[str] = []
        self.commands: list[str] = []
        app = AsyncApp(client=AsyncWebClient(), authorize=authorized, request_verification_enabled=False)
        app.event("app_home_opened")(self._opened)
        app.command("/incident")(self._typed)
        web = Boundary(Starlette(routes=[slack_route(HttpMode(app, SECRET, store, clock).receive)]), Metrics())
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://stanch")

    async def _opened(self, event: JsonObject) -> None:
        self.events.append(event["type"])

    async def _typed(self, ack: AsyncAck, command: JsonObject) -> None:
        self.commands.append(command["text"])
        await ack("taken")

    async def event(self, event_id: str = "Ev1", **headers: str) -> int:
        """Post an event as Slack does, newly signed; return the status."""
        event = {"type": "app_home_opened", "user": "U0COMMANDER", "channel": "D1", "tab": "home"}
        body = {"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": event}
        return (await self.post(json.dumps(body).encode(), "application/json", **headers)).status_code

    async def command(self, text: str = "list", **headers: str) -> httpx.Response:
        """Post a command as Slack does; `headers` replace those that Slack sends."""
        return await self.post(command_body(text), FORM, **headers)

    async def post(self, body: bytes, kind: str, **headers: str) -> httpx.Response:
        sent = signed(body, self.clock()) | headers
        named = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in sent.items()}
        return await self.client.post("/slack/events", content=body, headers=named | {b"Content-Type": kind.encode()})


async def authorized() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-made-up")


def command_body(text: str) -> bytes:
    who_and_where = {"user_id": "U0COMMANDER", "channel_id": "C0GENERAL", "trigger_id": "1.2.a"}
    return urlencode({"command": "/incident", "text": text, "team_id": "T1", **who_and_where}).encode()


def signed(body: bytes, at: datetime, by: str = SECRET) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(by.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X_Slack_Request_Timestamp": timestamp, "X_Slack_Signature": f"v0={digest}"}


@pytest.fixture
async def door(store: Store, clock: Clock) -> AsyncIterator[Door]:
    opened = Door(store, clock)
    yield opened
    await opened.client.aclose()


async def test_a_signed_command_is_answered_in_the_response(door: Door) -> None:
    answer = await door.command("list")
    assert (answer.status_code, answer.text) == (200, "taken")


async def test_slacks_challenge_is_given_back(door: Door) -> None:
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "abc"}).encode()
    answer = await door.post(body, "application/json")
    assert answer.json() == {"challenge": "abc"}


@pytest.mark.parametrize(("age", "status"), [(299, 200), (301, 401), (-299, 200), (-301, 401)])
async def test_a_signature_is_good_for_five_minutes_before_and_after(door: Door, age: int, status: int) -> None:
    headers = signed(command_body("list"), door.clock() - timedelta(seconds=age))
    assert (await door.command("list", **headers)).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Slack_Signature": ""},
        {"X_Slack_Signature": "v0="},
        {"X_Slack_Signature": "v0=" + "0" * 64},
        {"X_Slack_Signature": "v1=" + "0" * 64},
        {"X_Slack_Signature": "v0=" + "\xe9" * 64},
        {"X_Slack_Request_Timestamp": ""},
        {"X_Slack_Request_Timestamp": "soon"},
        {"X_Slack_Request_Timestamp": "-1"},
        {"X_Slack_Request_Timestamp": "1e9"},
        {"X_Slack_Request_Timestamp": "9" * 5_000},
        signed(command_body("list"), NOW, by="another secret"),
        signed(command_body("declare everything"), NOW),
    ],
)
async def test_a_wrong_or_missing_signature_is_refused(door: Door, headers: dict[str, str]) -> None:
    assert (await door.command("list", **headers)).status_code == 401
    assert door.commands == []


async def test_bytes_that_are_no_text_are_refused_like_any_forgery(door: Door) -> None:
    headers = {"X_Slack_Signature": "v0=00"}
    assert (await door.post(b"\xff\xfe\x00", FORM, **headers)).status_code == 401


async def test_a_copy_of_a_command_is_refused_and_does_nothing(door: Door) -> None:
    headers = signed(command_body("list"), door.clock())
    answers = [(await door.command("list", **headers)).status_code for _ in range(3)]
    assert answers == [200, 409, 409]
    assert door.commands == ["list"]


async def test_of_copies_that_arrive_at_once_one_counts(door: Door) -> None:
    headers = signed(command_body("list"), door.clock())
    answers = await asyncio.gather(*(door.command("list", **headers) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409, 409]
    assert door.commands == ["list"]


async def test_an_event_that_slack_sends_again_has_one_effect_and_is_acknowledged(door: Door) -> None:
    assert await door.event() == 200
    door.clock.advance(timedelta(minutes=1))
    assert await door.event(X_Slack_Retry_Num="1", X_Slack_Retry_Reason="http_timeout") == 200
    assert await door.event("Ev2") == 200
    deadline = asyncio.get_running_loop().time() + 5
    while len(door.events) < 2:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
    assert door.events == ["app_home_opened"] * 2


async def test_a_body_beyond_the_limit_is_not_read(door: Door) -> None:
    answer = await door.post(b"x" * (MAX_BODY + 1), FORM)
    assert answer.status_code == 413
