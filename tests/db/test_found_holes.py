"""Holes that attacks found, each kept shut."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import account, cancel, create, new_worker, rich_user, set_setting
from tests.support.refusals import refused

STAGES = ["PREVIEW", "REFINE", "REMESH"]


def retry(db: Database, user_id: UUID, job_id: UUID) -> jobs.Row:
    with db.user(user_id) as user:
        return user.row("select * from public.retry_ai_job(%s)", job_id)


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


@pytest.mark.parametrize("done", [1, 2, 3])
def test_no_model_for_nothing(db: Database, worker: Worker, done: int) -> None:
    """Cancel late and try again: what the cancel gave back is paid after all, nothing is redone."""
    user_id = rich_user(db, 100)
    old = create(db, user_id)
    for stage in STAGES[:done]:
        worker.work(old["id"], stage)
    cancel(db, user_id, old["id"])
    assert account(db, user_id) == (100, 0)
    new = retry(db, user_id, old["id"])
    assert (new["credits_cost"], new["stage"]) == (35, [*STAGES, "DELIVER"][done])
    for stage in [*STAGES, "DELIVER"][done:]:
        worker.work(new["id"], stage)
    assert account(db, user_id) == (65, 0)


def test_no_model_for_nothing_by_way_of_a_failure(db: Database, worker: Worker) -> None:
    """What a cancel gave back stays to be paid when the new try ends before anything is made."""
    user_id = rich_user(db, 100)
    old = create(db, user_id)
    for stage in STAGES:
        worker.work(old["id"], stage)
    cancel(db, user_id, old["id"])
    again = retry(db, user_id, old["id"])
    db.admin.execute("update public.ai_jobs set deadline_at = now() where id = %s", again["id"])
    assert db.admin.value("select meshqueue.expire_jobs()") == 1
    last = retry(db, user_id, again["id"])
    assert (again["credits_cost"], last["credits_cost"], last["stage"]) == (35, 35, "DELIVER")
    worker.work(last["id"], "DELIVER")
    assert account(db, user_id) == (65, 0)


def test_an_asset_is_not_taken_from_under_a_new_job(db: Database, worker: Worker) -> None:
    """Deleting waits for a create that has named it, and then finds the job."""
    user_id = rich_user(db)
    made = create(db, user_id, jobs.PREVIEW_ONLY)
    worker.work(made["id"], "PREVIEW")
    worker.work(made["id"], "DELIVER")
    asset = made["asset_id"]
    creating, deleting = db.postgres(), db.postgres()
    insert = "insert into public.ai_jobs (user_id, asset_id, request_payload) values (%s, %s, %s)"
    with ThreadPoolExecutor(1) as threads:
        with creating.connection.transaction():
            creating.execute(insert, user_id, asset, jobs.PREVIEW_ONLY)
            late = threads.submit(deleting.rows, "select * from public.delete_asset(%s)", asset)
            db.wait_until_blocked(deleting)
        with refused("PT409"):
            late.result()


def test_two_settings_at_once(db: Database) -> None:
    """Both changes are in force, whoever came second."""
    first, second = db.postgres(), db.postgres()
    change = "update public.app_settings set value = %s where key = %s"
    with ThreadPoolExecutor(1) as threads:
        with first.connection.transaction():
            first.execute(change, "77", "credit_cost_preview")
            late = threads.submit(partial(second.execute, change, "88", "credit_cost_refine"))
            db.wait_until_blocked(second)
        late.result()
    query = "select prices ->> 'MESHY_PREVIEW' || ' ' || (prices ->> 'MESHY_REFINE')"
    assert db.admin.value(f"{query} from meshqueue.in_force") == "77 88"


def test_a_resume_that_crosses_a_begin(db: Database, worker: Worker) -> None:
    """A run that was held for a pause that is over gets its wake-up from the sweep."""
    made = create(db, rich_user(db))
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    assert worker.begin(made["id"], "PREVIEW") == {"outcome": "paused"}
    db.admin.execute("delete from meshqueue.pauses")
    db.admin.execute("delete from procrastinate.procrastinate_jobs")
    assert worker.rescue()["woken"] == 1
    assert worker.begin(made["id"], "PREVIEW")["outcome"] == "begun"


def test_a_stuck_job_keeps_no_other_from_its_end(db: Database, worker: Worker) -> None:
    """Who holds one run's row delays that job's deadline, nobody else's."""
    stuck, other = (create(db, rich_user(db)) for _ in range(2))
    worker.begin(stuck["id"], "PREVIEW")
    db.admin.execute("update public.ai_jobs set deadline_at = now() - interval '1 hour'")
    holder = db.postgres()
    with holder.connection.transaction():
        query = "select from meshqueue.runs where job_id = %s for update"
        holder.execute(query, stuck["id"])
        assert db.admin.value("select meshqueue.expire_jobs()") == 1
    assert jobs.job(db, other["id"])["error_code"] == "queue_timeout"
    assert jobs.job(db, stuck["id"])["status"] == "IN_PROGRESS"


def test_no_third_paid_task(db: Database, worker: Worker) -> None:
    """A worker that dies between the second failure and its verdict leads to no third task."""
    run = worker.begin(create(db, rich_user(db))["id"], "PREVIEW")
    worker.submit(run)
    assert worker.retry(run)["outcome"] == "ok"
    again = worker.submitting(run)
    worker.submitted(run, again["n"], "second")
    assert worker.retry(run)["outcome"] == "exhausted"
    assert worker.submitting(run)["outcome"] == "exhausted"


def test_a_second_live_task_is_reported(db: Database, worker: Worker) -> None:
    """A late answer for a request that was proved absent: an incident, and credits counted once."""
    run = worker.begin(create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(run)
    worker.lost(run)
    db.admin.execute("update meshqueue.submissions set gave_up_at = now() - interval '2 minutes'")
    worker.absent(run, 1)
    worker.submitted(run, worker.submitting(run)["n"], "second")
    worker.submitted(run, 1, "first")
    assert db.admin.values("select kind from meshqueue.incidents order by id")[-1] == "stray_task"


def test_a_budget_holds_for_a_full_pool(db: Database, worker: Worker) -> None:
    """As many tasks as the day's credits pay for, however many were admitted."""
    set_setting(db, "max_provider_credits_per_day_meshy", 20)
    runs = [worker.begin(create(db, rich_user(db))["id"], "PREVIEW") for _ in range(2)]
    query = "select meshqueue.record_submitting(%s, %s, %s, 'd', '{}', 20) ->> 'outcome'"
    answers = [db.admin.value(query, run["run"], run["attempt"], worker.id) for run in runs]
    assert answers == ["ok", "over_budget"]


def test_a_type_of_ones_own(db: Database) -> None:
    """A client's own pg_temp.uuid does not get into a definer function."""
    user_id = db.new_user()
    with db.user(user_id) as client:
        client.execute(
            "create function pg_temp.evil(pg_catalog.uuid) returns boolean language sql"
            " as 'select current_user = ''authenticated'' or 1 / 0 = 1'"
        )
        client.execute("create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.evil(value))")
        assert client.value("select public.rotate_webhook_secret('MESHY')").startswith("mqs_")


def test_other_peoples_sequences(db: Database) -> None:
    """Applying our grants takes nothing from a table that is not ours."""
    db.admin.execute("create table public.orders (id serial)")
    db.admin.execute("grant usage on sequence public.orders_id_seq to authenticated")
    access = "select meshqueue.forget_files(array['policies/access.sql'])"
    db.admin.execute(access)
    query = "select has_sequence_privilege('authenticated', 'public.orders_id_seq', 'usage')"
    assert db.admin.value(query)


def test_a_rigged_job_that_named_meshy(db: Database) -> None:
    """It was routed to Tripo, and is again when it is tried again."""
    user_id = rich_user(db, 200)
    request = {"prompt": "a knight", "requires_rig": True, "provider": "MESHY"}
    old = create(db, user_id, request)
    cancel(db, user_id, old["id"])
    assert retry(db, user_id, old["id"])["provider"] == "TRIPO"


def test_an_ending_by_hand_needs_no_luck(db: Database) -> None:
    """A job can't be born ended, so that its ending is always seen."""
    query = (
        "insert into public.ai_jobs (user_id, request_payload, finished_at) values (%s, %s, now())"
    )
    with refused("PT400") as refusal:
        db.admin.execute(query, rich_user(db), jobs.MESHY_TEXT)
    assert refusal.detail == "status"


def test_what_wants_to_be_public_is(db: Database, worker: Worker) -> None:
    """`"public": true` records the wish with the delivery."""
    made = create(db, rich_user(db), {**jobs.PREVIEW_ONLY, "public": True})
    worker.work(made["id"], "PREVIEW")
    worker.work(made["id"], "DELIVER")
    assert db.admin.values("select asset_id from meshqueue.publications") == [made["asset_id"]]
