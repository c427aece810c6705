"""Trying again and cancelling, one job or many."""

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.cache import CHECKOUT
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import Row, new_worker, rich_user
from worker.operating.changing import failed_with, named, retry
from worker.operating.desk import Connection
from worker.operating.errors import OperatingError


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


@pytest.fixture
def worker(db: Database) -> Worker:
    jobs.set_setting(db, "deliver_best", "false")
    jobs.set_setting(db, "rate_job_create_per_minute", 1000)
    return new_worker(db)


def fail_at(db: Database, worker: Worker, user: UUID, stage: str, code: str = "timeout") -> Row:
    job = jobs.create(db, user)
    for before in job["stages"][: job["stages"].index(stage)]:
        worker.work(job["id"], before)
    worker.fail(worker.begin(job["id"], stage), code)
    return job


SINCE_THEN = {
    "nothing": "select 1",
    "forgotten by the provider": "update meshqueue.runs set ended_at = now() - interval '4 days'"
    " where ended_at is not null",
    "dearer": "update public.app_settings set value = '99' where key = 'credit_cost_remesh'",
}


@pytest.mark.parametrize("stage", ["PREVIEW", "REFINE", "REMESH", "DELIVER"])
@pytest.mark.parametrize("since_then", SINCE_THEN)
def test_the_price_that_is_shown_is_what_it_costs(
    db: Database, desk: Connection, worker: Worker, stage: str, since_then: str
) -> None:
    """Also of a try after a try, and when prices or what can be inherited have changed."""
    job = fail_at(db, worker, rich_user(db), stage)
    for _ in range(2):
        db.admin.execute(SINCE_THEN[since_then])
        (candidate,) = named(desk, [job["id"]]).jobs
        (change,) = retry(desk, [job["id"]])
        assert change.row is not None, change.refusal
        made = jobs.job(db, change.row["id"])
        assert (candidate["missing"], candidate["price"]) == (made["stages"], made["credits_cost"])
        assert made["user_id"] == job["user_id"]
        worker.fail(worker.begin(made["id"], made["stages"][0]))
        job = made


def test_a_canceled_job_pays_for_what_it_gave_back(
    db: Database, desk: Connection, worker: Worker
) -> None:
    """As for its user; the price that is shown says so."""
    user = rich_user(db)
    job = jobs.create(db, user)
    worker.work(job["id"], "PREVIEW")
    jobs.cancel(db, user, job["id"])
    (candidate,) = named(desk, [job["id"]]).jobs
    (change,) = retry(desk, [job["id"]])
    assert change.row is not None
    assert candidate["price"] == change.row["credits_cost"] == job["credits_cost"]


def test_the_command_tries_one_again(db: Database, ops: Commands, scene: Scene) -> None:
    """Without a question: it was named. The new job is the user's."""
    answer = ops("jobs", "retry", str(scene.failed["id"]))
    assert answer.code == 0, answer.error
    new = jobs.job(db, answer.text.split(" as ")[1].split()[0])
    assert (new["retry_of"], new["user_id"]) == (scene.failed["id"], scene.user)
    assert answer.text.endswith(f"({new['credits_cost']} credits)\n")
    assert new["credits_cost"] == 25


def test_what_cant_be_tried_again_is_said(ops: Commands, scene: Scene) -> None:
    """The others are; exit code 1. A second call makes no second job."""
    references = [str(job["id"]) for job in (scene.failed, scene.done, scene.running)]
    answer = ops("jobs", "retry", *references)
    assert answer.code == 1
    assert "tried again as" in answer.lines[0]
    assert f"{scene.done['id']} not tried again: it is SUCCEEDED" in answer.text
    assert f"{scene.running['id']} not tried again: it is IN_PROGRESS" in answer.text
    again = ops("jobs", "retry", references[0])
    assert again.code == 1
    assert "it was tried again before, by" in again.text


def test_no_money_is_a_refusal_of_that_job_alone(
    db: Database, ops: Commands, worker: Worker
) -> None:
    """The user's credits are what pays; the others' jobs are tried again all the same."""
    poor, rich = rich_user(db, 35), rich_user(db)
    jobs_failed = [fail_at(db, worker, user, "REFINE") for user in (poor, rich)]
    jobs.grant(db, poor, -35)
    told = ops.json("jobs", "retry", "--failed-with", "timeout", "--yes", code=1)["changes"]
    refused, made = sorted(told, key=lambda change: bool(change["done"]))
    assert (refused["of"], made["of"]) == tuple(str(job["id"]) for job in jobs_failed)
    assert refused["refusal"].startswith("not enough credits: 25 needed, 0 available.")
    assert made["credits_cost"] == 25


def test_all_that_failed_so_are_tried_again(db: Database, ops: Commands, worker: Worker) -> None:
    """Count and cost are shown and asked for first; then once each, and a second time none."""
    user = rich_user(db)
    failed = [fail_at(db, worker, user, stage) for stage in ("PREVIEW", "REFINE")]
    other = fail_at(db, worker, user, "PREVIEW", "moderated")
    no = ops("jobs", "retry", "--failed-with", "timeout", "--since", "2h")
    assert no.code == 2 or "say --yes" in no.error
    assert "Try 2 jobs again, for 60 credits in all?" in no.error
    assert "PREVIEW REFINE REMESH DELIVER" in no.text
    yes = ops("jobs", "retry", "--failed-with", "timeout", "--since", "2h", "--yes")
    assert yes.code == 0, yes.error
    assert [str(job["id"]) in yes.text for job in (*failed, other)] == [True, True, False]
    assert db.admin.value("select count(*) from ai_jobs where retry_of is not null") == 2
    more = ops("jobs", "retry", "--failed-with", "timeout")
    assert (more.code, more.text) == (0, "no jobs to try again\n")


@pytest.mark.newest_postgres
@pytest.mark.parametrize(("said", "made"), [(b"y\n", 1), (b"n\n", 0)])
def test_on_a_terminal_it_asks(
    db: Database, worker: Worker, tmp_path: Path, said: bytes, made: int
) -> None:
    """And does what was answered, nothing else."""
    fail_at(db, worker, rich_user(db), "REFINE")
    watched, terminal = pty.openpty()
    environment = {"PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "DATABASE_URL": db.url()}
    os.write(watched, said)
    done = subprocess.run(
        [sys.executable, "-m", "worker", "jobs", "retry", "--failed-with", "timeout"],
        env=environment,
        cwd=tmp_path,
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(terminal)
    os.close(watched)
    assert "Try 1 job again, for 25 credits in all? [y/N]" in done.stderr
    assert done.stdout.count("tried again as") == made
    assert db.admin.value("select count(*) from ai_jobs where retry_of is not null") == made


def test_since_counts_from_the_failure(db: Database, desk: Connection, worker: Worker) -> None:
    """An old job that failed a minute ago is one of them."""
    job = fail_at(db, worker, rich_user(db), "PREVIEW")
    now = datetime.now(UTC)
    assert [one["id"] for one in failed_with(desk, "timeout", now - timedelta(hours=1)).jobs] == [
        job["id"]
    ]
    assert failed_with(desk, "timeout", now + timedelta(hours=1)).jobs == ()
    assert failed_with(desk, "timeout", None, "TRIPO").jobs == ()
    assert failed_with(desk, "timeout", None, "MESHY", [rich_user(db)]).jobs == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name jobs, or --failed-with CODE"),
        (["abcd", "--failed-with", "timeout"], "and not both"),
        (["abcd", "--since", "2h"], "belong to --failed-with"),
        (["abcd"], "no job is known as abcd"),
    ],
)
def test_a_retry_needs_to_know_which(ops: Commands, arguments: list[str], said: str) -> None:
    """Nothing, both, or what is unknown is refused."""
    answer = ops("jobs", "retry", *arguments)
    assert answer.code != 0
    assert said in answer.error


def test_jobs_are_canceled(db: Database, ops: Commands, scene: Scene) -> None:
    """The credits come back; what is over is refused by itself; twice is harmless."""
    references = [str(scene.running["id"])[:13], str(scene.waiting["id"]), str(scene.done["id"])]
    answer = ops("jobs", "cancel", *references)
    assert answer.code == 1
    assert f"{scene.running['id']} ended: CANCELED" in answer.text
    assert f"{scene.done['id']} not ended: the job has already succeeded" in answer.text
    assert jobs.account(db, scene.user)[1] == 0
    assert ops("jobs", "cancel", references[0]).code == 0


def test_a_busy_job_is_refused_and_others_go_on(
    db: Database, desk: Connection, scene: Scene
) -> None:
    """Somebody holds a row for seconds: that job is told to try again, nothing breaks."""
    with psycopg.connect(db.url()) as holder:
        holder.execute("select from ai_jobs where id = %s for update", [scene.failed["id"]])
        (change,) = retry(desk, [scene.failed["id"]])
        assert "the database is busy" in change.refusal
    (change,) = retry(desk, [scene.failed["id"]])
    assert change.row is not None


def test_a_lost_connection_is_no_refusal(db: Database, desk: Connection, scene: Scene) -> None:
    """What came of the call is unknown then, and the command says so instead of going on."""
    pid = desk.info.backend_pid
    db.superuser().execute("select pg_terminate_backend(%s)", pid)
    with pytest.raises(OperatingError, match="went away"):
        list(retry(desk, [scene.failed["id"]]))
