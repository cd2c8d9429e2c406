"""Faults on demand: how the Web API fails when it is told to, and what it refuses to be told."""

import time

import pytest
from slack_sdk.errors import SlackApiError

from tests.contract.workspace_fixtures import RunningWorkspace

ALERTS = "C0AIALERTS"


async def test_a_method_fails_as_often_as_it_was_told(slack: RunningWorkspace) -> None:
    await slack.fault(kind="answer", method="chat.postMessage", status=429, retry_after=7, calls=2)
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await slack.web.chat_postMessage(channel=ALERTS, text="x")
        assert caught.value.response.headers["Retry-After"] == "7"
    await slack.web.chat_postMessage(channel=ALERTS, text="x")
    assert (await slack.http.get("/_workspace/faults")).json()["faults"] == []


async def test_other_methods_are_left_alone(slack: RunningWorkspace) -> None:
    await slack.fault(kind="answer", method="chat.postMessage", status=500)
    await slack.web.auth_test()


async def test_an_answer_can_be_lost_after_the_message_was_posted(slack: RunningWorkspace) -> None:
    await slack.fault(kind="answer", method="chat.postMessage", status=500, applied=True)
    with pytest.raises(SlackApiError):
        await slack.web.chat_postMessage(channel=ALERTS, text="posted all the same")
    history = await slack.web.conversations_history(channel=ALERTS)
    assert [one["text"] for one in history["messages"]] == ["posted all the same"]


async def test_a_method_can_be_slowed_for_a_number_of_calls(slack: RunningWorkspace) -> None:
    await slack.fault(kind="slow", milliseconds=120, calls=1)
    started = time.monotonic()
    await slack.web.auth_test()
    assert time.monotonic() - started >= 0.12
    assert (await slack.http.get("/_workspace/faults")).json()["faults"] == []


async def test_faults_are_lifted(slack: RunningWorkspace) -> None:
    await slack.fault(kind="answer", status=503, calls=100)
    await slack.http.delete("/_workspace/faults")
    await slack.web.auth_test()


@pytest.mark.parametrize(
    "fault",
    [{}, {"kind": "fire"}, {"kind": "slow"}, {"kind": "answer", "status": 418}, {"kind": "slow", "milliseconds": -1}],
)
async def test_an_unknown_fault_is_refused(slack: RunningWorkspace, fault: dict[str, object]) -> None:
    answer = await slack.http.post("/_workspace/faults", json=fault)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_fault")


@pytest.mark.parametrize("query", ["since=yesterday", "since=2026-03-02T09:00:00", "after=x"])
async def test_a_question_about_requests_must_make_sense(slack: RunningWorkspace, query: str) -> None:
    assert (await slack.http.get(f"/_workspace/requests?{query}")).status_code == 400
