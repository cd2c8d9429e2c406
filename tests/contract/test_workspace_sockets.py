"""Socket Mode: envelopes, acknowledgements, redelivery, several sockets, faults on the way."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import websockets

from bot.workspace.client import Person
from bot.workspace.limits import Limits
from tests.contract.workspace_fixtures import (
    QUICK,
    RunningWorkspace,
    eventually,
    run_workspace,
)


async def test_a_socket_is_greeted_with_its_app_and_number(slack: RunningWorkspace) -> None:
    async with slack.socket() as first, slack.socket() as second:
        assert first.hello["connection_info"] == {"app_id": "A0STANCH"}
        assert (first.hello["num_connections"], second.hello["num_connections"]) == (1, 2)


async def test_a_ticket_opens_one_socket_and_soon(slack: RunningWorkspace) -> None:
    web = slack.client("xapp-local")
    used, old = [(await web.apps_connections_open(app_token="xapp-local"))["url"] for _ in range(2)]
    async with websockets.connect(used, proxy=None):
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(used, proxy=None)
    slack.clock.advance(timedelta(seconds=31))
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(old, proxy=None)


async def test_an_event_goes_to_one_of_the_open_sockets(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.socket() as first, slack.socket() as second:
        await commander.say("ai-alerts", "one")
        await commander.say("ai-alerts", "two")
        received = [await first.receive(), await second.receive()]
        for socket, envelope in zip((first, second), received, strict=True):
            await socket.acknowledge(envelope)
    assert [one["payload"]["event"]["text"] for one in received] == ["one", "two"]
    assert {one["retry_attempt"] for one in received} == {0}
    assert not any(one["accepts_response_payload"] for one in received)


async def test_an_event_without_acknowledgement_comes_again_under_the_same_id() -> None:
    async with run_workspace(limits=QUICK) as slack, slack.socket() as socket, slack.person("commander") as commander:
        await commander.say("ai-alerts", "hello")
        tries = [await socket.receive() for _ in range(4)]
        assert [one["retry_attempt"] for one in tries] == [0, 1, 2, 3]
        assert [one["retry_reason"] for one in tries] == ["", "timeout", "timeout", "timeout"]
        assert len({one["payload"]["event_id"] for one in tries}) == 1
        assert len({one["envelope_id"] for one in tries}) == 4
        with pytest.raises(TimeoutError):
            await socket.receive(within=0.5)


async def test_an_event_of_a_lost_socket_goes_to_another(slack: RunningWorkspace, commander: Person) -> None:
    async with AsyncExitStack() as stack:
        doomed = await stack.enter_async_context(slack.socket())
        await commander.say("ai-alerts", "hello")
        lost = await doomed.receive()
        survivor = await stack.enter_async_context(slack.socket())
        await doomed.connection.close()
        again = await survivor.receive()
        await survivor.acknowledge(again)
    assert again["payload"]["event_id"] == lost["payload"]["event_id"]
    assert (again["retry_attempt"], again["retry_reason"]) == (1, "connection_failed")


async def test_an_event_waits_for_the_first_socket(slack: RunningWorkspace, commander: Person) -> None:
    await commander.say("ai-alerts", "while nobody listened")
    async with slack.socket() as socket:
        envelope = await socket.receive()
        await socket.acknowledge(envelope)
    assert envelope["payload"]["event"]["text"] == "while nobody listened"


async def test_a_command_is_never_delivered_twice() -> None:
    async with run_workspace(limits=QUICK) as slack, slack.socket() as socket:
        typed = {"channel": "general", "text": "/incident list"}
        outcome = asyncio.create_task(slack.http.post("/people/commander/command", json=typed))
        envelope = await socket.receive()
        assert envelope["type"] == "slash_commands"
        assert envelope["accepts_response_payload"]
        assert "retry_attempt" not in envelope
        assert (await outcome).json()["error"] == "operation_timeout"
        with pytest.raises(TimeoutError):
            await socket.receive(within=0.5)


async def test_a_command_on_a_lost_socket_fails_at_once(slack: RunningWorkspace) -> None:
    async with slack.socket() as socket:
        typed = {"channel": "general", "text": "/incident list"}
        outcome = asyncio.create_task(slack.http.post("/people/commander/command", json=typed))
        await socket.receive()
        await socket.connection.close()
        assert (await outcome).json()["error"] == "dispatch_failed"


async def test_nonsense_from_the_app_is_ignored(slack: RunningWorkspace, commander: Person) -> None:
    async with slack.socket() as socket:
        for nonsense in ("not json", "[]", '{"envelope_id": 7}', '{"envelope_id": "unknown"}'):
            await socket.connection.send(nonsense)
        await commander.say("ai-alerts", "still there")
        await socket.acknowledge(await socket.receive())


async def test_a_socket_beyond_the_limit_is_sent_away() -> None:
    async with run_workspace(limits=Limits(sockets=1)) as slack, slack.socket():
        opened = await slack.client("xapp-local").apps_connections_open(app_token="xapp-local")
        async with websockets.connect(opened["url"], proxy=None) as second:
            assert "too_many_websockets" in str(await second.recv())


async def test_dropped_sockets_are_replaced_by_the_app_and_nothing_is_lost(
    slack: RunningWorkspace, commander: Person
) -> None:
    texts: list[str] = []
    async with slack.bolt() as app:

        @app.event("message")
        async def listener(event: dict[str, str]) -> None:
            texts.append(event["text"])

        await slack.fault(kind="drop_sockets", announced=True)
        await commander.say("ai-alerts", "after the drop")
        await eventually(lambda: "after the drop" in texts, within=20)
        # The app may replace the very socket that has just brought the event: then it comes again.
        assert set(texts) == {"after the drop"}


async def test_a_duplicated_event_keeps_its_id(slack: RunningWorkspace, commander: Person) -> None:
    await slack.fault(kind="duplicate_events", events=1)
    async with slack.socket() as socket:
        for text in ("twice", "once"):
            await commander.say("ai-alerts", text)
        received = [await socket.receive() for _ in range(3)]
        for envelope in received:
            await socket.acknowledge(envelope)
    assert [one["payload"]["event"]["text"] for one in received] == ["twice", "twice", "once"]
    assert received[0]["payload"]["event_id"] == received[1]["payload"]["event_id"]


async def test_events_are_reordered_on_demand(slack: RunningWorkspace, commander: Person) -> None:
    await slack.fault(kind="reorder_events", events=3)
    async with slack.socket() as socket:
        for text in ("a", "b", "c", "d"):
            await commander.say("ai-alerts", text)
        received = [await socket.receive() for _ in range(4)]
        for envelope in received:
            await socket.acknowledge(envelope)
    assert [one["payload"]["event"]["text"] for one in received] == ["c", "b", "a", "d"]
