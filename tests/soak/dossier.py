"""All that both sides know of one job, for whoever has to find out what went wrong."""

from collections.abc import Iterator
from uuid import UUID

from tests.soak.audit import Sides

QUERIES = {
    "job": """select status, stage, error_code, error_message, credits_cost, created_at, finished_at
        from public.ai_jobs where id = %s""",
    "event": "select created_at, stage, status, provider_task_id, payload from public.ai_job_events"
    " where job_id = %s order by id",
    "run": """select id, stage, state, attempt, worker_id, wake_at, held_for, created_at, begun_at,
        ended_at, error from meshqueue.runs where job_id = %s order by id""",
    "request": """select s.run_id, s.n, s.outcome, s.task_id, s.attempt, s.intent_at, s.gave_up_at,
        s.accepted_at, s.ended_at, s.error from meshqueue.submissions s
        join meshqueue.runs r on r.id = s.run_id where r.job_id = %s order by s.run_id, s.n""",
    "hands": """select h.run, h.worker, h.at from meshqueue.handovers h
        join meshqueue.runs r on r.id = h.run where r.job_id = %s order by h.at""",
    "ledger": "select created_at, kind, amount, hold from public.credit_ledger"
    " where job_id = %s order by id",
    "incident": "select created_at, kind, detail from meshqueue.incidents where job_id = %s",
}


def dossier(sides: Sides, job: UUID) -> list[str]:
    return [*_ours(sides, job), *_theirs(sides, job)]


def _ours(sides: Sides, job: UUID) -> Iterator[str]:
    for name, query in QUERIES.items():
        for row in sides.session.rows(query, job):
            yield f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items() if value)


def _theirs(sides: Sides, job: UUID) -> Iterator[str]:
    ours = {row["task_id"] for row in sides.submissions if row["job_id"] == job}
    for book in sides.books:
        for task in book.tasks:
            if task.id in ours:
                yield (
                    f"task: {task.id} {task.kind} {task.status}, {task.created_at} to"
                    f" {task.finished_at}, answered {task.answer_delivered}"
                )
