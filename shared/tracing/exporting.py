"""Spans go to an OTLP receiver from a thread of their own. One that is away costs spans and never a job's time."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from shared.tracing import tracing
from shared.tracing.tracing import NONE, Attributes, Kind, Place
from shared.version import VERSION

MOST_WAITING = 2048  # spans; more are dropped, and a log line says so
AT_ONCE = 256
EVERY_MS = 1000
SENT_WITHIN_S = 5.0  # a batch, with all its tries
CLOSED_WITHIN_S = 2.0


class Chosen(NamedTuple):
    """Ids that a span is to have; 0 for one that is drawn."""

    trace_id: int = 0
    span_id: int = 0


CHOSEN: ContextVar[Chosen] = ContextVar("chosen", default=Chosen())  # noqa: B039 - it is a tuple


class Ids(RandomIdGenerator):
    """Ids are drawn, unless one was chosen."""

    def generate_trace_id(self) -> int:
        return CHOSEN.get().trace_id or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return CHOSEN.get().span_id or super().generate_span_id()


class TracingTo(tracing.Tracing):
    """Tracing to one receiver. Made in each process, as its thread does not survive a fork."""

    def __init__(self, endpoint: str, service: str) -> None:
        """The SDK's own variables say the rest: which share is sampled, headers, certificates, more attributes."""
        whose = {"service.name": f"genonaut-{service}", "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"}
        resource = Resource.create({**whose, "service.version": VERSION})
        self.provider = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=SENT_WITHIN_S)
        self.processor = BatchSpanProcessor(
            exporter, max_queue_size=MOST_WAITING, max_export_batch_size=AT_ONCE, schedule_delay_millis=EVERY_MS
        )
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer("genonaut", VERSION)

    def traceparent(self) -> str | None:
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return None
        return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags & TraceFlags.SAMPLED:02x}"

    def trace_id(self) -> str | None:
        here = trace.get_current_span().get_span_context()
        return f"{here.trace_id:032x}" if here.is_valid else None

    @contextmanager
    def beginning(self, name: str, place: Place, kind: Kind, attributes: Attributes = NONE) -> Iterator[tracing.Span]:
        with told(self.started(name, place, kind, attributes)) as span:
            yield span

    @contextmanager
    def span(self, name: str, attributes: Attributes = NONE, kind: Kind = Kind.INTERNAL) -> Iterator[tracing.Span]:
        if not trace.get_current_span().is_recording():
            yield tracing.UNTOLD
            return
        with told(self.tracer.start_span(name, kind=SpanKind[kind.name], attributes=attributes)) as span:
            yield span

    def tell(self, name: str, place: Place, ended_at: datetime, attributes: Attributes = NONE) -> None:
        span = self.started(name, place, Kind.CONSUMER, attributes)
        span.set_status(Status(StatusCode.ERROR))
        span.end(nanoseconds(ended_at))

    def started(self, name: str, place: Place, kind: Kind, attributes: Attributes) -> trace.Span:
        """A span at the place, with the ids that it names."""
        chosen = Chosen(*(number_of(key, size) for key, size in ((place.trace_key, 16), (place.span_key, 8))))
        token = CHOSEN.set(chosen)
        try:
            return self.tracer.start_span(
                name,
                context=context_of(place.traceparent),
                kind=SpanKind[kind.name],
                attributes=attributes,
                start_time=None if place.began_at is None else nanoseconds(place.began_at),
            )
        finally:
            CHOSEN.reset(token)

    def close(self) -> None:
        # The SDK waits up to 30 s for a receiver that hangs.
        closing = threading.Thread(target=self.processor.shutdown, name="traces-closing", daemon=True)
        closing.start()
        closing.join(CLOSED_WITHIN_S)


class Told(tracing.Span):
    """A span that the receiver is told of once it has ended."""

    def __init__(self, span: trace.Span) -> None:
        self.span = span
        self.has_failed = False

    def name(self, name: str) -> None:
        self.span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self.span.set_attributes(attributes)

    def failed(self, kind: str) -> None:
        """The first kind counts: it knows best."""
        if not self.has_failed:
            self.has_failed = True
            self.span.set_attribute("error.type", kind)
            self.span.set_status(Status(StatusCode.ERROR))


@contextmanager
def told(span: trace.Span) -> Iterator[tracing.Span]:
    """The work at hand is that of the span until the block ends. Of what is raised only the kind is told: its words may
    hold a secret."""
    telling, token = Told(span), context.attach(trace.set_span_in_context(span))
    try:
        yield telling
    except BaseException as error:
        telling.failed(type(error).__name__)
        raise
    finally:
        context.detach(token)
        span.end()


def context_of(traceparent: str | None) -> context.Context:
    """Behind a traceparent, which was checked; or behind nothing."""
    if traceparent is None:
        return context.Context()
    _, trace_id, span_id, flags = traceparent.split("-")
    before = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(trace.NonRecordingSpan(before), context.Context())


def number_of(key: str, size: int) -> int:
    """A number of this many bytes that is the same wherever the key is; 0 for no key."""
    return int.from_bytes(blake2b(key.encode(), digest_size=size).digest(), "big") if key else 0


def nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6) * 1000
