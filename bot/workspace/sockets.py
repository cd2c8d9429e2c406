"""The Socket Mode door: WebSocket connections of the app, each delivery to one of them.

https://docs.slack.dev/apis/events-api/using-socket-mode - several sockets may be open; Slack picks one for each
delivery, so nobody may count on which.
"""

import asyncio
import json
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.workspace.dispatch import Delivery, Kind, Loss, UndeliveredError
from bot.workspace.limits import Limits
from bot.workspace.state import Clock
from bot.workspace.wire import Json

_CONNECTION_LIVES_SECONDS = 18_060
_LOST = "connection_failed"


class _Connection:
    """One open socket and the envelopes that wait for its acknowledgement."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.waiting: dict[str, asyncio.Future[Json]] = {}
        self._writing = asyncio.Lock()

    async def send(self, message: Json) -> None:
        async with self._writing:
            await self.socket.send_text(json.dumps(message))

    def acknowledge(self, text: str) -> None:
        try:
            message: Any = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        future = self.waiting.pop(str(message.get("envelope_id")), None)
        if future is not None and not future.done():
            payload = message.get("payload")
            future.set_result(payload if isinstance(payload, dict) else {"text": payload} if payload else {})

    def lose(self) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(UndeliveredError(Loss.CONNECTION_LOST))
        self.waiting.clear()


class SocketDoor:
    """Delivers through the open sockets, taking them in turn."""

    def __init__(self, app_id: str, limits: Limits, now: Clock) -> None:
        self._app_id = app_id
        self._limits = limits
        self._now = now
        self._tickets: dict[str, datetime] = {}
        self._connections: list[_Connection] = []
        self._opened = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._connections)

    def ticket(self) -> str:
        """Return a ticket that opens one socket, soon."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = self._now() + self._limits.socket_ticket_lives
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """Hold one WebSocket open: greet it and take acknowledgements until it closes."""
        expires = self._tickets.pop(socket.query_params.get("ticket", ""), None)
        if expires is None or expires < self._now():
            await socket.close(code=4001, reason="invalid or used ticket")
            return
        await socket.accept()
        connection = _Connection(socket)
        if self.connections >= self._limits.sockets:
            await connection.send(self._disconnect("too_many_websockets"))
            await socket.close()
            return
        await connection.send(self._hello())
        self._connections.append(connection)
        self._opened.set()
        try:
            while True:
                connection.acknowledge(await socket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            self._forget(connection)

    async def deliver(self, delivery: Delivery) -> Json:
        """Send one envelope and return the payload of its acknowledgement; raise `UndeliveredError`."""
        if not self._connections:
            raise UndeliveredError(Loss.NO_CONNECTION)
        connection = self._connections.pop(0)
        self._connections.append(connection)
        envelope_id = secrets.token_hex(16)
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = future
        try:
            await connection.send(_envelope(envelope_id, delivery))
            return await asyncio.wait_for(future, self._limits.ack_within.total_seconds())
        except TimeoutError as exc:
            raise UndeliveredError(Loss.TIMEOUT) from exc
        except (WebSocketDisconnect, RuntimeError) as exc:
            raise UndeliveredError(Loss.CONNECTION_LOST) from exc
        finally:
            connection.waiting.pop(envelope_id, None)

    async def wait_until_open(self) -> None:
        """Return as soon as a socket is open."""
        await self._opened.wait()

    async def drop(self, *, announced: bool) -> None:
        """Close every socket, if `announced` after Slack's `disconnect` message."""
        for connection in list(self._connections):
            self._forget(connection)
            with suppress(RuntimeError, WebSocketDisconnect):
                if announced:
                    await connection.send(self._disconnect("refresh_requested"))
                await connection.socket.close(code=1012)

    def _forget(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
        if not self._connections:
            self._opened.clear()
        connection.lose()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.connections + 1,
            "debug_info": {
                "host": "applink-local",
                "build_number": 1,
                "approximate_connection_time": _CONNECTION_LIVES_SECONDS,
            },
            "connection_info": {"app_id": self._app_id},
        }

    def _disconnect(self, reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}


def _envelope(envelope_id: str, delivery: Delivery) -> Json:
    envelope: Json = {
        "envelope_id": envelope_id,
        "type": delivery.kind.value,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind is not Kind.EVENT,
    }
    if delivery.kind is Kind.EVENT:
        reason = {None: "", Loss.TIMEOUT: "timeout"}.get(delivery.lost, _LOST)
        envelope |= {"retry_attempt": delivery.retry_attempt, "retry_reason": reason}
    return envelope
