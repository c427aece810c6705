"""A worker as the database sees one: it calls the engine's functions and gets their answers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from tests.support.session import Session

Answer = dict[str, Any]

MESHY_KEY = "meshy-key"
TRIPO_KEY = "tripo-key"


def _keys() -> dict[str, str]:
    return {"MESHY": MESHY_KEY, "TRIPO": TRIPO_KEY}


@dataclass(frozen=True)
class Worker:
    """`run` is what `begin` answered: with it come the run's id and the attempt, the fence."""

    session: Session
    id: UUID = field(default_factory=uuid4)
    serves: dict[str, str] = field(default_factory=_keys)

    def heartbeat(self, *, leaving: bool = False) -> Answer:
        return self._call("heartbeat(%s, %s, '{}', %s)", self.id, self.serves, leaving)

    def begin(self, job_id: UUID, stage: str) -> Answer:
        return self._call("begin_stage(%s, %s, %s)", job_id, stage, self.id)

    def begin_delivery(self, job_id: UUID) -> Answer:
        return self._call("begin_delivery(%s, %s)", job_id, self.id)

    def submitting(
        self,
        run: Answer,
        *,
        content: Answer | None = None,
        expected: int | None = None,
        digest: str | None = None,
    ) -> Answer:
        """Of an order that nobody else has, unless its digest is given."""
        query = "record_submitting(%s, %s, %s, %s, %s, %s)"
        told = (digest or f"digest of run {run['run']}", content or {}, expected)
        return self._call(query, *self._fence(run), *told)

    def submitted(
        self, run: Answer, n: int, task_id: str, provider_credits: int | None = None
    ) -> Answer:
        query = "record_submitted(%s, %s, %s, %s)"
        return self._call(query, run["run"], n, task_id, provider_credits)

    def refused(self, run: Answer, n: int = 1) -> Answer:
        return self._call("record_refused(%s, %s, %s)", run["run"], n, {"http": 400})

    def lost(self, run: Answer, n: int = 1) -> Answer:
        return self._call("record_lost(%s, %s, %s)", run["run"], n, {"http": 504})

    def absent(self, run: Answer, n: int, looked_at: datetime | None = None) -> Answer:
        query = "record_absent(%s, %s, %s, %s, %s)"
        return self._call(query, *self._fence(run), n, looked_at or datetime.now(UTC))

    def adopt(self, run: Answer, n: int, task_id: str) -> Answer:
        return self._call("adopt_task(%s, %s, %s, %s, %s)", *self._fence(run), n, task_id)

    def wait(
        self, run: Answer, reason: str = "no_slot", retry_at: datetime | None = None
    ) -> Answer:
        return self._call("wait_stage(%s, %s, %s, %s, %s)", *self._fence(run), reason, retry_at)

    def retry(self, run: Answer, n: int | None = None) -> Answer:
        why = {"why": "try again"}
        if n is None:
            return self._call("retry_stage(%s, %s, %s, %s)", *self._fence(run), why)
        return self._call("retry_stage(%s, %s, %s, %s, %s)", *self._fence(run), why, n)

    def progress(self, *ticks: tuple[Answer, int]) -> list[int]:
        """The runs that are no longer this worker's."""
        query = "select run from meshqueue.record_progress(%s, %s, %s, %s) order by run"
        runs = [run["run"] for run, _ in ticks]
        attempts = [run["attempt"] for run, _ in ticks]
        return self.session.values(query, self.id, runs, attempts, [share for _, share in ticks])

    def finish_task(self, run: Answer, n: int = 1, result: Answer | None = None) -> Answer:
        query = "finish_task(%s, %s, %s, %s, %s, 5)"
        return self._call(query, *self._fence(run), n, result or {"links": []})

    def finish(
        self, run: Answer, result: Answer | None = None, provider_credits: int | None = None
    ) -> Answer:
        query = "finish_stage(%s, %s, %s, %s, %s)"
        return self._call(query, *self._fence(run), result or {}, provider_credits)

    def fail(self, run: Answer, code: str = "task_failed", *, task_ended: bool = True) -> Answer:
        query = "fail_stage(%s, %s, %s, %s, 'It failed.', %s, %s)"
        return self._call(query, *self._fence(run), code, {"raw": "answer"}, task_ended)

    def finish_delivery(
        self,
        run: Answer,
        files: list[Answer] | None = None,
        report: Answer | None = None,
        urls: Answer | None = None,
        links: list[Answer] | None = None,
    ) -> Answer:
        listed = Jsonb([model_file(run)] if files is None else files)
        query = "finish_delivery(%s, %s, %s, %s, %s, %s, %s)"
        told = (report or {}, urls or {}, Jsonb(links or []))
        return self._call(query, *self._fence(run), listed, *told)

    def intend(self, run: Answer, *files: Answer) -> str:
        listed = Jsonb(list(files or [model_file(run)]))
        query = "intend_objects(%s, %s, %s, %s)"
        return str(self._call(query, *self._fence(run), listed)["outcome"])

    def claim_removals(self, at_most: int = 100) -> list[Answer]:
        query = "select meshqueue.claim_removals(%s, %s)"
        return list(self.session.value(query, self.id, at_most))

    def removed(self, *files: Answer) -> int:
        query = "select meshqueue.removed(%s, %s)"
        return int(self.session.value(query, self.id, Jsonb(list(files))))

    def not_removed(self, *files: Answer, why: str = "It answers 500.") -> int:
        query = "select meshqueue.not_removed(%s, %s, %s)"
        return int(self.session.value(query, self.id, Jsonb(list(files)), why))

    def begin_publication(self, asset_id: UUID) -> Answer | None:
        answer = self.session.value("select meshqueue.begin_publication(%s, %s)", self.id, asset_id)
        assert answer is None or isinstance(answer, dict)
        return answer

    def finish_publication(self, begun: Answer, urls: Answer, copies: list[Answer]) -> str:
        query = "finish_publication(%s, %s, %s, %s)"
        answer = self._call(query, begun["asset"], begun["version"], urls, Jsonb(copies))
        return str(answer["outcome"])

    def pause_deliveries(self, reason: str = "quota") -> bool:
        query = "select meshqueue.pause_deliveries(%s, %s, %s)"
        return bool(self.session.value(query, self.id, reason, {"status": 402}))

    def resume_deliveries(self) -> bool:
        return bool(self.session.value("select meshqueue.resume_deliveries()"))

    def release(self, *runs: Answer) -> int:
        query = "select meshqueue.release_stage(%s, %s, %s)"
        ids, attempts = [run["run"] for run in runs], [run["attempt"] for run in runs]
        return int(self.session.value(query, self.id, ids, attempts))

    def end_draining(self, run: Answer, outcome: str = "canceled") -> Answer:
        return self._call("end_draining(%s, %s, %s, %s)", *self._fence(run), outcome)

    def rescue(self, at_most: int = 100) -> Answer:
        return self._call("rescue_runs(%s, %s)", self.id, at_most)

    def submit(self, run: Answer, task_id: str | None = None) -> str:
        """The intent, then the provider's answer: a paid task."""
        task = task_id or f"task-{uuid4()}"
        self.submitted(run, self.submitting(run)["n"], task)
        return task

    def work(self, job_id: UUID, stage: str) -> Answer:
        """One stage that goes well; answers with the run as it was begun."""
        run = self.begin(job_id, stage)
        if stage == "DELIVER":
            assert self.finish_delivery(run) == {"outcome": "ok"}
        else:
            self.submit(run)
            assert self.finish(run)["outcome"] == "ok"
        return run

    def _fence(self, run: Answer) -> tuple[int, int, UUID]:
        return run["run"], run["attempt"], self.id

    def _call(self, call: str, *values: Any) -> Answer:
        answer = self.session.value(f"select meshqueue.{call}", *values)
        assert isinstance(answer, dict)
        return answer


def model_file(run: Answer, **changes: Any) -> Answer:
    return {
        "role": "model",
        "format": "glb",
        "bucket": "assets",
        "path": f"{run['user_id']}/models/{run['job_id']}/model-0.glb",
        "bytes": 1000,
        "sha256": "0" * 64,
        "content_type": "model/gltf-binary",
        "triangles": 12,
        **changes,
    }
