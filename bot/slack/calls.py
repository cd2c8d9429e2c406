"""Calls to Slack's Web API: what their failures mean to Stanch.

A newcomer would let the SDK repeat a call whose connection broke: a message would then be posted twice. What posts uses
`without_retries`; whoever asked decides, after having looked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import tracing
from bot.errors import AuthFailed, IntegrationError, RateLimited, Rejected, Unavailable

SLACK = "slack"
_AUTH_ERRORS = {"not_authed", "invalid_auth", "account_inactive", "token_expired", "token_revoked"}
_UNAVAILABLE_ERRORS = {"fatal_error", "internal_error", "service_unavailable", "request_timeout"}


def without_retries(client: AsyncWebClient) -> AsyncWebClient:
    """Return a client like the given one that never repeats a call by itself."""
    return AsyncWebClient(
        token=client.token, base_url=client.base_url, timeout=client.timeout, proxy=client.proxy, retry_handlers=[]
    )


@contextmanager
def calling(method: str) -> Iterator[None]:
    """Turn what a Web API call raises into the error tree; `method` is Slack's name of it.

    Raises:
        AuthFailed: Slack does not accept the token.
        RateLimited: Slack asked to wait.
        Unavailable: Slack did not answer, or failed; the effect is unknown.
        Rejected: Slack refused; `refused_as` tells for what.
    """
    with tracing.call(f"{SLACK} {method}", {"stanch.integration": SLACK, "stanch.operation": method}):
        try:
            yield
        except SlackApiError as exc:
            raise _translated(method, exc) from exc
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unavailable(SLACK, method, "no answer from Slack") from exc


def refused_as(error: Rejected, *codes: str) -> bool:
    """Return whether Slack refused with one of these error codes."""
    cause = error.__cause__
    return isinstance(cause, SlackApiError) and _code(cause) in codes


def _translated(method: str, exc: SlackApiError) -> IntegrationError:
    code, status = _code(exc), _status(exc)
    if code == "ratelimited" or status == 429:
        return RateLimited(SLACK, method, retry_after=_retry_after(exc))
    if code in _AUTH_ERRORS:
        return AuthFailed(SLACK, method, f"{code}; set a valid bot token")
    if status >= 500 or code in _UNAVAILABLE_ERRORS:
        return Unavailable(SLACK, method, code or f"HTTP {status}")
    needed = exc.response.get("needed") if code == "missing_scope" else None
    return Rejected(SLACK, method, status=status, detail=f"{code} (add the scope {needed})" if needed else code)


def _code(exc: SlackApiError) -> str:
    response = exc.response
    return str(response.get("error") or "") if hasattr(response, "get") else ""


def _status(exc: SlackApiError) -> int:
    response = exc.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)


def _retry_after(exc: SlackApiError) -> timedelta:
    headers = getattr(exc.response, "headers", {})
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
    return timedelta(seconds=int(found) if str(found).isdigit() else 1)
