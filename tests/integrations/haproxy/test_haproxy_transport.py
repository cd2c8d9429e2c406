"""The way of a command to a stats socket and of its answer back, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.sdk import Unavailable
from integrations.haproxy.client import RuntimeApi, Settings
from integrations.haproxy.transport import transport

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Socket:
    """Plays a stats socket.

    Attributes:
        heard: The lines that it was sent.
    """

    def __init__(self, says: bytes = b"\n") -> None:
        self.heard: list[bytes] = []
        self._says = says

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readline())
        writer.write(self._says)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def api(url: str, seconds: float = 5) -> AsyncIterator[RuntimeApi]:
    settings = Settings(url=url, timeout=seconds)
    async with httpx.AsyncClient(
        base_url=settings.url, timeout=settings.timeout, transport=transport(settings)
    ) as client:
        yield RuntimeApi(client)


@asynccontextmanager
async def listening(behaviour: Behaviour, seconds: float = 5) -> AsyncIterator[RuntimeApi]:
    server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
    async with server, api(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", seconds) as opened:
        yield opened


async def test_a_command_is_one_line_and_its_answer_the_lines_that_came() -> None:
    socket = Socket(b"0x1 caf\xc3\xa9\n0x2 \xff\n\n")
    async with listening(socket.answer) as opened:
        assert await opened.show("show acl /a") == ["0x1 café", "0x2 \ufffd"]
    assert socket.heard == [b"show acl /a\n"]


async def test_several_commands_go_over_one_connection() -> None:
    socket = Socket(b"\n\n")
    async with listening(socket.answer) as opened:
        await opened.change(["add acl /a 1", "del acl /a 2"])
    assert socket.heard == [b"add acl /a 1; del acl /a 2\n"]


async def test_a_unix_socket_serves_as_well(tmp_path: Path) -> None:
    socket, path = Socket(), tmp_path / "admin.sock"
    async with await asyncio.start_unix_server(socket.answer, path), api(f"unix://{path}") as opened:
        assert await opened.show("show acl /a") == []
    assert socket.heard == [b"show acl /a\n"]


@pytest.mark.parametrize("says", [b"", b"0x1 a\n0x2 b", b"\x00" * 8_000_001], ids=["nothing", "half", "far too much"])
async def test_an_answer_that_is_not_whole_is_none(says: bytes) -> None:
    async with listening(Socket(says).answer) as opened:
        with pytest.raises(Unavailable, match="no answer"):
            await opened.show("show acl /a")


async def test_a_socket_that_never_answers_is_given_up_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(silent, seconds=0.2) as opened:
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="ReadTimeout"):
            await opened.show("show acl /a")
    assert time.monotonic() - begun < 2


async def test_a_connection_that_is_reset_is_no_answer() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.transport.abort()
        await writer.wait_closed()

    async with listening(reset) as opened:
        with pytest.raises(Unavailable, match="no answer"):
            await opened.show("show acl /a")


async def test_where_nobody_listens_is_no_answer(tmp_path: Path) -> None:
    async with await asyncio.start_server(Socket().answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    for url in (f"tcp://127.0.0.1:{port}", f"unix://{tmp_path}/none.sock"):
        async with api(url) as opened:
            with pytest.raises(Unavailable, match="ConnectError"):
                await opened.show("show acl /a")


@pytest.mark.parametrize("command", ["show acl /a; shutdown sessions server a/b", "show acl /a\nshow info"])
async def test_a_command_that_holds_another_one_never_leaves(command: str) -> None:
    socket = Socket()
    async with listening(socket.answer) as opened:
        with pytest.raises(Unavailable):
            await opened.show(command)
        with pytest.raises(Unavailable):
            await opened.change([command])
    assert socket.heard == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9999", "tcp://127.0.0.1", "tcp://me:secret@127.0.0.1:1", "unix://run/x"]
)
def test_an_address_that_is_no_socket_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Settings(url=url)
