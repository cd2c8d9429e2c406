"""The wire between a client and a simulator: it counts what passes and can be told to fail."""

from collections.abc import Callable
from typing import Literal

import httpx

from bot.sdk import AsgiApp
from tests.integrations.contract import read_by_method

Answer = httpx.Response | httpx.TransportError
Fault = Callable[[httpx.Request], Answer | None]
"""What happens instead of an answer; `None` for what passes."""


def status(code: int, text: str = "", **headers: str) -> Callable[[httpx.Request], Answer]:
    """Return an answer of the vendor that echoes the caller's credential, as careless vendors do."""

    def answer(request: httpx.Request) -> Answer:
        echoed = f"{text} {request.headers.get('Authorization', '')}"
        return httpx.Response(code, text=echoed, headers=headers, request=request)

    return answer


def body(text: str) -> Callable[[httpx.Request], Answer]:
    """Return a 200 with any body."""
    return lambda request: httpx.Response(200, text=text, request=request)


def timeout(request: httpx.Request) -> Answer:
    return httpx.ReadTimeout("timed out", request=request)


def refused(request: httpx.Request) -> Answer:
    return httpx.ConnectError("connection refused", request=request)


class Wire(httpx.AsyncBaseTransport):
    """A transport to an ASGI app.

    Attributes:
        requests: All that was asked, in order.
    """

    def __init__(self, app: AsgiApp, is_read: Callable[[httpx.Request], bool] = read_by_method) -> None:
        self._is_read = is_read
        self._inner = httpx.ASGITransport(app)
        self._fault: Fault | None = None
        self._concerns: Literal["all", "writes"] = "all"
        self._passes_on = False
        self.requests: list[httpx.Request] = []

    @property
    def writes(self) -> list[httpx.Request]:
        return [request for request in self.requests if not self._is_read(request)]

    def break_with(
        self,
        fault: Fault,
        *,
        concerns: Literal["all", "writes"] = "all",
        after_passing_on: bool = False,
    ) -> None:
        """Answer with a fault from now on; after passing the request on if the vendor is to have done the work."""
        self._fault, self._concerns, self._passes_on = fault, concerns, after_passing_on

    def mend(self) -> None:
        self._fault = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        fault = self._fault
        if fault is None or (self._concerns == "writes" and self._is_read(request)):
            return await self._inner.handle_async_request(request)
        if self._passes_on:
            await self._inner.handle_async_request(request)
        answer = fault(request)
        if answer is None:
            return await self._inner.handle_async_request(request)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer
