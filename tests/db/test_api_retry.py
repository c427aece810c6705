"""Trying again: a new job that inherits what was finished and pays only for what is missing."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import (
    STAGES,
    TRIPO_RIG,
    account,
    cancel,
    create,
    job,
    ledger,
    new_worker,
    rich_user,
    set_setting,
)
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

Row = dict[str, Any]

EARLIER = "update meshqueue.runs set ended_at = now() - %s::interval where job_id = %s"


@pytest.fixture
def user_id(db: Database) -> UUID:
    set_setting(db, "deliver_best", "false")
    return rich_user(db, 1000)


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


def retry(db: Database, user_id: UUID, job_id: UUID) -> Row:
    with db.user(user_id) as user:
        return user.row(f"select *, {STAGES} from public.retry_ai_job(%s)", job_id)


def failed_at(db: Database, worker: Worker, made: Row, stage: str) -> Row:
    """The job as it stands when this stage failed and those before it went well."""
    for before in made["stages"][: made["stages"].index(stage)]:
        worker.work(made["id"], before)
    worker.fail(worker.begin(made["id"], stage))
    return job(db, made["id"])


@pytest.mark.parametrize(
    ("stage", "cost"), [("PREVIEW", 35), ("REFINE", 25), ("REMESH", 10), ("DELIVER", 0)]
)
def test_only_what_is_missing_is_done_and_paid(
    db: Database, user_id: UUID, worker: Worker, stage: str, cost: int
) -> None:
    """The new job begins where the old one failed."""
    old = failed_at(db, worker, create(db, user_id), stage)
    left = old["stages"][old["stages"].index(stage) :]
    new = retry(db, user_id, old["id"])
    assert (new["stages"], new["stage"], new["credits_cost"]) == (left, stage, cost)
    assert (new["status"], new["retry_of"]) == ("QUEUED", old["id"])
    assert account(db, user_id) == (1000, cost)
    assert ledger(db, new["id"]) == ([("reserve", 0, cost)] if cost else [])


def test_what_was_asked_for_stays_the_same(db: Database, user_id: UUID, worker: Worker) -> None:
    """Request, asset, grouping and metadata go along; the key does not."""
    old = create(
        db, user_id, client_task_id="part", metadata={"a": 1}, idempotency_key="k", asset_title="K"
    )
    old = failed_at(db, worker, old, "REFINE")
    new = retry(db, user_id, old["id"])
    for column in ("request_payload", "asset_id", "client_task_id", "metadata", "provider", "kind"):
        assert new[column] == old[column]
    assert new["idempotency_key"] is None
    assert db.admin.value("select count(*) from public.assets") == 1


def test_the_worker_gets_the_earlier_tasks(db: Database, user_id: UUID, worker: Worker) -> None:
    """What finished before is handed to the new job's first stage, with the provider's task."""
    made = create(db, user_id)
    run = worker.begin(made["id"], "PREVIEW")
    task = worker.submit(run)
    worker.finish(run, {"kept": "result"})
    worker.fail(worker.begin(made["id"], "REFINE"))
    new = retry(db, user_id, made["id"])
    begun = worker.begin(new["id"], "REFINE")
    assert begun["finished"]["PREVIEW"]["task_id"] == task
    assert begun["finished"]["PREVIEW"]["kept"] == "result"


def test_a_retry_of_a_retry(db: Database, user_id: UUID, worker: Worker) -> None:
    """Stages of every earlier try count, and so do their tasks."""
    first = create(db, user_id)
    run = worker.begin(first["id"], "PREVIEW")
    task = worker.submit(run)
    worker.finish(run)
    worker.fail(worker.begin(first["id"], "REFINE"))
    second = retry(db, user_id, first["id"])
    third = retry(db, user_id, failed_at(db, worker, second, "REMESH")["id"])
    assert third["stages"] == ["REMESH", "DELIVER"]
    begun = worker.begin(third["id"], "REMESH")
    assert begun["finished"]["PREVIEW"]["task_id"] == task
    assert begun["finished"].keys() == {"PREVIEW", "REFINE"}


def test_a_retry_that_succeeds_costs_what_it_did(
    db: Database, user_id: UUID, worker: Worker
) -> None:
    """Settled is what the new job reserved; the old one stays released."""
    old = failed_at(db, worker, create(db, user_id), "REFINE")
    new = retry(db, user_id, old["id"])
    for stage in new["stages"]:
        worker.work(new["id"], stage)
    assert job(db, new["id"])["status"] == "SUCCEEDED"
    assert account(db, user_id) == (975, 0)


def test_a_canceled_job_can_be_tried_again(db: Database, user_id: UUID) -> None:
    """Canceled counts as failed here."""
    canceled = cancel(db, user_id, create(db, user_id)["id"])
    assert retry(db, user_id, canceled["id"])["credits_cost"] == 35


def test_rigging_again(db: Database, user_id: UUID, worker: Worker) -> None:
    """A job that was routed elsewhere stays there."""
    old = failed_at(db, worker, create(db, user_id, TRIPO_RIG), "RIG")
    new = retry(db, user_id, old["id"])
    assert (new["provider"], new["stages"]) == ("TRIPO", ["RIG", "DELIVER"])


def test_a_job_that_lives_is_not_tried_again(db: Database, user_id: UUID, worker: Worker) -> None:
    """PT409 while it waits and while it works."""
    made = create(db, user_id)
    for _ in range(2):
        with leaves_nothing(db), refused("PT409") as refusal:
            retry(db, user_id, made["id"])
        assert refusal.detail == str(made["id"])
        assert refusal.hint
        worker.begin(made["id"], "PREVIEW")


def test_a_job_that_succeeded_is_not_tried_again(
    db: Database, user_id: UUID, worker: Worker
) -> None:
    """PT409: there is nothing to repair."""
    made = create(db, user_id)
    for stage in made["stages"]:
        worker.work(made["id"], stage)
    with leaves_nothing(db), refused("PT409") as refusal:
        retry(db, user_id, made["id"])
    assert refusal.detail == str(made["id"])


def test_one_try_at_a_time(db: Database, user_id: UUID) -> None:
    """PT409 with the newer job's id while that lives; once it failed, another may follow."""
    first = cancel(db, user_id, create(db, user_id)["id"])
    second = retry(db, user_id, first["id"])
    with leaves_nothing(db), refused("PT409") as refusal:
        retry(db, user_id, first["id"])
    assert refusal.detail == str(second["id"])
    cancel(db, user_id, second["id"])
    assert retry(db, user_id, first["id"])["retry_of"] == first["id"]


def test_a_retry_is_paid_like_any_job(db: Database) -> None:
    """PT402 when the missing stages can't be paid, PT429 when the minute is full."""
    user_id = rich_user(db, 40)
    canceled = cancel(db, user_id, create(db, user_id)["id"])
    db.admin.execute("select public.grant_credits(%s, -20, 'test')", user_id)
    with leaves_nothing(db), refused("PT402"):
        retry(db, user_id, canceled["id"])
    db.admin.execute("select public.grant_credits(%s, 20, 'test')", user_id)
    set_setting(db, "rate_job_create_per_minute", 1)
    with leaves_nothing(db), refused("PT429"):
        retry(db, user_id, canceled["id"])


@pytest.mark.parametrize(
    ("age", "left"),
    [
        ("59 hours", ["REFINE", "REMESH", "DELIVER"]),
        ("61 hours", ["PREVIEW", "REFINE", "REMESH", "DELIVER"]),
    ],
)
def test_what_the_provider_has_forgotten_is_paid_again(
    db: Database, user_id: UUID, worker: Worker, age: str, left: list[str]
) -> None:
    """Stages finished more than 60 hours ago are done anew."""
    old = failed_at(db, worker, create(db, user_id), "REFINE")
    db.admin.execute(EARLIER, age, old["id"])
    new = retry(db, user_id, old["id"])
    assert new["stages"] == left


def test_a_stage_behind_a_forgotten_one(db: Database, user_id: UUID, worker: Worker) -> None:
    """What was built on a forgotten stage still counts: the chain goes on from the last one."""
    old = failed_at(db, worker, create(db, user_id), "REMESH")
    query = """
        update meshqueue.runs set ended_at = now() - interval '61 hours'
        where job_id = %s and stage = 'PREVIEW'
    """
    db.admin.execute(query, old["id"])
    assert retry(db, user_id, old["id"])["stages"] == ["REMESH", "DELIVER"]


def test_prices_of_today_count_for_a_retry(db: Database, user_id: UUID, worker: Worker) -> None:
    """A retry is a new job: it is priced when it is made."""
    old = failed_at(db, worker, create(db, user_id), "REMESH")
    set_setting(db, "credit_cost_remesh", 7)
    assert retry(db, user_id, old["id"])["credits_cost"] == 7


def test_the_server_retries_for_a_user(db: Database, user_id: UUID, worker: Worker) -> None:
    """The service role may name anybody's job; the job's own user pays."""
    old = failed_at(db, worker, create(db, user_id), "REFINE")
    with db.service() as service:
        new = service.row("select * from public.retry_ai_job(%s)", old["id"])
    assert new["user_id"] == user_id
    assert account(db, user_id) == (1000, 25)


def test_an_asset_deleted_in_between(db: Database, user_id: UUID, worker: Worker) -> None:
    """The new try gets an asset of its own when the old one is gone."""
    old = failed_at(db, worker, create(db, user_id), "REFINE")
    with db.user(user_id) as user:
        user.execute("select public.delete_asset(%s)", old["asset_id"])
    new = retry(db, user_id, old["id"])
    assert new["asset_id"] not in (None, old["asset_id"])
