"""Jobs as clients make them, and what became of them."""

from typing import Any
from uuid import UUID

from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.session import Session

Row = dict[str, Any]

MESHY_TEXT = {"prompt": "cyberpunk katana", "remesh": {"enabled": True}}
MESHY_IMAGES = {"images": [{"url": "https://example.com/front.png"}]}
TRIPO_TEXT = {**MESHY_TEXT, "provider": "TRIPO"}
TRIPO_IMAGES = {
    "images": [{"url": "https://example.com/front.png", "angle": "front"}],
    "remesh": {"enabled": True},
    "provider": "TRIPO",
}
TRIPO_RIG = {"prompt": "a knight", "requires_rig": True}
# The shortest job that waits for a slot: PREVIEW, DELIVER.
PREVIEW_ONLY = {"prompt": "a cube", "refine": False}

# psycopg reads an array of an enum as one text.
STAGES = "stages::text[] as stages"


def new_worker(db: Database, **serves: str) -> Worker:
    """A worker that lives, with a connection of its own."""
    worker = Worker(db.postgres(), serves=serves) if serves else Worker(db.postgres())
    worker.heartbeat()
    return worker


def grant(db: Database, user_id: UUID, amount: int) -> Row:
    with db.service() as service:
        return service.row("select * from public.grant_credits(%s, %s, 'test')", user_id, amount)


def rich_user(db: Database, amount: int = 10_000) -> UUID:
    user_id = db.new_user()
    grant(db, user_id, amount)
    return user_id


def create(db: Database, user_id: UUID, request: Row | None = None, **arguments: Any) -> Row:
    """By the user's own call, which counts against the rate."""
    with db.user(user_id) as user:
        return create_as(user, request, **arguments)


def create_as(user: Session, request: Row | None = None, **arguments: Any) -> Row:
    named = "".join(f", {name} => %({name})s" for name in arguments)
    query = f"select *, {STAGES} from public.create_ai_job_with_credits(%(request)s{named})"
    return user.row(query, request=request or MESHY_TEXT, **arguments)


def create_by_server(db: Database, user_id: UUID, request: Row | None = None) -> Row:
    """By the service role, which no rate limits."""
    query = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s)"
    with db.service() as service:
        return service.row(f"{query} returning *, {STAGES}", user_id, request or MESHY_TEXT)


def cancel(db: Database, user_id: UUID, job_id: UUID) -> Row:
    with db.user(user_id) as user:
        return user.row("select * from public.cancel_ai_job(%s)", job_id)


def job(db: Database, job_id: UUID | str) -> Row:
    return db.admin.row(f"select *, {STAGES} from public.ai_jobs where id = %s", job_id)


def run_of(db: Database, job_id: UUID | str, stage: str) -> Row:
    query = "select * from meshqueue.runs where job_id = %s and stage = %s"
    return db.admin.row(query, job_id, stage)


def events(db: Database, job_id: UUID) -> list[tuple[str, str]]:
    query = "select stage, status from public.ai_job_events where job_id = %s order by id"
    return [(row["stage"], row["status"]) for row in db.admin.rows(query, job_id)]


def account(db: Database, user_id: UUID) -> tuple[int, int]:
    """Balance and reserved."""
    query = "select balance, reserved from public.credit_accounts where user_id = %s"
    row = db.admin.row(query, user_id)
    return row["balance"], row["reserved"]


def ledger(db: Database, job_id: UUID) -> list[tuple[str, int, int]]:
    """Kind, amount and hold of each line of a job."""
    query = "select kind, amount, hold from public.credit_ledger where job_id = %s order by id"
    return [(row["kind"], row["amount"], row["hold"]) for row in db.admin.rows(query, job_id)]


def slots_taken(db: Database, pool: str) -> int:
    query = "select count(*) from meshqueue.slots where pool = %s and run_id is not null"
    return int(db.admin.value(query, pool))


def waiting(db: Database, pool: str) -> list[UUID]:
    query = "select job_id from meshqueue.waiting where pool = %s order by tier, seq"
    return db.admin.values(query, pool)


def wakeups(db: Database, job_id: UUID) -> list[Row]:
    """What was enqueued for a job, oldest first."""
    query = """
        select queue_name as queue, task_name as task, args ->> 'stage' as stage, scheduled_at
        from procrastinate.procrastinate_jobs where args ->> 'job_id' = %s order by id
    """
    return db.admin.rows(query, str(job_id))


def set_setting(db: Database, key: str, value: str | int) -> None:
    query = """
        insert into public.app_settings (key, value) values (%s, %s)
        on conflict (key) do update set value = excluded.value
    """
    with db.service() as service:
        service.execute(query, key, str(value))


def set_status(db: Database, job_id: UUID | str, status: str) -> None:
    """By hand, as an operator does in a table editor."""
    db.admin.execute("update public.ai_jobs set status = %s where id = %s", status, job_id)
