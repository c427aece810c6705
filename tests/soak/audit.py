"""Both sides' books compared: our ledger, rows and files, and what the providers did and took."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.chaos.world import is_bought
from tests.soak.crowd import Told
from tests.support.session import Session
from worker.operating.audit import audit, broken
from worker.simulator import Book, BookedTask

Row = dict[str, Any]
OVER = ("SUCCEEDED", "FAILED", "CANCELED")
SENT_WITHIN = timedelta(seconds=20)  # after its intent was written down, or not at all
INPUTS = "inputs"
HALF = "~"  # of a file that was being written when its worker was killed; no key has it


@dataclass(frozen=True)
class Finding:
    zero: str
    """The row of the table that is not zero for it."""
    what: str
    job: UUID | None = None


@dataclass(frozen=True)
class Sides:
    """All that is known at the end, by everybody."""

    session: Session
    books: tuple[Book, ...]
    storage: Path
    told: Told
    our_keys: Mapping[str, str]

    @cached_property
    def jobs(self) -> dict[UUID, Row]:
        query = "select id, status::text, error_code, credits_cost from public.ai_jobs"
        return {row["id"]: row for row in self.session.rows(query)}

    @cached_property
    def submissions(self) -> list[Row]:
        return self.session.rows("""
            select s.run_id, s.n, lower(s.provider::text) as provider, s.digest, s.content,
              s.outcome::text, s.task_id, s.intent_at, r.job_id, r.stage::text, r.state::text,
              coalesce(r.error ->> 'code', s.error ->> 'kind') as code
            from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
        """)

    @cached_property
    def bought(self) -> list[tuple[str, BookedTask]]:
        """By us: others may work with the same account."""
        return [
            (book.provider, task)
            for book in self.books
            for task in book.tasks
            if task.key == self.our_keys[book.provider] and is_bought(task)
        ]

    @cached_property
    def known(self) -> dict[str, Row]:
        return {row["task_id"]: row for row in self.submissions if row["task_id"]}


@dataclass(frozen=True)
class Verdict:
    findings: tuple[Finding, ...]
    given_up: tuple[Finding, ...]
    """Paid, and not found again: the provider's list could not tell. An operator was told."""

    @property
    def holds(self) -> bool:
        return not self.findings

    def count(self, zero: str) -> int:
        return sum(finding.zero == zero for finding in self.findings)


def judge(sides: Sides) -> Verdict:
    findings = [Finding(zero, *found) for zero, look in ZEROS.items() for found in look(sides)]
    return Verdict(tuple(findings), tuple(_given_up(sides)))


Found = Iterator[tuple[str, UUID | None]]


# --- jobs


def lost(sides: Sides) -> Found:
    for job in sides.told.jobs.keys() - sides.jobs.keys():
        yield "its user was told of it, and it does not exist", job
    for job, row in sides.jobs.items():
        if row["status"] not in OVER:
            yield f"it is still {row['status']}", job
    for job in sides.told.canceled & sides.jobs.keys():
        if sides.jobs[job]["status"] != "CANCELED":
            yield f"its cancel was confirmed, and it is {sides.jobs[job]['status']}", job
    query = "select id, job_id, state::text from meshqueue.runs where ended_at is null"
    for run in sides.session.rows(query):
        yield f"its run {run['id']} is still {run['state']}", run["job_id"]


def created_twice(sides: Sides) -> Found:
    for job in sides.told.twice:
        yield "another job came under a key that had one", job
    query = """
        select idempotency_key, array_agg(id) as ids from public.ai_jobs
        where idempotency_key is not null group by 1 having count(*) > 1
    """
    for row in sides.session.rows(query):
        yield f"one key, {len(row['ids'])} jobs: {row['ids']}", row["ids"][0]


# --- purchases


def paid_twice(sides: Sides) -> Found:
    """For the same step of the same run, or for a request with the same words."""
    for key, tasks in {**_by_step(sides), **_by_body(sides)}.items():
        if len(tasks) > 1:
            ids = ", ".join(task.id for task in tasks)
            yield f"{len(tasks)} paid tasks for {key[0]} {key[1]}: {ids}", _job_of(sides, tasks)


def _by_step(sides: Sides) -> dict[tuple[str, ...], list[BookedTask]]:
    groups: dict[tuple[str, ...], list[BookedTask]] = defaultdict(list)
    for _, task in sides.bought:
        if row := sides.known.get(task.id):
            content = json.dumps(row["content"], sort_keys=True, default=str)
            groups["run", str(row["run_id"]), content].append(task)
    return groups


def _by_body(sides: Sides) -> dict[tuple[str, ...], list[BookedTask]]:
    groups: dict[tuple[str, ...], list[BookedTask]] = defaultdict(list)
    for provider, task in sides.bought:
        body = json.dumps(dict(task.body), sort_keys=True, default=str)
        groups[provider, task.kind, body].append(task)
    return groups


def _job_of(sides: Sides, tasks: list[BookedTask]) -> UUID | None:
    return next((sides.known[task.id]["job_id"] for task in tasks if task.id in sides.known), None)


def paid_unknown(sides: Sides) -> Found:
    for task, row in _unknown(sides):
        if row is None or not _was_given_up(row):
            where = "no request" if row is None else f"run {row['run_id']}: {row['outcome']}"
            job = None if row is None else row["job_id"]
            yield f"{task.kind} task {task.id} is in no row ({where})", job


def _given_up(sides: Sides) -> Iterator[Finding]:
    for task, row in _unknown(sides):
        if row is not None and _was_given_up(row):
            yield Finding("given up", f"{task.kind} task {task.id}", row["job_id"])


def _was_given_up(row: Row) -> bool:
    """As submission_unknown; or its job was canceled, and nobody looked further."""
    return bool(row["code"] == "submission_unknown" or row["state"] == "canceled")


def _unknown(sides: Sides) -> list[tuple[BookedTask, Row | None]]:
    """Paid tasks that no row names, and the request without an answer that each may be of."""
    open_ends = [row for row in sides.submissions if row["task_id"] is None]
    pairs = []
    for provider, task in sides.bought:
        if task.id in sides.known:
            continue
        fitting = [row for row in open_ends if _may_be(row, provider, task)]
        row = min(fitting, key=partial(_apart, task), default=None)
        if row is not None:
            open_ends.remove(row)
        pairs.append((task, row))
    return pairs


def _apart(task: BookedTask, row: Row) -> timedelta:
    intended: datetime = row["intent_at"]
    return abs(task.created_at - intended)


def _may_be(row: Row, provider: str, task: BookedTask) -> bool:
    content = row["content"].get("content", {})
    told = [name for name in task.body if name in content and name != "ai_model"]
    return (
        row["provider"] == provider
        and row["outcome"] in ("lost", "absent", "failed", "refused")
        and row["content"].get("resource") == task.resource
        and _apart(task, row) < SENT_WITHIN
        and all(content[name] == task.body[name] for name in told)
        and (provider != "meshy" or all(each in str(task.body) for each in _pictures(content)))
    )


def _pictures(content: Mapping[str, Any]) -> list[str]:
    """By digest; Tripo is given a token instead, new with each upload."""
    return list(content.get("pictures", ()))


# --- money


def refunded_twice(sides: Sides) -> Found:
    query = """
        select job_id, count(*) filter (where kind in ('settle', 'release')) as endings,
          sum(amount) as amount
        from public.credit_ledger where job_id is not null group by job_id
    """
    for row in sides.session.rows(query):
        if row["endings"] > 1 or row["amount"] > 0:
            yield f"{row['endings']} endings in its ledger, {row['amount']} in all", row["job_id"]


def charged_wrongly(sides: Sides) -> Found:
    """What succeeded costs the stages that were done; nothing else costs anything."""
    query = """
        select j.id, j.status::text,
          coalesce((select -sum(amount) from public.credit_ledger l where l.job_id = j.id), 0) as paid,
          coalesce((select sum(credits) from meshqueue.runs r
            where r.job_id = j.id and r.state = 'done'), 0) as made
        from public.ai_jobs j where j.status::text = any (%s)
    """  # noqa: E501 - a statement
    for row in sides.session.rows(query, list(OVER)):
        due = row["made"] if row["status"] == "SUCCEEDED" else 0
        if row["paid"] != due:
            yield f"{row['status']}: it costs {due} and was charged {row['paid']}", row["id"]


# --- files and slots


def orphaned_files(sides: Sides) -> Found:
    rows = sides.session.rows("select bucket, path from public.asset_files")
    named = {(row["bucket"], row["path"]) for row in rows}
    for bucket, path in _objects(sides.storage):
        if (bucket, path) not in named:
            yield f"{bucket}/{path} lies there, and no row names it", None


def _objects(storage: Path) -> Iterator[tuple[str, str]]:
    for file in storage.rglob("*"):
        bucket, *path = file.relative_to(storage).parts
        if file.is_file() and bucket != INPUTS and not file.name.endswith(HALF):
            yield bucket, "/".join(path)


def missing_files(sides: Sides) -> Found:
    query = "select bucket, path, sha256, job_id from public.asset_files"
    for row in sides.session.rows(query):
        file = sides.storage / row["bucket"] / row["path"]
        if not file.is_file():
            yield f"{row['bucket']}/{row['path']} is not there", row["job_id"]
        elif hashlib.sha256(file.read_bytes()).hexdigest() != row["sha256"]:
            yield f"{row['bucket']}/{row['path']} is another file", row["job_id"]


def slots_leaked(sides: Sides) -> Found:
    query = """
        select s.id, s.pool, r.job_id from meshqueue.slots s
        left join meshqueue.runs r on r.id = s.run_id where s.run_id is not null
    """
    for row in sides.session.rows(query):
        yield f"slot {row['id']} of {row['pool']} is taken", row["job_id"]


def promises_broken(sides: Sides) -> Found:
    """Of the database, at rest: those that an operator's audit looks at."""
    for check in broken(audit(sides.session.connection, timedelta())):
        yield f"{check.name} ({check.promise}): {check.broken}, {', '.join(check.first)}", None


ZEROS: dict[str, Callable[[Sides], Found]] = {
    "lost": lost,
    "created twice": created_twice,
    "paid twice": paid_twice,
    "paid, and known to nobody": paid_unknown,
    "refunded twice": refunded_twice,
    "charged wrongly": charged_wrongly,
    "orphaned files": orphaned_files,
    "missing files": missing_files,
    "slots leaked": slots_leaked,
    "promises of the database broken": promises_broken,
}
