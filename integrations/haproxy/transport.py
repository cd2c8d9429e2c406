"""Carries requests out over HAProxy's stats socket: one connection for each, which HAProxy closes after its answer.

`GET /?command=...` asks, `POST /` with `{"commands": [...]}` changes; the body of the answer is HAProxy's text as it
came. HAProxy answers refusals as text too and knows no status, so every answer is a 200 here.
Source: https://docs.haproxy.org/2.6/management.html#9.3, checked against HAProxy 2.6.12.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import httpx

from bot.sdk import ConnectionSettings

_LONGEST_ANSWER = 8_000_000
_PIECE = 65_536
# A command ends at either; one that holds them would be two.
_ENDS_A_COMMAND = frozenset("\n;")


def transport(settings: ConnectionSettings) -> httpx.AsyncBaseTransport:
    """Return the transport to the socket that the settings' `url` names."""
    return _RuntimeApi(settings.url)


class _RuntimeApi(httpx.AsyncBaseTransport):
    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        line = "; ".join(_commands(request))
        limits = request.extensions.get("timeout", {})
        with _told_as(httpx.ConnectTimeout, httpx.ConnectError, request):
            async with asyncio.timeout(limits.get("connect")):
                reader, writer = await self._connect()
        try:
            with _told_as(httpx.ReadTimeout, httpx.ReadError, request):
                async with asyncio.timeout(limits.get("read")):
                    writer.write(f"{line}\n".encode())
                    await writer.drain()
                    answer = await _whole(reader, request)
        finally:
            # What was not sent in time must not be sent later.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        return httpx.Response(200, content=answer, headers={"Content-Type": "text/plain; charset=utf-8"})

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.scheme == "unix":
            return await asyncio.open_unix_connection(self._address.path)
        return await asyncio.open_connection(self._address.hostname, self._address.port)


def _commands(request: httpx.Request) -> Sequence[str]:
    asked = request.method == "GET"
    commands = [request.url.params["command"]] if asked else json.loads(request.content)["commands"]
    if any(_ENDS_A_COMMAND & set(command) for command in commands):
        raise httpx.LocalProtocolError("a command must not hold another one", request=request)
    return commands


async def _whole(reader: asyncio.StreamReader, request: httpx.Request) -> bytes:
    """Return all that HAProxy says; every answer of its ends with a line break, so one that does not was cut off."""
    answer = bytearray()
    while piece := await reader.read(_PIECE):
        answer += piece
        if len(answer) > _LONGEST_ANSWER:
            raise httpx.ReadError("the answer is too long", request=request)
    if not answer.endswith(b"\n"):
        raise httpx.RemoteProtocolError("the connection was closed without an answer", request=request)
    return bytes(answer)


@contextmanager
def _told_as(
    late: type[httpx.TransportError], broken: type[httpx.TransportError], request: httpx.Request
) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise late("timed out", request=request) from error
    except OSError as error:
        raise broken("the connection failed", request=request) from error
