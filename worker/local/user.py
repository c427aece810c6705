"""A signed-in user of an app, whose calls reach Postgres the way PostgREST makes them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row

from worker.errors import MeshqueueError

CONNECT_TIMEOUT = 10  # s


class RefusedError(MeshqueueError):
    """The database refuses the request; the text names the field and the way out."""


Connection = psycopg.Connection[DictRow]
Row = dict[str, Any]


def connected(url: str) -> Connection:
    return psycopg.connect(
        url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_TIMEOUT
    )


def sign_up(operator: Connection, user: UUID) -> None:
    operator.execute(
        "insert into auth.users (id, email) values (%s, %s) on conflict do nothing",
        [user, f"{user}@example.com"],
    )


def grant(operator: Connection, user: UUID, credits_given: int, why: str) -> None:
    operator.execute("select from grant_credits(%s, %s, %s)", [user, credits_given, why])


def served(operator: Connection, provider: str) -> bool:
    """Whether a worker with this provider lives here."""
    query = (
        "select exists (select from meshqueue.workers w"
        " where w.left_at is null and meshqueue.worker_lives(w) and w.serves ? %s) as lives"
    )
    return any(row["lives"] for row in operator.execute(query, [provider]))


def works_on(operator: Connection, provider: str) -> bool:
    """Whether a job with this provider has begun here, and not ended."""
    query = (
        "select exists (select from public.ai_jobs"
        " where provider::text = %s and status = 'IN_PROGRESS') as works"
    )
    return any(row["works"] for row in operator.execute(query, [provider]))


@contextmanager
def refusals_named() -> Iterator[None]:
    try:
        yield
    except psycopg.DatabaseError as error:
        told = error.diag
        if not (told.sqlstate or "").startswith("PT"):
            raise
        raise RefusedError(f"{told.message_primary}. {told.message_hint or ''}") from None


@dataclass(frozen=True)
class User:
    connection: Connection
    id: UUID

    @contextmanager
    def request(self) -> Iterator[Connection]:
        claims = json.dumps({"role": "authenticated", "sub": str(self.id)})
        with self.connection.transaction():
            self.connection.execute(
                "select set_config('role', 'authenticated', true),"
                " set_config('request.jwt.claims', %s, true)",
                [claims],
            )
            yield self.connection

    def call(self, query: str, *values: object) -> Row:
        with self.request() as connection, refusals_named():
            row = connection.execute(query.encode(), values).fetchone()
        assert row is not None  # noqa: S101 - each of these calls answers with a row
        return row

    def create(self, request: Row, title: str, key: str | None = None) -> Row:
        query = "select * from create_ai_job(%s, asset_title => %s, idempotency_key => %s)"
        return self.call(query, json.dumps(request), title, key)

    def cancel(self, job: UUID) -> Row:
        return self.call("select * from cancel_ai_job(%s)", job)

    def job(self, job: UUID) -> Row:
        return self.call("select *, stages::text[] as plan from ai_jobs where id = %s", job)

    def files(self, job: UUID) -> list[Row]:
        query = "select * from asset_files where job_id = %s order by role, format"
        with self.request() as connection:
            return list(connection.execute(query, [job]))

    def seen(self, job: UUID) -> Row:
        return dict(self.call("select get_ai_job(%s) as seen", job)["seen"])

    def credits(self) -> Row:
        return dict(self.call("select get_credits() as account")["account"])
