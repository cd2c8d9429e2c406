"""Serves the web edge inside the running loop, on a socket that is bound before anything else starts."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from bot.errors import SettingsError

_GRACE_SECONDS = 5


class _QuietServer(uvicorn.Server):
    """Leaves signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class WebServer:
    """One HTTP server."""

    def __init__(self, host: str, port: int) -> None:
        """Bind; a port of 0 takes a free one.

        Raises:
            SettingsError: The address is taken or not this machine's.
        """
        try:
            self._socket = socket.create_server((host, port), reuse_port=False)
        except OSError as error:
            raise SettingsError(
                f"{host}:{port} cannot be served ({error.strerror}): set STANCH_HOST and STANCH_PORT to a free address."
            ) from error
        bound = self._socket.getsockname()
        self.url = f"http://{bound[0]}:{bound[1]}"
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, app: FastAPI) -> None:
        """Serve until stopped; return when requests are answered."""
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS, server_header=False
        )
        self._server = _QuietServer(config)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]), name="web")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn offers nothing to wait on
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Finish the requests that are under way and close."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._socket.close()
