"""OpenTelemetry's spans: one a request, and beneath it `queue` for waiting and `compute`.

They carry counts, times and the model version, nothing of a text, a query or a key.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import Scope

from claimstance.bundle import NAME
from claimstance.predictor import Encoded
from serving.tracing import Traces
from serving.visit import Visit


class Spans(Traces):
    """Sends spans to the collector that the environment names, a batch at a time."""

    def __init__(self) -> None:
        # What the operator calls the service comes before what it is called here.
        named = Resource.create({"service.name": NAME}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=named)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME)

    @contextmanager
    def request(self, scope: Scope, seen: Visit) -> Iterator[None]:
        """As `Traces.request`."""
        # Not what is current: BentoML's own span is, and is not recorded.
        parent = propagate.extract(Headers(scope=scope), Context())
        name = f"{seen.method or 'HTTP'} {seen.path or 'unknown'}"
        span = self._tracer.start_span(name, parent, SpanKind.SERVER)
        try:
            with trace.use_span(span):
                yield
        finally:
            known = {
                "http.request.method": seen.method or "_OTHER",
                "http.route": seen.path,
                "http.response.status_code": seen.status,
                "claimstance.request_id": seen.id,
                "claimstance.sentences": seen.sentences,
            }
            span.set_attributes({name: x for name, x in known.items() if x is not None})
            if seen.status is None or seen.status >= 500:
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    def computed(
        self, model: str, encoded: Sequence[Encoded], since: float, began: float | None
    ) -> None:
        """As `Traces.computed`."""
        now, wall = time.perf_counter(), time.time_ns()
        attributes: dict[str, str | int] = {
            "claimstance.model": model,
            "claimstance.sentences": len(encoded),
            "claimstance.tokens": sum(item.tokens for item in encoded),
        }

        def record(name: str, start: float, end: float) -> None:
            before, after = (wall - round(1e9 * (now - moment)) for moment in (start, end))
            span = self._tracer.start_span(name, attributes=attributes, start_time=before)
            span.end(after)

        record("queue", since, now if began is None else began)
        if began is not None:
            record("compute", began, now)

    def close(self) -> None:
        """As `Traces.close`."""
        self._provider.shutdown()
