"""A receiver of traces: it takes OTLP by HTTP on 127.0.0.1, and reads it by the exporter's own description."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

PATIENCE_S = 30.0


@dataclass(frozen=True)
class ToldSpan:
    """A span as it was received. `attributes` has those of its own, by name."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str  # "" for the first of a trace
    has_failed: bool
    took_ns: int
    attributes: dict[str, Any] = field(default_factory=dict)


class Receiver:
    """What was received so far, in the order in which it came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[ToldSpan] = []
        self.bodies: list[bytes] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def named(self, name: str) -> list[ToldSpan]:
        return [span for span in self.spans if span.name == name]

    def of_trace(self, trace_id: str) -> list[ToldSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def of_job(self, name: str, job_id: int) -> list[ToldSpan]:
        return [span for span in self.named(name) if span.attributes.get("genonaut.job_id") == job_id]

    def receive(self, body: bytes) -> None:
        self.bodies.append(body)
        request = ExportTraceServiceRequest.FromString(body)
        for of_resource in request.resource_spans:
            service = values_of(of_resource.resource.attributes)["service.name"]
            for of_scope in of_resource.scope_spans:
                self.spans += [told(service, span) for span in of_scope.spans]


def told(service: str, span: Any) -> ToldSpan:
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    has_failed = span.status.code == Status.STATUS_CODE_ERROR
    took_ns = span.end_time_unix_nano - span.start_time_unix_nano
    return ToldSpan(service, span.name, *ids, has_failed, took_ns, values_of(span.attributes))


def values_of(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def running_receiver(*, looks: bool = True) -> Iterator[Receiver]:
    """A receiver that answers, and `looks` at what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.may_answer.wait(PATIENCE_S)
            if looks and self.path == "/v1/traces":
                receiver.receive(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
