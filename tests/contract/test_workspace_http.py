"""The HTTP door: signed requests to request URLs, their answers, their retries, and that they stay on this machine."""

import asyncio
import dataclasses
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.workspace.client import Person, RejectedError
from bot.workspace.request_urls import RequestUrls
from bot.workspace.server import main
from tests.contract.workspace_fixtures import (
    QUICK,
    RunningWorkspace,
    actions,
    button,
    eventually,
    field,
    modal,
    run_workspace,
    section,
)

Json = dict[str, Any]
SECRET = b"local-signing-secret"
Answer = Callable[[Request], Awaitable[Response]]


async def taken(_: Request) -> Response:
    return Response()


@dataclasses.dataclass
class Received:
    """One request as the app got it."""

    path: str
    headers: Json
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def payload(self) -> Json:
        return dict(json.loads(self.form["payload"] if self.body.startswith(b"payload=") else self.body))


@dataclasses.dataclass
class HttpApp:
    """An app that takes requests and answers as the test says; it gives every challenge back."""

    url: str = ""
    received: list[Received] = dataclasses.field(default_factory=list)
    answer: Answer = taken
    challenged: int = 0

    async def take(self, request: Request) -> Response:
        body = await request.body()
        got = Received(request.url.path, dict(request.headers), body)
        if "json" in request.headers["content-type"] and got.payload.get("type") == "url_verification":
            self.challenged += 1
            return PlainTextResponse(got.payload["challenge"])
        self.received.append(got)
        return await self.answer(request)


@asynccontextmanager
async def http_app() -> AsyncIterator[HttpApp]:
    app = HttpApp()
    routes = [Route("/{rest:path}", app.take, methods=["POST"])]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    app.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield app
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def posting(**urls: str) -> AsyncIterator[tuple[RunningWorkspace, HttpApp, Person]]:
    """A workspace that posts to an app: everything to `/all`, unless `urls` name other paths."""
    async with http_app() as app, run_workspace(limits=QUICK) as slack, slack.person("commander") as commander:
        given = {"events": "/all"} | urls
        body = {name: f"{app.url}{path}" for name, path in given.items()}
        answer = await slack.http.put("/_workspace/request-urls", json=body)
        assert answer.status_code == 200, answer.text
        yield slack, app, commander


def json_answer(content: Any) -> Answer:
    async def answer(_: Request) -> Response:
        return JSONResponse(content)

    return answer


def refusing(status: int, **headers: str) -> Answer:
    async def answer(_: Request) -> Response:
        return Response(status_code=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def test_every_request_is_signed_over_its_bytes_and_the_time() -> None:
    async with posting() as (slack, app, commander):
        await commander.say("ai-alerts", "ümläut & <tags>")
        await eventually(lambda: len(app.received) == 1)
        (got,) = app.received
        timestamp = got.headers["x-slack-request-timestamp"]
        expected = hmac.new(SECRET, f"v0:{timestamp}:".encode() + got.body, hashlib.sha256).hexdigest()
        assert got.headers["x-slack-signature"] == f"v0={expected}"
        assert timestamp == str(int(slack.clock().timestamp()))
        assert got.payload["event"]["text"] == "ümläut &amp; &lt;tags&gt;"


async def test_a_url_is_challenged_before_it_is_used_and_not_saved_if_it_fails() -> None:
    async with http_app() as app, run_workspace(limits=QUICK) as slack, slack.socket() as socket:
        wrong = await slack.http.put("/_workspace/request-urls", json={"events": f"{slack.base_url}/nothing-here"})
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_request_url")
        gone = await slack.http.put("/_workspace/request-urls", json={"events": "http://127.0.0.1:9/slack/events"})
        assert "was not reached" in gone.json()["detail"]
        async with slack.person("commander") as commander:
            await commander.say("ai-alerts", "still over the socket")
            await socket.acknowledge(await socket.receive())
        assert (await slack.http.put("/_workspace/request-urls", json={"events": app.url})).status_code == 200
        assert app.challenged == 1
        assert (await slack.http.get("/_workspace/health")).json()["request_url"] == app.url


async def test_a_url_given_at_the_start_is_challenged_with_the_first_delivery() -> None:
    async with http_app() as app, run_workspace(limits=QUICK) as slack, slack.person("commander") as commander:
        slack.workspace.use_request_urls(RequestUrls(events=f"{app.url}/slack/events"))
        await commander.say("ai-alerts", "one")
        await eventually(lambda: len(app.received) == 1)
        assert app.challenged == 1


@pytest.mark.parametrize("url", ["https://example.com/slack", "http://192.0.2.1/slack", "https://127.0.0.1/x", "x"])
def test_a_url_beyond_this_machine_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValidationError):
        RequestUrls(events=url)
    assert main(["--request-url", url]) == 1
    assert "on loopback" in capsys.readouterr().err


async def test_commands_clicks_and_options_may_have_urls_of_their_own() -> None:
    urls = {"commands": "/commands", "interactivity": "/clicks", "options": "/options"}
    async with posting(**urls) as (slack, app, commander):
        await commander.command("ai-alerts", "/incident list & more")
        asks = {"type": "external_select", "action_id": "who", "placeholder": {"type": "plain_text", "text": "Who?"}}
        await slack.web.chat_postMessage(
            channel="ai-alerts", text="card", blocks=[actions(button("Plan", "plan", value="7"), asks)]
        )
        await commander.press("Plan", channel="ai-alerts")
        app.answer = json_answer({"options": [{"text": {"type": "plain_text", "text": "Owner"}, "value": "a"}]})
        target = {"channel": "ai-alerts", "ts": (await commander.messages("ai-alerts"))[-1]["ts"]}
        target |= {"block_id": "buttons", "action_id": "who"}
        offered = await slack.http.post("/people/commander/suggest", json={"target": target, "query": "Ow"})
        assert [one["value"] for one in offered.json()["options"]] == ["a"]
        posted = {one.path: one for one in app.received}
        assert posted["/commands"].form["text"] == "list & more"
        assert posted["/clicks"].payload["actions"][0]["value"] == "7"
        assert posted["/options"].payload["type"] == "block_suggestion"


async def test_a_commands_answer_may_be_plain_text_or_json() -> None:
    async with posting() as (_, app, commander):

        async def plainly(_: Request) -> Response:
            return PlainTextResponse("*two* are open")

        app.answer = plainly
        await commander.command("ai-alerts", "/incident list")
        assert (await commander.wait_for_message("ai-alerts", containing="two are open"))["ephemeral"]
        app.answer = json_answer({"response_type": "in_channel", "text": "declared"})
        await commander.command("ai-alerts", "/incident declare")
        assert not (await commander.wait_for_message("ai-alerts", containing="declared"))["ephemeral"]


async def test_a_submissions_answer_is_honoured() -> None:
    async with posting() as (slack, app, commander):
        blocks = [field("What?", {"type": "plain_text_input"}, "what")]
        trigger = slack.workspace.triggers.issue("U0COMMANDER")
        await slack.web.views_open(trigger_id=trigger, view=modal(*blocks))
        app.answer = json_answer({"response_action": "errors", "errors": {"what": "Say more"}})
        with pytest.raises(RejectedError, match="Say more"):
            await commander.fill({"What?": "x"}, submit=True)
        app.answer = json_answer({"response_action": "update", "view": modal(section("Thank you"), title="Done")})
        await commander.submit()
        await commander.wait_for_view(containing="Thank you")
        app.answer = taken
        await commander.submit()
        assert await commander.view() is None


async def test_an_event_that_is_not_accepted_comes_again_with_its_number_and_reason() -> None:
    async with posting() as (slack, app, commander):
        app.answer = refusing(500)
        await commander.say("ai-alerts", "hello")
        await eventually(lambda: len(app.received) == 4)
        assert len({one.payload["event_id"] for one in app.received}) == 1
        numbered = [
            (one.headers.get("x-slack-retry-num"), one.headers.get("x-slack-retry-reason")) for one in app.received
        ]
        assert numbered == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
        tried = (await slack.http.get("/_workspace/deliveries")).json()["deliveries"]
        assert [(one["retry_attempt"], one["lost"]) for one in tried] == [(n, "not_accepted") for n in range(4)]


async def test_an_event_that_is_answered_late_comes_again_as_a_timeout() -> None:
    async with posting() as (_, app, commander):
        answered = asyncio.Event()

        async def late(_: Request) -> Response:
            if len(app.received) == 1:
                await answered.wait()
            return Response()

        app.answer = late
        await commander.say("ai-alerts", "hello")
        await eventually(lambda: len(app.received) == 2)
        answered.set()
        assert app.received[1].headers["x-slack-retry-reason"] == "http_timeout"


async def test_an_event_of_an_app_that_is_down_comes_again_when_it_is_back() -> None:
    pauses = (timedelta(0), timedelta(milliseconds=300), timedelta(milliseconds=300))
    async with run_workspace(limits=QUICK.model_copy(update={"retry_pauses": pauses})) as slack:
        async with http_app() as app:
            slack.workspace.use_request_urls(RequestUrls(events=app.url))
        async with slack.person("commander") as commander:
            await commander.say("ai-alerts", "while it was down")
            await eventually(lambda: len(slack.workspace.deliveries) == 2)
            async with http_app() as back:
                await slack.workspace.verify_request_urls(RequestUrls(events=back.url))
                await eventually(lambda: slack.workspace.deliveries[-1].lost is None)
                lost = len(slack.workspace.deliveries) - 1
                assert [one.headers["x-slack-retry-num"] for one in back.received] == [str(lost)]
                assert back.received[0].headers["x-slack-retry-reason"] == "connection_failed"


async def test_an_app_may_ask_for_no_retry() -> None:
    async with posting() as (slack, app, commander):
        app.answer = refusing(503, X_Slack_No_Retry="1")
        await commander.say("ai-alerts", "once")
        await eventually(lambda: len(slack.workspace.deliveries) == 1)
        app.answer = taken
        await commander.say("ai-alerts", "next")
        await eventually(lambda: len(app.received) == 2)
        assert [one.payload["event"]["text"] for one in app.received] == ["once", "next"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_command_that_is_not_accepted_fails_once_and_visibly(status: int) -> None:
    async with posting() as (_, app, commander):
        app.answer = refusing(status)
        with pytest.raises(RejectedError, match="dispatch_failed"):
            await commander.command("ai-alerts", "/incident list")
        assert len(app.received) == 1


async def test_a_replay_is_the_last_request_byte_for_byte() -> None:
    async with posting() as (slack, app, commander):
        nothing = await slack.http.post("/_workspace/faults", json={"kind": "replay"})
        assert nothing.json()["error"] == "nothing_to_replay"
        await commander.command("ai-alerts", "/incident list")
        slack.clock.advance(timedelta(minutes=1))
        app.answer = refusing(409)
        replayed = await slack.http.post("/_workspace/faults", json={"kind": "replay"})
        assert replayed.json() == {"ok": True, "status": 409}
        first, second = app.received
        assert (first.body, first.headers) == (second.body, second.headers)


async def test_events_are_duplicated_reordered_and_slowed_on_this_door_too() -> None:
    async with posting() as (slack, app, commander):
        await slack.fault(kind="duplicate_events", events=1)
        await commander.say("ai-alerts", "twice")
        await eventually(lambda: len(app.received) == 2)
        await slack.fault(kind="reorder_events", events=2)
        for text in ("a", "b"):
            await commander.say("ai-alerts", text)
        await eventually(lambda: len(app.received) == 4)
        assert {one.payload["event"]["text"] for one in app.received[:2]} == {"twice"}
        await slack.fault(kind="slow", method="slash_commands", milliseconds=300, calls=1)
        started = asyncio.get_running_loop().time()
        await commander.command("ai-alerts", "/incident")
        assert asyncio.get_running_loop().time() - started >= 0.3


async def test_a_request_url_is_never_followed_elsewhere() -> None:
    async with posting() as (_, app, commander):
        app.answer = refusing(302, Location="https://example.com/")
        await commander.say("ai-alerts", "hello")
        await eventually(lambda: len(app.received) == 4)


async def test_the_record_of_deliveries_can_be_read_from_where_one_left_off() -> None:
    async with posting() as (slack, app, commander):
        for text in ("a", "b"):
            await commander.say("ai-alerts", text)
        await eventually(lambda: len(app.received) == 2)

        async def read(**query: str) -> httpx.Response:
            return await slack.http.get("/_workspace/deliveries", params=query)

        first, second = (await read()).json()["deliveries"]
        assert [one["number"] for one in (await read(after=str(first["number"]))).json()["deliveries"]] == [
            second["number"]
        ]
        assert (await read(since="2026-01-01T00:00:00")).status_code == 400
        assert (await read(after="x")).status_code == 400
