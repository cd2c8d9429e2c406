"""The span of a request: begun by whoever finds out that its sender may ask, ended by the boundary, with the status.

A stranger's request has none: without a credential nobody can fill the collector, put spans into another's trace, or
have a request left out of the sample. Who has shown one is believed its `traceparent`, so that the trace of the
evaluator that raised an alert goes on here (https://www.w3.org/TR/trace-context/#security-considerations).
"""

from contextlib import ExitStack

from starlette.requests import Request
from starlette.types import Scope

from bot import tracing
from bot.tracing import Kind, Span

_KEY = "stanch.request_span"


class RequestSpan:
    """The span of one request, if it gets one."""

    def __init__(self, scope: Scope) -> None:
        """Take the request's scope, in which `trusted` finds this."""
        self._leaving = ExitStack()
        self._span: Span | None = None
        scope[_KEY] = self

    def begin(self, request: Request) -> None:
        """Begin it, named after the request's route, in the trace that the sender asks for."""
        route = route_of(request.scope)
        self._span = self._leaving.enter_context(
            tracing.apart(
                f"{request.method} {route}",
                {"http.request.method": request.method, "http.route": route},
                kind=Kind.SERVER,
                within=request.headers.get("traceparent"),
            )
        )

    def end(self, status: int | None) -> None:
        """End it with the status of the answer; `None` where the sender did not wait for one."""
        if self._span is not None and status is not None:
            self._span.set("http.response.status_code", status)
            if status >= 500:
                self._span.fail(str(status))
        self._leaving.close()


def trusted(request: Request) -> None:
    """Have a request traced whose sender has shown a credential."""
    span: RequestSpan = request.scope[_KEY]
    span.begin(request)


def route_of(scope: Scope) -> str:
    """Return the template of the route that serves, never the address itself: those are without number."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"
