"""A collector of traces on loopback: takes what is posted as OTLP, keeps the bytes, and shows the spans in them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.requests import Request
from starlette.responses import Response

from bot.serving import WebServer


@dataclass(frozen=True)
class Told:
    """One span as it arrived; `parent` is empty for the first of a trace, `causes` are spans of other traces."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    begun: int
    attributes: dict[str, str | int]
    causes: frozenset[str]
    failed: bool


@dataclass
class Collector:
    """What was posted, and how to answer what will be: a status, and not before `open` is set."""

    url: str = ""
    status: int = 200
    open: asyncio.Event = field(default_factory=asyncio.Event)
    posted: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.posted += 1
        await self.open.wait()
        if self.status == 200:
            assert request.headers["Content-Type"] == "application/x-protobuf"
            self.headers.append(dict(request.headers))
            self.bodies.append(body)
        return Response(status_code=self.status, media_type="application/x-protobuf")

    @property
    def resources(self) -> list[dict[str, str | int]]:
        """The attributes of every program that sent spans."""
        read = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [_attributes(each.resource.attributes) for one in read for each in one.resource_spans]

    @property
    def spans(self) -> list[Told]:
        """All spans, in the order in which they began."""
        return sorted((_told(span) for body in self.bodies for span in _spans(body)), key=lambda told: told.begun)

    def named(self, name: str) -> list[Told]:
        return [told for told in self.spans if told.name == name]

    def within(self, parent: Told) -> list[Told]:
        """The spans right below one."""
        return [told for told in self.spans if told.parent == parent.id]

    def tree(self, root: Told, *, without: str = "") -> object:
        """The names below a span, as nested lists in the order in which they began; spans of one name left out."""
        below = [self.tree(told, without=without) for told in self.within(root) if told.name != without]
        return [root.name, *below] if below else root.name


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _told(span: Span) -> Told:
    return Told(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        begun=span.start_time_unix_nano,
        attributes=_attributes(span.attributes),
        causes=frozenset(link.span_id.hex() for link in span.links),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
    )


def _attributes(attributes: object) -> dict[str, str | int]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}  # type: ignore[attr-defined]


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    collector, app = Collector(), FastAPI()
    collector.open.set()
    app.add_api_route("/v1/traces", collector.take, methods=["POST"], response_model=None)
    server = WebServer("127.0.0.1", 0)
    await server.start(app)
    collector.url = server.url
    yield collector
    collector.open.set()
    await server.stop()
