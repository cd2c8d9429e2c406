"""Asks the server, and asks again where no answer came: each write carries a key, so that it is done once."""

import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import httpx

from bot.domain.values import JsonObject
from bot.errors import StanchError
from bot.terminal.access import Access

_API = "/api/v1/incidents"
_TRIES = 3
_LONGEST_PAUSE_SECONDS = 5.0
# Planning reads every target, and a vendor may take its time.
_TIMEOUT = httpx.Timeout(60, connect=5)
_COME_BACK = frozenset({429, 503})


class Refused(StanchError):
    """The server said no; its sentence says what to do."""


class NoAnswer(StanchError):
    """The server cannot be reached, or asks to come back later."""


class Server:
    """One running Stanch."""

    def __init__(self, access: Access, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take where it is and who asks."""
        self._url = access.url
        self._sleep = sleep
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {access.token.get_secret_value()}"},
            timeout=_TIMEOUT,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def get(self, path: str = "", **params: str | int | bool) -> JsonObject:
        """Read.

        Raises:
            Refused: The server says no.
            NoAnswer: It does not answer.
        """
        return self._asked(lambda: self._client.get(f"{self._url}{_API}{path}", params=params), "")

    def post(self, path: str, body: JsonObject, key: str | None = None) -> JsonObject:
        """Write once, however often it has to be said.

        Raises:
            Refused: The server says no.
            NoAnswer: It does not answer; the message names the key under which to say the same again.
        """
        key = key or f"terminal-{token_hex(16)}"
        again = f" It may have been done: say the same again with `--key {key}`, and it is done once."
        headers = {"Idempotency-Key": key}
        return self._asked(lambda: self._client.post(f"{self._url}{_API}{path}", json=body, headers=headers), again)

    def _asked(self, ask: Callable[[], httpx.Response], again: str) -> JsonObject:
        said = ""
        for attempt in range(_TRIES):
            try:
                answer = ask()
            except httpx.ConnectError:
                said, pause = f"Nothing answers at {self._url}: see whether Stanch runs there.", float(attempt)
            except httpx.TransportError as error:
                said, pause = f"{self._url} did not answer ({type(error).__name__}).{again}", float(attempt)
            else:
                if answer.status_code not in _COME_BACK:
                    return _read(answer)
                said, pause = _sentence(answer), _retry_after(answer)
            if attempt + 1 < _TRIES:
                self._sleep(min(pause, _LONGEST_PAUSE_SECONDS))
        raise NoAnswer(said)


def _read(answer: httpx.Response) -> JsonObject:
    if answer.is_success:
        told = _json(answer)
        if told is not None:
            return told
    raise Refused(_sentence(answer))


def _sentence(answer: httpx.Response) -> str:
    """Return what the server says, in the words of a terminal; never the body of something that is no Stanch."""
    told = _json(answer) or {}
    message = told.get("message")
    if not isinstance(message, str):
        return f"{answer.url.host} answered {answer.status_code} and is no Stanch of this version: check the address."
    if answer.status_code == 401:
        return "The token is not in force: say `/incident token` in Slack for another, and set STANCH_TOKEN."
    for slack, terminal in _AT_A_TERMINAL.items():
        message = message.replace(slack, terminal)
    return message


_AT_A_TERMINAL = {
    "`/incident declare <what is happening>`": "`stanch declare <what is happening>`",
    "`/incident list`": "`stanch incidents`",
    "`/incident contain`": "`stanch plan INC-7`",
}


def _json(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _retry_after(answer: httpx.Response) -> float:
    seconds = answer.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else 1.0
