"""One trace a job, across its stages and workers, where OTEL_EXPORTER_OTLP_ENDPOINT is set."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol
from uuid import UUID

import structlog

from worker.database.records import Run
from worker.database.vitals import Times

# By their own names: who installs us from a checkout must not get a stranger called like us.
PACKAGES = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Collector:
    endpoint: str
    """Its base; `/v1/traces` is added."""
    headers: str = field(default="", repr=False)
    """As OpenTelemetry writes them: name=value,name=value."""


class Traces(Protocol):
    def stage(self, run: Run) -> AbstractContextManager[object]:
        """What is done within is shown as this stage's work."""

    def tell_wait(self, run: Run, times: Times) -> None:
        """How long a stage waited for a slot and a worker: only the database knows."""

    def tell_job(self, run: Run, times: Times) -> None:
        """Where the job of this run is over: from its creation to its end."""

    async def close(self) -> None:
        """Sends what is left, in a few seconds or not at all."""


def open_traces(collector: Collector | None, worker: UUID) -> Traces | None:
    if collector is None:
        return None
    try:
        otlp = import_module("worker.telemetry.otlp")
    except ImportError as missing:
        log.warning(
            "traces_off",
            action="traces_off",
            why=f"OTEL_EXPORTER_OTLP_ENDPOINT is set, but {missing.name} is not installed. "
            f"Install it with: pip install {' '.join(PACKAGES)}",
        )
        return None
    traces: Traces = otlp.OtlpTraces(collector, worker)
    return traces
