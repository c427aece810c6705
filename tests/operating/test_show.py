"""One job: its stages in time, what it waits for, and what can be done about it."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import MESHY_KEY, Worker
from tests.support.jobs import Row, new_worker, rich_user
from worker.cli._text.job import BAR, bar, now
from worker.operating.desk import Connection
from worker.operating.dossier import Dossier, read_dossier
from worker.operating.situation import Situation
from worker.operating.timeline import StageTime, Timeline


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


def about(desk: Connection, job: Row) -> Situation:
    return read_dossier(desk, job["id"]).situation


def test_the_command_shows_everything(ops: Commands, scene: Scene) -> None:
    """Who, what it costs, stages, requests, events, files and credits."""
    text = ops("jobs", "show", str(scene.done["id"])).text
    for told in (
        f"user       {scene.user}@example.com ({scene.user})",
        "status     SUCCEEDED, DELIVER, 100 %",
        "MESHY, text_to_3d: PREVIEW → DELIVER",
        "now        The job is over: SUCCEEDED.",
        "paid requests (in the provider's credits):",
        f"assets/{scene.user}/models/",
        "settle",
    ):
        assert told in text
    assert "next " not in text
    stages = [line for line in text.splitlines() if line.startswith(("PREVIEW", "DELIVER"))]
    assert [line.split()[1] for line in stages[:2]] == ["done", "done"]


def test_json_holds_the_same(ops: Commands, scene: Scene) -> None:
    """With stable keys, and the timeline and situation besides."""
    told = ops.json("jobs", "show", str(scene.running["id"]))
    assert set(told) == {
        "now", "job", "email", "runs", "submissions", "waiting", "pool", "provider",
        "deliveries_paused", "retried_by", "events", "files", "ledger", "incidents",
        "timeline", "situation",
    }  # fmt: skip
    assert told["submissions"][0]["task_id"] == "task-running"
    assert told["situation"]["waits_for"] == "provider"
    assert [stage["state"] for stage in told["timeline"]] == ["running", "open", "open", "open"]
    assert isinstance(told["timeline"][0]["ran_seconds"], float)


# --- what it waits for


def test_it_waits_for_a_slot(desk: Connection, scene: Scene) -> None:
    """Which pool, how full, and its place in the queue."""
    found = about(desk, scene.waiting)
    assert found.waits_for == "slot"
    assert "1 of 1 are taken, and it is number 1" in found.text
    assert "max_in_flight_meshy" in found.next_steps[0]
    assert found.since is not None


def test_the_provider_works_on_it(desk: Connection, scene: Scene) -> None:
    """And which worker watches it."""
    found = about(desk, scene.running)
    assert found.waits_for == "provider"
    assert found.text.startswith("MESHY works on PREVIEW (0 %).")


def test_it_failed(desk: Connection, scene: Scene) -> None:
    """A new try is what can be done; where there was one, it is named."""
    assert "jobs retry" in about(desk, scene.failed).next_steps[0]
    new = desk.execute("select id from retry_ai_job(%s)", [scene.failed["id"]]).fetchone()
    assert new is not None
    assert about(desk, scene.failed).next_steps == (
        f"It was tried again: `meshqueue jobs show {new['id']}`.",
    )


def test_nobody_serves_its_provider(db: Database, desk: Connection) -> None:
    """No worker at all: whether it waits or may begin, the answer is to start one."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    user = rich_user(db)
    for job in (jobs.create(db, user), jobs.create(db, user)):
        found = about(desk, job)
        assert (found.waits_for, found.text) == ("worker", "No living worker serves MESHY.")
        assert "meshqueue run" in found.next_steps[0]


@pytest.mark.usefixtures("worker")
def test_it_may_begin(db: Database, desk: Connection) -> None:
    """A worker lives, and has not taken it yet."""
    found = about(desk, jobs.create(db, rich_user(db)))
    assert (found.waits_for, found.text) == (
        "worker", "PREVIEW may begin; a worker is to take it from the queue."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "reason", "said"),
    [
        ("*", "operator", ("paused by an operator (the bill)", "providers resume meshy")),
        (MESHY_KEY, "out_of_credit", ("has no money left (the bill)", "Top up")),
        (MESHY_KEY, "unauthorised", ("refuses a worker's key (the bill)", "a key that is valid")),
    ],
)
def test_its_provider_is_paused(
    db: Database, desk: Connection, key: str, reason: str, said: tuple[str, str]
) -> None:
    """Why, since when, and what ends it; for one that waits, may begin, or was begun."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    worker, user = new_worker(db), rich_user(db)
    begun, waiting = jobs.create(db, user), jobs.create(db, user)
    query = "select meshqueue.pause_provider('MESHY', %s, %s, '{\"note\": \"the bill\"}')"
    db.admin.execute(query, key, reason)
    before = about(desk, begun)
    assert worker.begin(begun["id"], "PREVIEW") == {"outcome": "paused"}
    for found in (before, about(desk, begun), about(desk, waiting)):
        assert found.waits_for == "provider_paused"
        assert said[0] in found.text
        assert said[1] in found.next_steps[0]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("no_slot", "no free slot for us"),
        ("rate_limited", "slow down"),
        ("strange", "put off: strange"),
    ],
)
def test_it_is_put_off(
    db: Database, desk: Connection, worker: Worker, reason: str, text: str
) -> None:
    """The provider's reason, and when it is tried again."""
    job = jobs.create(db, rich_user(db))
    worker.wait(worker.begin(job["id"], "PREVIEW"), reason)
    found = about(desk, job)
    assert text in found.text
    assert re.search(r"tried again at \d\d:\d\d:\d\d UTC\.$", found.text)


@pytest.mark.usefixtures("worker")
def test_todays_budget_is_spent(db: Database, desk: Connection) -> None:
    """It waits for midnight, or for a larger budget."""
    jobs.set_setting(db, "max_provider_credits_per_day_meshy", 0)
    found = about(desk, jobs.create(db, rich_user(db)))
    assert found.waits_for == "budget"
    assert "midnight" in found.next_steps[0]


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ("nothing", "preparation", "is being prepared"),
        ("intent", "submission", "is on its way to MESHY"),
        ("lost", "reconciliation", "looked for in MESHY's own list"),
    ],
)
def test_where_its_paid_request_stands(
    db: Database, desk: Connection, how: str, kind: str, text: str
) -> None:
    """Not sent, sent, or sent and never answered."""
    worker = new_worker(db)
    job = jobs.create(db, rich_user(db))
    run = worker.begin(job["id"], "PREVIEW")
    if how != "nothing":
        worker.submitting(run)
    if how == "lost":
        worker.lost(run)
    found = about(desk, job)
    assert found.waits_for == kind
    assert text in found.text


def test_its_worker_is_gone(db: Database, desk: Connection, worker: Worker) -> None:
    """With another alive it is about to be rescued; without, one must be started."""
    job = jobs.create(db, rich_user(db))
    worker.begin(job["id"], "PREVIEW")
    query = "update meshqueue.workers set seen_at = now() - interval '1 minute' where id = %s"
    db.admin.execute(query, worker.id)
    assert about(desk, job).waits_for == "worker"
    new_worker(db)
    found = about(desk, job)
    assert found.waits_for == "rescue"
    assert found.since is not None


def delivering(db: Database, worker: Worker) -> Row:
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    worker.work(job["id"], "PREVIEW")
    return job


def test_it_is_delivered(db: Database, desk: Connection, worker: Worker) -> None:
    """The files are on their way."""
    job = delivering(db, worker)
    worker.begin(job["id"], "DELIVER")
    assert about(desk, job).waits_for == "delivery"


def test_the_storage_is_full(db: Database, desk: Connection, worker: Worker) -> None:
    """What to do is to make room."""
    job = delivering(db, worker)
    worker.pause_deliveries("quota")
    assert worker.begin(job["id"], "DELIVER")["outcome"] == "storage_full"
    found = about(desk, job)
    assert found.waits_for == "deliveries_paused"
    assert "Make room" in found.next_steps[0]


def test_a_paid_task_outlives_its_job(db: Database, desk: Connection, scene: Scene) -> None:
    """After a cancel the slot is still taken, and this is said."""
    jobs.cancel(db, scene.user, scene.running["id"])
    found = about(desk, scene.running)
    assert "PREVIEW may still run at the provider and keeps its slot" in found.text


def test_nothing_moves_it(db: Database, desk: Connection, scene: Scene) -> None:
    """What must not be is said, with the way out."""
    db.admin.execute("delete from meshqueue.waiting where job_id = %s", scene.waiting["id"])
    found = about(desk, scene.waiting)
    assert found.waits_for == "nothing"
    assert "credits audit" in found.next_steps[0]


def test_a_deadline_is_shown_while_it_counts(db: Database, ops: Commands, scene: Scene) -> None:
    """How long it still has, or how long it is overdue; nothing once the job is over."""
    job = str(scene.waiting["id"])
    assert "UTC, in 1 d\n" in ops("jobs", "show", job).text
    db.admin.execute(
        "update ai_jobs set deadline_at = now() - interval '5 minutes' where id = %s", job
    )
    assert "5 min overdue" in ops("jobs", "show", job).text
    assert "deadline" not in ops("jobs", "show", str(scene.done["id"])).text


# --- the timeline


def dossier_after(desk: Connection, job: UUID) -> Dossier:
    return read_dossier(desk, job)


def test_what_a_retry_inherits_is_marked(desk: Connection, scene: Scene) -> None:
    """It is shown first, without a place in this job's time."""
    new = desk.execute("select id from retry_ai_job(%s)", [scene.failed["id"]]).fetchone()
    assert new is not None
    stages = dossier_after(desk, new["id"]).timeline.stages
    assert [(stage.stage, stage.state) for stage in stages] == [
        ("PREVIEW", "inherited"), ("REFINE", "waiting"), ("REMESH", "open"), ("DELIVER", "open"),
    ]  # fmt: skip
    assert stages[0].waits_since is None


def test_waiting_begins_where_the_stage_before_ended(desk: Connection, scene: Scene) -> None:
    """So that no time of a job is left unexplained."""
    found = dossier_after(desk, scene.done["id"])
    preview, deliver = found.timeline.stages
    assert preview.waits_since == found.timeline.began
    assert deliver.waits_since == preview.until
    assert deliver.until == found.timeline.ended


START = datetime(2026, 1, 1, tzinfo=UTC)
HUNDRED = Timeline(START, START + timedelta(seconds=100), ())


def at(waits: int, ran: int | None, until: int | None) -> StageTime:
    def then(seconds: int | None) -> datetime | None:
        return None if seconds is None else START + timedelta(seconds=seconds)

    return StageTime("PREVIEW", "done", then(waits), then(ran), then(until))


@pytest.mark.parametrize(
    ("stage", "drawn"),
    [
        (at(0, 50, 100), "░" * 20 + "█" * 20),
        (at(50, 75, 100), "·" * 20 + "░" * 10 + "█" * 10),
        (at(50, None, None), "·" * 20 + "░" * 20),
        (at(0, 0, None), "█" * 40),
        (at(100, 100, 100), "·" * 39 + "█"),
        (at(10, 10, 10), "·" * 4 + "█"),
        (StageTime("PREVIEW", "open"), ""),
    ],
)
def test_a_bar_shows_when(stage: StageTime, drawn: str) -> None:
    """In proportion to the job's life; whatever ran is seen, and no bar is too long."""
    assert bar(stage, HUNDRED) == drawn
    assert len(drawn) <= BAR


def test_next_steps_lead_to_the_database_that_was_looked_at() -> None:
    """What was found with --local is not cancelled in the hosted project."""
    found = {"job": {"finished_at": None, "deadline_at": None}, "now": "2026-01-01T00:00:00Z"}
    steps = ("`meshqueue jobs cancel 7` ends it.", "All workers busy? See `meshqueue top`.")
    situation = Situation("worker", "It waits.", None, steps)
    (local, _), (hosted, _) = (now(situation, found, local=local) for local in (True, False))
    assert "`meshqueue jobs cancel 7 --local` ends it." in local
    assert "`meshqueue top --local`" in local
    assert "--local" not in hosted
