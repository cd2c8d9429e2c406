"""What a failed call to Slack means: each of Slack's answers maps to one error of the tree."""

from datetime import timedelta

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncSlackResponse, AsyncWebClient

from bot.errors import AuthFailed, IntegrationError, RateLimited, Rejected, Unavailable
from bot.slack.calls import calling, refused_as, without_retries


def _answer(error: str, *, status: int = 200, headers: dict[str, str] | None = None, **fields: str) -> SlackApiError:
    response = AsyncSlackResponse(
        client=AsyncWebClient(),
        http_verb="POST",
        api_url="https://slack.com/api/chat.postMessage",
        req_args={},
        data={"ok": False, "error": error, **fields},
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("refused", response)


def _raised(error: Exception) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught, calling("chat.postMessage"):
        raise error
    return caught.value


def test_a_rate_limit_carries_slacks_wait() -> None:
    error = _raised(_answer("ratelimited", status=429, headers={"Retry-After": "30"}))
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("code", ["invalid_auth", "not_authed", "token_revoked"])
def test_a_token_that_slack_does_not_accept_is_an_auth_failure(code: str) -> None:
    assert isinstance(_raised(_answer(code)), AuthFailed)


@pytest.mark.parametrize(
    "error",
    [
        _answer("", status=503),
        _answer("fatal_error"),
        aiohttp.ServerDisconnectedError(),
        TimeoutError(),
        ConnectionRefusedError(),
    ],
)
def test_no_answer_and_slacks_own_failures_leave_the_effect_unknown(error: Exception) -> None:
    assert isinstance(_raised(error), Unavailable)


def test_any_other_refusal_is_final_and_keeps_slacks_code() -> None:
    error = _raised(_answer("channel_not_found"))
    assert isinstance(error, Rejected)
    assert refused_as(error, "is_archived", "channel_not_found")
    assert not refused_as(error, "is_archived")


def test_a_missing_scope_is_named() -> None:
    assert "add the scope pins:write" in str(_raised(_answer("missing_scope", needed="pins:write")))


def test_what_posts_never_repeats_a_call_by_itself() -> None:
    client = without_retries(AsyncWebClient(token="xoxb-1", base_url="http://127.0.0.1:1/api/", timeout=7))
    assert client.retry_handlers == []
    assert (client.token, client.base_url, client.timeout) == ("xoxb-1", "http://127.0.0.1:1/api/", 7)
