"""`meshqueue demo`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.cli.migrate import apply_pending
from worker.embedded.running import running
from worker.embedded.server import SUPERUSER
from worker.settings import load_settings

REQUEST = {
    "prompt": "cyberpunk katana",
    "art_style": "realistic",
    "refine": {"enable_pbr": True},
    "remesh": {"enabled": True, "target_polycount": 3500, "target_formats": ["fbx"]},
}
GRANTED = 100
CREATE = "select * from create_ai_job(%s, asset_title => 'Cyberpunk Katana', idempotency_key => %s)"
CONNECT_TIMEOUT = 10

Connection = psycopg.Connection[DictRow]


def demo() -> None:
    """Show the main job on this machine, with no account anywhere.

    Starts a Postgres in a folder, brings it up to date, then does what an app's user would:
    create a job, repeat it, get one wrong, cancel it. Every step goes through the public API.
    """
    console = Console(highlight=False, soft_wrap=True)
    with running(load_settings().local_postgres) as server:
        say(console, "Postgres", f"{server.version} runs in {server.home}")
        apply_pending(server.url(SUPERUSER))
        with (
            connected(server.url()) as operator,
            connected(server.url("authenticator")) as api,
        ):
            show(console, operator, api)


def connected(url: str) -> Connection:
    return psycopg.connect(
        url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_TIMEOUT
    )


def show(console: Console, operator: Connection, api: Connection) -> None:
    visitor = sign_up(operator)
    user = User(api, visitor)
    try:
        show_account(console, user, f"a user signs up and is granted {GRANTED} credits")
        job = show_creation(console, user)
        show_repeat(console, user, job)
        show_refusal(console, user)
        show_cancel(console, user, job)
    finally:
        operator.execute("delete from auth.users where id = %s", [visitor])
    say(console, "done", "The demo's user is deleted again; the ledger keeps its lines.")


def sign_up(operator: Connection) -> UUID:
    visitor = uuid4()
    operator.execute(
        "insert into auth.users (id, email) values (%s, %s)", [visitor, f"{visitor}@example.com"]
    )
    operator.execute("select from grant_credits(%s, %s, 'demo')", [visitor, GRANTED])
    return visitor


@dataclass(frozen=True)
class User:
    """A signed-in user of an app, whose calls reach Postgres the way PostgREST makes them."""

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

    def call(self, query: str, *values: object) -> dict[str, Any]:
        with self.request() as connection:
            row = connection.execute(query, values).fetchone()
        assert row is not None  # noqa: S101 - each call of the demo answers with a row
        return row


def show_creation(console: Console, user: User) -> dict[str, Any]:
    job = user.call(CREATE, json.dumps(REQUEST), "demo")
    say(console, "create_ai_job", describe(job))
    show_account(console, user, f"{job['credits_cost']} credits are reserved, none is spent")
    return job


def show_repeat(console: Console, user: User, job: dict[str, Any]) -> None:
    again = user.call(CREATE, json.dumps(REQUEST), "demo")
    same = "the same job" if again["id"] == job["id"] else f"another job ({again['id']})"
    say(console, "once more", f"same idempotency key, {same}: nothing is charged twice")


def show_refusal(console: Console, user: User) -> None:
    wrong = {**REQUEST, "remesh": {"target_polycount": 5}}
    try:
        user.call(CREATE, json.dumps(wrong), None)
    except psycopg.DatabaseError as refusal:
        told = refusal.diag
        say(console, "a mistake", f"{told.sqlstate} {told.message_detail}: {told.message_primary}")


def show_cancel(console: Console, user: User, job: dict[str, Any]) -> None:
    canceled = user.call("select * from cancel_ai_job(%s)", job["id"])
    say(console, "cancel_ai_job", describe(canceled))
    show_account(console, user, "the reserved credits are free again")
    console.print(history(user.call("select get_ai_job(%s) as seen", job["id"])["seen"]))


def show_account(console: Console, user: User, why: str) -> None:
    account = user.call("select get_credits() as account")["account"]
    numbers = ", ".join(f"{name} {account[name]}" for name in ("balance", "reserved", "available"))
    say(console, "credits", f"{numbers}: {why}")


def history(seen: dict[str, Any]) -> Table:
    table = Table(title="What the app saw (ai_job_events, pushed by Realtime)")
    for column in ("time", "status", "stage"):
        table.add_column(column)
    for event in seen["events"]:
        table.add_row(event["created_at"][11:23], event["status"], event["stage"])
    return table


def describe(job: dict[str, Any]) -> str:
    stages = job["stages"].strip("{}").split(",")
    return f"job {str(job['id'])[:8]} is {job['status']}: {' → '.join(stages)}"


def say(console: Console, what: str, text: str) -> None:
    console.print(f"[bold]{what:<14}[/bold] {escape(text)}")
