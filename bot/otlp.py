"""Sends spans to an OpenTelemetry collector, as protobuf over HTTP; imported only where an endpoint was set.

Stanch never waits for the collector: a thread of the SDK sends batches, a full queue drops its oldest spans, and a stop
waits for two seconds at most. What the settings do not say, such as sampling, batch sizes and TLS, the SDK reads from
the variables that it documents: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bot.trace_settings import TraceSettings
from bot.tracing import Attributes, Kind, Span, Value

logger = logging.getLogger(__name__)

_PATIENCE = timedelta(seconds=2)
# An attribute says which and how it ended, not what was in it.
_LONGEST_VALUE = 200
_TRIAL_SECONDS = 3
_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.CONSUMER: SpanKind.CONSUMER,
}


class Otlp:
    """The tracer of a process, see `bot.tracing`."""

    def __init__(self, settings: TraceSettings, instance: str) -> None:
        """Take where spans go, and what tells this process from its replicas; nothing is contacted before a span ends.

        The provider is never made the global one: other libraries would then trace what they do, with what they like.
        """
        self._collector = _Collector(settings)
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": settings.service, "service.instance.id": instance}),
            span_limits=SpanLimits(max_span_attribute_length=_LONGEST_VALUE),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._collector))
        self._tracer = self._provider.get_tracer("stanch")

    def start(
        self, name: str, kind: Kind, attributes: Attributes, within: Span | str | None, cause: Span | None
    ) -> Span:
        """Begin a span."""
        started = self._tracer.start_span(
            name,
            _context(within),
            _KINDS[kind],
            {each: _text(value) for each, value in attributes.items()},
            [Link(cause.context)] if isinstance(cause, _Recorded) else (),
        )
        return _Recorded(started)

    async def stop(self) -> None:
        """Send what is left, for a short time; a collector that does not take it is no reason to stay."""
        # A thread that the interpreter does not wait for at its end, unlike those of an executor.
        sending = Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, _PATIENCE.total_seconds())
        if sending.is_alive():
            seconds = _PATIENCE.total_seconds()
            logger.warning("traces.unsent: the collector did not take the last spans in %g s", seconds)
            self._collector.shutdown()


def refusal(settings: TraceSettings) -> str:
    """Send an empty batch, the way that spans go; return why it was not taken, empty if it was. Blocks for seconds."""
    collector = _Collector(settings, _TRIAL_SECONDS)
    why = collector.send(())
    collector.shutdown()
    return why


class _Recorded:
    """A span of the SDK."""

    def __init__(self, recorded: SdkSpan) -> None:
        self._recorded = recorded
        self.context = recorded.get_span_context()

    @property
    def trace_id(self) -> str:
        return format_trace_id(self.context.trace_id)

    def set(self, name: str, value: Value) -> None:
        if self._recorded.is_recording():
            self._recorded.set_attribute(name, _text(value))

    def fail(self, error: str) -> None:
        self.set("error.type", error)
        if self._recorded.is_recording():
            self._recorded.set_status(StatusCode.ERROR)

    def end(self) -> None:
        self._recorded.end()

    def around(self) -> Context:
        """Return the context that has this span as the present one."""
        return set_span_in_context(self._recorded, Context())


class _Collector(SpanExporter):
    """Says once that spans are lost, and once that they get through again."""

    def __init__(self, settings: TraceSettings, timeout: float | None = None) -> None:
        headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
        self._exporter = OTLPSpanExporter(settings.endpoint, headers=headers, timeout=timeout)
        self._endpoint = settings.endpoint
        self._heard = _Heard()
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        why = self.send(spans)
        if why and not self._lost:
            logger.warning("traces.lost: %s takes no spans; until it does they are dropped. %s", self._endpoint, why)
        if not why and self._lost:
            logger.info("traces.resumed: %s takes spans again; %d were lost", self._endpoint, self._lost)
        self._lost = self._lost + len(spans) if why else 0
        return SpanExportResult.FAILURE if why else SpanExportResult.SUCCESS

    def send(self, spans: Sequence[ReadableSpan]) -> str:
        """Send a batch; return why it was not taken, empty if it was."""
        self._heard.said = ""
        taken = self._exporter.export(spans) is SpanExportResult.SUCCESS
        return "" if taken else self._heard.said or "no reason is known"

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Heard(logging.Handler):
    """Keeps what the SDK says first of a batch, and all of it out of the log: it says the same for every attempt."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = ""
        wordy = logging.getLogger("opentelemetry.exporter")
        wordy.handlers, wordy.propagate = [self], False
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.CRITICAL)

    def emit(self, record: logging.LogRecord) -> None:
        self.said = self.said or record.getMessage()


def _context(within: Span | str | None) -> Context:
    if isinstance(within, _Recorded):
        return within.around()
    if isinstance(within, str):
        return TraceContextTextMapPropagator().extract({"traceparent": within}, Context())
    return Context()


def _text(value: Value) -> Value:
    """Return a value that can be sent: half a surrogate pair would cost the whole batch."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
