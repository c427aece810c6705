"""Traces by OpenTelemetry's own SDK. Needs the extra `tracing`.

A trace's id and its root span's are made from the job's id, so that every worker that holds one of
its stages adds to the same trace, and nothing has to be stored. The root is told by whoever leaves
a stage of a job that has ended: twice it is the same span with the same times.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.util.re import parse_env_headers
from opentelemetry.util.types import Attributes

from worker import __version__
from worker.database.records import Run
from worker.database.vitals import Times
from worker.telemetry.spans import played_on
from worker.telemetry.traces import Collector

SEND_TIMEOUT = 5.0  # s
LAST_WORDS = 5.0  # s

log = structlog.get_logger()


def number_from(what: str, whose: str, size: int) -> int:
    """A hash: of a UUID itself the halves are not random all through, and samplers count on it."""
    return int.from_bytes(sha256(f"{what} {whose}".encode()).digest()[:size])


class Ids(RandomIdGenerator):
    """Random, but for the spans that several workers may tell: theirs are prescribed."""

    def __init__(self) -> None:
        self._next: ContextVar[tuple[int, int] | None] = ContextVar("next", default=None)

    @contextmanager
    def prescribed(self, trace_id: int, span_id: int) -> Iterator[None]:
        before = self._next.set((trace_id, span_id))
        try:
            yield
        finally:
            self._next.reset(before)

    def generate_trace_id(self) -> int:
        said = self._next.get()
        return said[0] if said else super().generate_trace_id()

    def generate_span_id(self) -> int:
        said = self._next.get()
        return said[1] if said else super().generate_span_id()


class Outspoken(SpanExporter):
    """Tells once that the collector can't be reached, and once that it can be again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self._failing:
            log.warning("traces_unsent", action="traces_unsent", why="the collector took none")
        elif self._failing and not failing:
            log.info("traces_sent_again", action="traces_sent_again")
        self._failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class OtlpTraces:
    def __init__(self, collector: Collector, worker: UUID) -> None:
        self._ids = Ids()
        self._provider = TracerProvider(
            resource=resource_of(worker), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(Outspoken(exporter_to(collector))))
        self._tracer = self._provider.get_tracer("meshqueue", __version__)

    @contextmanager
    def stage(self, run: Run) -> Iterator[None]:
        attributes = {**attributes_of(run), "meshqueue.attempt": run.attempt}
        within = self._within(run.job_id)
        with played_on(self), self._span(f"stage {run.stage}", within, attributes):
            yield

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        with self._span(name):
            yield

    @contextmanager
    def _span(
        self, name: str, within: Context | None = None, attributes: Attributes = None
    ) -> Iterator[None]:
        """Of an exception only its kind is told: its text may hold what is nobody's business."""
        with self._tracer.start_as_current_span(
            name,
            within,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    async def close(self) -> None:
        """In a thread that nobody has to wait for: a collector may hang."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, LAST_WORDS)

    def tell_wait(self, run: Run, times: Times) -> None:
        if not times.asked_at or not times.begun_at:
            return
        trace_id = number_from("trace", str(run.job_id), 16)
        with self._ids.prescribed(trace_id, number_from("wait", str(run.id), 8)):
            span = self._tracer.start_span(
                f"wait {run.stage}",
                context=self._within(run.job_id),
                start_time=nanoseconds(times.asked_at),
                attributes=attributes_of(run),
            )
        span.end(nanoseconds(times.begun_at))

    def tell_job(self, run: Run, times: Times) -> None:
        if not times.job_created_at or not times.job_finished_at:
            return
        root = self._root_of(run.job_id)
        with self._ids.prescribed(root.trace_id, root.span_id):
            span = self._tracer.start_span(
                "job",
                context=Context(),
                start_time=nanoseconds(times.job_created_at),
                attributes=attributes_of_job(run, times),
            )
        if times.job_status == "FAILED":
            span.set_status(Status(StatusCode.ERROR, times.error_code))
        span.end(nanoseconds(times.job_finished_at))

    def _within(self, job_id: UUID) -> Context:
        return trace.set_span_in_context(NonRecordingSpan(self._root_of(job_id)), Context())

    def _root_of(self, job_id: UUID) -> SpanContext:
        trace_id = number_from("trace", str(job_id), 16)
        verdict = self._provider.sampler.should_sample(None, trace_id, "job")
        flags = (
            TraceFlags.SAMPLED
            if verdict.decision is Decision.RECORD_AND_SAMPLE
            else TraceFlags.DEFAULT
        )
        return SpanContext(
            trace_id,
            number_from("job", str(job_id), 8),
            is_remote=True,
            trace_flags=TraceFlags(flags),
        )


def exporter_to(collector: Collector) -> OTLPSpanExporter:
    return OTLPSpanExporter(
        endpoint=f"{collector.endpoint.rstrip('/')}/v1/traces",
        headers=parse_env_headers(collector.headers, liberal=True) or None,
        timeout=SEND_TIMEOUT,
    )


def resource_of(worker: UUID) -> Resource:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    ours = {
        "service.name": "meshqueue",
        "service.version": __version__,
        "service.instance.id": str(worker),
    }
    asked_for = Resource.create()
    named = {key: value for key, value in asked_for.attributes.items() if key != "service.name"}
    name = asked_for.attributes.get("service.name", "unknown_service")
    if not str(name).startswith("unknown_service"):
        named["service.name"] = name
    return Resource({**ours, **named})


def attributes_of(run: Run) -> dict[str, str | int]:
    return {
        "meshqueue.job_id": str(run.job_id),
        "meshqueue.provider": run.provider,
        "meshqueue.stage": run.stage,
        "meshqueue.run": run.id,
    }


def attributes_of_job(run: Run, times: Times) -> dict[str, str]:
    return {
        "meshqueue.job_id": str(run.job_id),
        "meshqueue.provider": run.provider,
        "meshqueue.kind": times.kind or "",
        "meshqueue.status": times.job_status or "",
        "meshqueue.error_code": times.error_code or "",
    }


def nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
