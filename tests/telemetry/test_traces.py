"""One trace a job, as a collector on loopback receives it."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import capture_logs

from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, rich_user
from tests.telemetry.receiver import Receiver, receiving
from worker.simulator import Simulator
from worker.telemetry import otlp
from worker.telemetry.otlp import OtlpTraces, number_from
from worker.telemetry.spans import span
from worker.telemetry.traces import Collector, open_traces

pytestmark = pytest.mark.newest_postgres


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=200) as simulator:
        yield simulator


def spans(collector: Receiver) -> list[Any]:
    found = []
    for posted in collector.posted:
        assert posted.path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(posted.body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                found += scope.spans
    return found


def attributes(found: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in found.attributes}


def names(found: list[Any]) -> set[str]:
    return {each.name for each in found}


async def test_a_job_in_two_workers_is_one_trace(
    db: Database, simulator: Simulator, tmp_path: Path, collector: Receiver
) -> None:
    """Every span has the job's trace and a parent in it; the root lasts as long as the job."""
    simulator.clock.speed = 1.0
    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)
    plan = plan_for(db, simulator, tmp_path, collector=Collector(collector.url, "x-key=a%20b"))
    async with working(plan) as first:
        await until(lambda: first.stages.task_of(1), "the watched task")
    simulator.clock.speed = 200.0
    plan = plan_for(db, simulator, tmp_path, collector=Collector(f"{collector.url}/"))
    async with working(plan):
        ended = await the_end(db, job["id"])
    found = spans(collector)
    (trace_id,) = {each.trace_id for each in found}
    assert int.from_bytes(trace_id) == number_from("trace", str(job["id"]), 16)
    ids = {each.span_id for each in found}
    (root,) = {each.span_id: each for each in found if not each.parent_span_id}.values()
    assert all(each.parent_span_id in ids for each in found if each.parent_span_id)
    assert names(found) >= {
        *("job", "wait PREVIEW", "stage PREVIEW", "submit", "watch", "finish"),
        *("stage DELIVER", "fetch", "optimise", "store"),
    }
    assert attributes(root)["meshqueue.status"] == "SUCCEEDED"
    lasted = (ended["finished_at"] - ended["created_at"]).total_seconds()
    assert (root.end_time_unix_nano - root.start_time_unix_nano) / 1e9 == pytest.approx(lasted)
    stages = [each for each in found if each.name == "stage PREVIEW"]
    assert {attributes(each)["meshqueue.attempt"] for each in stages} == {1, 2}
    assert collector.posted[0].headers["x-key"] == "a b"
    assert not any(b"a cube" in posted.body for posted in collector.posted)


async def test_a_canceled_job(
    db: Database, simulator: Simulator, tmp_path: Path, collector: Receiver
) -> None:
    """No worker decided its end; whoever held its stage tells it all the same."""
    simulator.clock.speed = 1.0
    user = rich_user(db)
    job = jobs.create(db, user, PREVIEW_ONLY)
    plan = plan_for(db, simulator, tmp_path, collector=Collector(collector.url))
    async with working(plan) as daemon:
        await until(lambda: daemon.stages.task_of(1), "the watched task")
        jobs.cancel(db, user, job["id"])
        await until(lambda: not len(daemon.stages), "the end of the watch")
    (root,) = [each for each in spans(collector) if each.name == "job"]
    assert attributes(root)["meshqueue.status"] == "CANCELED"


async def test_a_collector_that_is_away_costs_one_line(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker works and ends as ever."""
    monkeypatch.setattr(otlp, "LAST_WORDS", 1.0)
    monkeypatch.setattr(otlp, "SEND_TIMEOUT", 0.2)
    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)
    plan = plan_for(db, simulator, tmp_path, collector=Collector("http://127.0.0.1:1"))
    with capture_logs() as lines:
        async with working(plan):
            ended = await the_end(db, job["id"])
    assert ended["status"] == "SUCCEEDED"
    assert len([line for line in lines if line["action"] == "traces_unsent"]) == 1


async def test_a_collector_that_hangs_holds_nobody_up(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left when a worker ends is sent within its last words, or not at all."""
    monkeypatch.setattr(otlp, "LAST_WORDS", 0.2)
    answered = threading.Event()
    collector.answer = lambda _: (200 if answered.wait(60) else 500, {})
    traces = OtlpTraces(Collector(collector.url), uuid4())
    with traces.span("some work"):
        pass
    async with asyncio.timeout(30):
        await traces.close()
    assert not answered.is_set()
    answered.set()


def test_a_sampler_decides_for_the_whole_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's own variables count, and every worker comes to the same verdict."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    first, second = (OtlpTraces(Collector("http://127.0.0.1:1"), uuid4()) for _ in range(2))
    jobs_ = [uuid4() for _ in range(400)]
    verdicts = [[each._root_of(job).trace_flags for job in jobs_] for each in (first, second)]  # noqa: SLF001
    assert verdicts[0] == verdicts[1]
    assert 50 < sum(verdicts[0]) < 150


def test_names_from_the_environment_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are the operator's."""
    assert otlp.resource_of(uuid4()).attributes["service.name"] == "meshqueue"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "models")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=staging")
    named = otlp.resource_of(uuid4()).attributes
    assert (named["service.name"], named["deployment.environment"]) == ("models", "staging")


async def test_what_went_wrong_is_told_by_its_kind_alone(collector: Receiver) -> None:
    """An exception's text may hold an address or a prompt."""
    traces = OtlpTraces(Collector(collector.url), uuid4())
    with pytest.raises(RuntimeError), traces.span("some work"):
        raise RuntimeError("https://example.com/?token=secret")
    await traces.close()
    (only,) = spans(collector)
    assert only.status.message == "RuntimeError"
    assert not any(b"secret" in posted.body for posted in collector.posted)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker says once what is missing and how to install it, and works without."""
    monkeypatch.delitem(sys.modules, "worker.telemetry.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with capture_logs() as lines:
        assert open_traces(Collector("http://127.0.0.1:4318"), uuid4()) is None
    (line,) = lines
    assert line["action"] == "traces_off"
    assert "pip install opentelemetry-sdk opentelemetry-exporter-otlp" in line["why"]


def test_without_an_endpoint() -> None:
    """No trace is made, and a step's span is nothing at all."""
    assert open_traces(None, uuid4()) is None
    with span("a step"):
        pass
