"""The engine's functions. Each call is one transaction, and may be repeated without harm."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg.types.json import Jsonb

from worker.database.connection import ANSWER_TIMEOUT, Pool, is_passing
from worker.database.records import (
    Json,
    NotBegun,
    Publication,
    Run,
    StoredObject,
    read_objects,
    read_publication,
    read_run,
)
from worker.database.writable import jsonb

PATIENCE = 10.0  # s, for what somebody does again later anyway
# A fact, such as the id of a paid task, is never dropped. A decision outlasts any outage: the
# fence sees to it that one which comes too late changes nothing.
FOR_EVER = float("inf")
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0

log = structlog.get_logger()


class Engine:
    def __init__(self, pool: Pool, worker: UUID) -> None:
        self.worker = worker
        self._pool = pool
        self._answered_at: float | None = None

    def silent_for(self) -> float:
        """Seconds since the database last answered."""
        if self._answered_at is None:
            return float("inf")
        return asyncio.get_running_loop().time() - self._answered_at

    # --- runs

    async def begin(self, job_id: UUID, stage: str, *, again: bool = False) -> Run | NotBegun:
        """An answer that was lost may have given us the run: whoever repeats the call says so."""
        query = "select meshqueue.begin_stage(%s, %s, %s, %s)"
        try:
            answer = await self._ask(query, job_id, stage, self.worker, again, patience=0)
        except Exception as error:
            if not is_passing(error):
                raise
            answer = await self._ask(query, job_id, stage, self.worker, True)  # noqa: FBT003
        return read_run(answer)

    async def finish(
        self, run: Run, result: Json, credits_spent: float | None, failure: Json | None = None
    ) -> str:
        query = "select meshqueue.finish_stage(%s, %s, %s, %s, %s, %s)"
        told = None if failure is None else jsonb(failure)
        return await self._decide(query, run, jsonb(result), amount(credits_spent), told)

    async def finish_task(self, run: Run, n: int, result: Json, credits_spent: float | None) -> str:
        query = "select meshqueue.finish_task(%s, %s, %s, %s, %s, %s)"
        return await self._decide(query, run, n, jsonb(result), amount(credits_spent))

    async def fail(self, run: Run, code: str, message: str, raw: Json, *, task_ended: bool) -> str:
        query = "select meshqueue.fail_stage(%s, %s, %s, %s, %s, %s, %s)"
        return await self._decide(query, run, code, message, jsonb(raw), task_ended)

    async def retry(self, run: Run, n: int, error: Json) -> str:
        query = "select meshqueue.retry_stage(%s, %s, %s, %s, %s)"
        return await self._decide(query, run, jsonb(error), n)

    async def wait(self, run: Run, reason: str, seconds: float | None) -> str:
        """By the database's clock: this machine's may be minutes wrong."""
        query = "select meshqueue.wait_stage(%s, %s, %s, %s, now() + %s * interval '1 s')"
        return await self._decide(query, run, reason, seconds)

    async def end_draining(self, run: Run, outcome: str, credits_spent: float | None) -> str:
        query = "select meshqueue.end_draining(%s, %s, %s, %s, %s)"
        return await self._decide(query, run, outcome, amount(credits_spent))

    async def release(self, runs: Sequence[Run]) -> int:
        query = "select meshqueue.release_stage(%s, %s, %s)"
        ids, attempts = [run.id for run in runs], [run.attempt for run in runs]
        return int(await self._ask(query, self.worker, ids, attempts))

    async def record_progress(self, ticks: Sequence[tuple[Run, int]]) -> list[int]:
        """Answers with the runs that are not ours, or not wanted, any more."""
        query = "select array(select run from meshqueue.record_progress(%s, %s, %s, %s))"
        ids, attempts = [run.id for run, _ in ticks], [run.attempt for run, _ in ticks]
        percents = [percent for _, percent in ticks]
        return list(await self._ask(query, self.worker, ids, attempts, percents))

    # --- the journal of paid requests

    async def record_submitting(
        self, run: Run, digest: str, content: Json, expected: float | None
    ) -> Json:
        query = "select meshqueue.record_submitting(%s, %s, %s, %s, %s, %s)"
        fence = (run.id, run.attempt, self.worker)
        answer: Json = await self._ask(
            query, *fence, digest, jsonb(content), amount(expected), patience=FOR_EVER
        )
        return answer

    async def record_submitted(
        self, run: Run, n: int, task_id: str, credits_spent: float | None
    ) -> Json:
        query = "select meshqueue.record_submitted(%s, %s, %s, %s)"
        answer: Json = await self._ask(
            query, run.id, n, task_id, amount(credits_spent), patience=FOR_EVER
        )
        return answer

    async def record_refused(self, run: Run, n: int, error: Json) -> None:
        query = "select meshqueue.record_refused(%s, %s, %s)"
        await self._ask(query, run.id, n, jsonb(error), patience=FOR_EVER)

    async def record_lost(self, run: Run, n: int, error: Json) -> None:
        query = "select meshqueue.record_lost(%s, %s, %s)"
        await self._ask(query, run.id, n, jsonb(error), patience=FOR_EVER)

    async def record_absent(self, run: Run, n: int, looked_at: datetime) -> str:
        """By the database's clock: this machine's, which says when it looked, may be wrong."""
        query = "select meshqueue.record_absent(%s, %s, %s, %s, now() - %s * interval '1 s')"
        return await self._decide(query, run, n, partial(seconds_since, looked_at))

    async def adopt_task(self, run: Run, n: int, task_id: str) -> str:
        query = "select meshqueue.adopt_task(%s, %s, %s, %s, %s)"
        return await self._decide(query, run, n, task_id)

    async def claimed_tasks(self, provider: str, task_ids: Sequence[str]) -> set[str]:
        query = "select meshqueue.claimed_tasks(%s, %s)"
        return set(await self._ask(query, provider, list(task_ids)))

    # --- deliveries

    async def intend_objects(self, run: Run, objects: Iterable[StoredObject]) -> str:
        """Before the first byte is uploaded: 'ok', 'fenced', or 'busy' (again in seconds)."""
        query = "select meshqueue.intend_objects(%s, %s, %s, %s)"
        return await self._decide(query, run, as_json(objects))

    async def finish_delivery(
        self, run: Run, files: list[Json], report: Json, urls: Json, links: Sequence[Json] = ()
    ) -> str:
        """Where nothing is stored, `links` in place of files: role, format, url, expires_at."""
        query = "select meshqueue.finish_delivery(%s, %s, %s, %s, %s, %s, %s)"
        told = (jsonb(files), jsonb(report), jsonb(urls), jsonb(list(links)))
        return await self._decide(query, run, *told)

    async def pause_deliveries(self, reason: str, detail: Json) -> bool:
        """The storage is full. What is on its way here waits besides, by `wait`."""
        query = "select meshqueue.pause_deliveries(%s, %s, %s)"
        return bool(await self._ask(query, self.worker, reason, jsonb(detail)))

    async def resume_deliveries(self) -> bool:
        """The storage took a probe's objects."""
        return bool(await self._ask("select meshqueue.resume_deliveries()"))

    # --- objects

    async def claim_removals(self, at_most: int = 100) -> tuple[StoredObject, ...]:
        """Ours for ten minutes: whoever can't delete them within five lets them be."""
        query = "select meshqueue.claim_removals(%s, %s)"
        return read_objects(await self._ask(query, self.worker, at_most))

    async def removed(self, objects: Iterable[StoredObject]) -> int:
        """How many of them must be told again: they are just being listed anew."""
        query = "select meshqueue.removed(%s, %s)"
        return int(await self._ask(query, self.worker, as_json(objects)))

    async def not_removed(self, objects: Iterable[StoredObject], why: str) -> int:
        """Answers as `removed` does."""
        query = "select meshqueue.not_removed(%s, %s, %s)"
        return int(await self._ask(query, self.worker, as_json(objects), why))

    async def begin_publication(self, asset_id: UUID) -> Publication | None:
        query = "select meshqueue.begin_publication(%s, %s)"
        answer = await self._ask(query, self.worker, asset_id)
        return read_publication(answer) if answer else None

    async def finish_publication(
        self, publication: Publication, urls: Json, copies: Iterable[StoredObject]
    ) -> str:
        """'ok', 'gone' (the asset), 'outdated' (another wish came), or 'incomplete'."""
        query = "select meshqueue.finish_publication(%s, %s, %s, %s)"
        wish = (publication.asset_id, publication.version)
        answer = await self._ask(query, *wish, jsonb(urls), as_json(copies))
        return str(answer["outcome"])

    # --- the worker and its providers

    async def heartbeat(
        self, serves: Json, info: Json, *, leaving: bool = False, patience: float = 0
    ) -> Json:
        query = "select meshqueue.heartbeat(%s, %s, %s, %s)"
        answer: Json = await self._ask(
            query, self.worker, jsonb(serves), jsonb(info), leaving, patience=patience
        )
        return answer

    async def pause(self, provider: str, fingerprint: str, reason: str, detail: Json) -> bool:
        query = "select meshqueue.pause_provider(%s, %s, %s, %s)"
        return bool(await self._ask(query, provider, fingerprint, reason, jsonb(detail)))

    async def resume(self, provider: str, fingerprint: str) -> bool:
        query = "select meshqueue.resume_provider(%s, %s)"
        return bool(await self._ask(query, provider, fingerprint))

    async def paused_keys(self) -> list[tuple[str, str]]:
        """(provider, fingerprint) of every pause that the provider itself can lift."""
        rows = await self._ask("select meshqueue.paused_keys()")
        return [(row["provider"], row["fingerprint"]) for row in rows]

    async def notify_task(self, provider: str, task_id: str) -> bool:
        return bool(await self._ask("select meshqueue.notify_task(%s, %s)", provider, task_id))

    async def webhook_hashes(self, provider: str, digests: Sequence[str]) -> list[str]:
        query = "select meshqueue.webhook_hashes(%s, %s)"
        return list(await self._ask(query, provider, list(digests)))

    async def health(self) -> dict[str, Any]:
        return dict(await self._ask("select meshqueue.health()", patience=0))

    # --- upkeep

    async def rescue(self) -> Json:
        answer: Json = await self._ask("select meshqueue.rescue_runs(%s)", self.worker)
        return answer

    async def expire(self) -> int:
        return int(await self._ask("select meshqueue.expire_jobs()"))

    async def admit(self, pool: str | None = None) -> int:
        return int(await self._ask("select meshqueue.admit(%s)", pool))

    async def purge(self) -> Json:
        answer: Json = await self._ask("select meshqueue.purge()")
        return answer

    # --- how a call is made

    async def _decide(self, query: str, run: Run, *values: object) -> str:
        fence = (run.id, run.attempt, self.worker)
        answer = await self._ask(query, *fence, *values, patience=FOR_EVER)
        return str(answer["outcome"])

    async def _ask(self, query: str, *values: object, patience: float = PATIENCE) -> Any:
        loop = asyncio.get_running_loop()
        give_up, pause = loop.time() + patience, FIRST_PAUSE
        while True:
            try:
                return await self._ask_once(query, values)
            except Exception as error:
                if not is_passing(error) or loop.time() + pause > give_up:
                    raise
                log.warning("database_retried", action="database_retried", error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _ask_once(self, query: str, values: Sequence[object]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT), self._pool.connection() as connection:
                # How long ago something was is asked for with each try.
                told = [value() if callable(value) else value for value in values]
                cursor = await connection.execute(query.encode(), told)
                row = await cursor.fetchone()
        except psycopg.Error as error:
            if error.sqlstate:  # a refusal is an answer, too
                self._answered_at = asyncio.get_running_loop().time()
            raise
        self._answered_at = asyncio.get_running_loop().time()
        return None if row is None else row[0]


def seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def amount(value: float | None) -> Decimal | None:
    """Postgres finds no function for a double precision where a numeric is asked for."""
    return None if value is None else Decimal(str(value))


def as_json(objects: Iterable[StoredObject]) -> Jsonb:
    return jsonb([{"bucket": one.bucket, "path": one.path} for one in objects])
