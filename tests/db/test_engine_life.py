"""The whole life of a job, for each plan."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import model_file
from tests.support.jobs import Row, new_worker, rich_user

POOLS = ["meshy", "tripo:animation", "tripo:model", "tripo:processing"]


@dataclass(frozen=True)
class Plan:
    request: Row
    pools: dict[str, str]  # of each stage before DELIVER
    price: int

    @property
    def queue(self) -> str:
        return "stages_meshy" if "meshy" in self.pools.values() else "stages_tripo"


MESHY_TEXT = Plan(
    jobs.MESHY_TEXT, {"PREVIEW": "meshy", "REFINE": "meshy", "REMESH": "meshy"}, price=35
)
PLANS = {
    "meshy text": MESHY_TEXT,
    "meshy text, untextured": Plan(jobs.PREVIEW_ONLY, {"PREVIEW": "meshy"}, price=10),
    "meshy images": Plan(jobs.MESHY_IMAGES, {"GENERATE": "meshy"}, price=25),
    "tripo text": Plan(
        jobs.TRIPO_TEXT,
        {"PREVIEW": "tripo:model", "REFINE": "tripo:processing", "REMESH": "tripo:processing"},
        price=35,
    ),
    "tripo images": Plan(
        jobs.TRIPO_IMAGES, {"GENERATE": "tripo:model", "REMESH": "tripo:processing"}, price=35
    ),
    "tripo rig": Plan(
        jobs.TRIPO_RIG,
        {"PREVIEW": "tripo:model", "REFINE": "tripo:processing", "RIG": "tripo:animation"},
        price=35,
    ),
}
every_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))


def pools_in_use(db: Database) -> dict[str, int]:
    taken = {pool: jobs.slots_taken(db, pool) for pool in POOLS}
    return {pool: count for pool, count in taken.items() if count}


@every_plan
def test_a_job_goes_through_its_stages_and_is_paid_once(db: Database, plan: Plan) -> None:
    """A job reserves its price, passes its plan's stages in order, and settles at delivery."""
    user, worker = rich_user(db, 100), new_worker(db)
    job = jobs.create(db, user, plan.request)
    assert job["stages"] == [*plan.pools, "DELIVER"]
    assert jobs.account(db, user) == (100, plan.price)
    for stage in job["stages"]:
        assert jobs.job(db, job["id"])["stage"] == stage
        worker.work(job["id"], stage)
    ended = jobs.job(db, job["id"])
    assert (ended["status"], ended["stage"], ended["progress"]) == ("SUCCEEDED", "DELIVER", 100)
    assert jobs.account(db, user) == (100 - plan.price, 0)
    assert jobs.ledger(db, job["id"]) == [
        ("reserve", 0, plan.price),
        ("settle", -plan.price, -plan.price),
    ]


@every_plan
def test_each_stage_holds_a_slot_of_its_own_pool(db: Database, plan: Plan) -> None:
    """A stage holds exactly one slot, of its own pool, and delivery holds none."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db), plan.request)
    for stage, pool in plan.pools.items():
        assert pools_in_use(db) == {pool: 1}
        worker.work(job["id"], stage)
    assert pools_in_use(db) == {}
    worker.work(job["id"], "DELIVER")
    assert pools_in_use(db) == {}


def test_a_slot_is_kept_from_stage_to_stage(db: Database) -> None:
    """A stage of the same pool goes on with the very same slot, so nobody can come in between."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    slot = "select id from meshqueue.slots where run_id is not null"
    first = db.admin.value(slot)
    worker.work(job["id"], "PREVIEW")
    assert db.admin.value(slot) == first


@every_plan
def test_each_stage_is_woken_once(db: Database, plan: Plan) -> None:
    """Each stage gets one wake-up in the queue of those who can do it."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db), plan.request)
    for stage in job["stages"]:
        worker.work(job["id"], stage)
    paid = [(plan.queue, "run_stage", stage) for stage in plan.pools]
    woken = [(up["queue"], up["task"], up["stage"]) for up in jobs.wakeups(db, job["id"])]
    deliveries = plan.queue.replace("stages", "deliveries")
    assert woken == [*paid, (deliveries, "deliver", "DELIVER")]


def test_wakeups_carry_nothing_but_the_job_and_the_stage(db: Database) -> None:
    """A wake-up takes no lock of the queue's, has no priority and names the job and its stage."""
    job = jobs.create(db, rich_user(db))
    row = db.admin.row("select * from procrastinate.procrastinate_jobs")
    assert row["args"] == {"job_id": str(job["id"]), "stage": "PREVIEW"}
    assert (row["lock"], row["queueing_lock"], row["priority"]) == (None, None, 0)
    assert (row["status"], row["scheduled_at"]) == ("todo", None)


def test_begin_answers_with_what_the_worker_needs(db: Database) -> None:
    """The worker learns of the request, the earlier stages' results and its fence in one answer."""
    user, worker = rich_user(db), new_worker(db)
    job = jobs.create(db, user, client_task_id="order-7")
    preview = worker.begin(job["id"], "PREVIEW")
    task = worker.submit(preview)
    worker.finish(preview, {"thumbnail": "x"})
    refine = worker.begin(job["id"], "REFINE")
    assert refine["outcome"] == "begun"
    assert (refine["attempt"], refine["provider"], refine["pool"]) == (1, "MESHY", "meshy")
    assert (refine["user_id"], refine["asset_id"]) == (str(user), str(job["asset_id"]))
    assert (refine["client_task_id"], refine["kind"]) == ("order-7", "text_to_3d")
    assert refine["request"]["prompt"] == "cyberpunk katana"
    assert refine["submission"] is None
    finished = refine["finished"]["PREVIEW"]
    assert (finished["task_id"], finished["thumbnail"]) == (task, "x")


def minutes_left(db: Database, job: Row) -> int:
    query = "select deadline_at - now() from public.ai_jobs where id = %s"
    left: timedelta = db.admin.value(query, job["id"])
    return round(left / timedelta(minutes=1))


def test_each_part_of_a_life_has_its_own_deadline(db: Database) -> None:
    """Waiting, working and delivering are each timed from their own beginning."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db), jobs.TRIPO_IMAGES)
    assert minutes_left(db, job) == 1440
    run = worker.begin(job["id"], "GENERATE")
    assert minutes_left(db, job) == 120
    db.admin.execute("update public.ai_jobs set deadline_at = deadline_at - interval '1 hour'")
    worker.submit(run)
    worker.finish(run)
    remesh = worker.begin(job["id"], "REMESH")
    assert minutes_left(db, job) == 60
    worker.submit(remesh)
    worker.finish(remesh)
    assert minutes_left(db, job) == 1440


def test_the_whole_jobs_progress_grows_with_the_stages(db: Database) -> None:
    """What a client sees of the progress goes up with each finished stage and ends at 100."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    seen = [jobs.job(db, job["id"])["progress"]]
    for stage in job["stages"]:
        worker.work(job["id"], stage)
        seen.append(jobs.job(db, job["id"])["progress"])
    assert seen == [0, 42, 84, 94, 100]


def test_a_free_job_lives_without_ledger_lines(db: Database) -> None:
    """Where credits are switched off, a user without an account gets a model all the same."""
    jobs.set_setting(db, "credits_enabled", "false")
    worker, job = new_worker(db), jobs.create(db, db.new_user())
    for stage in job["stages"]:
        worker.work(job["id"], stage)
    assert jobs.job(db, job["id"])["status"] == "SUCCEEDED"
    assert jobs.ledger(db, job["id"]) == []


def test_the_result_tells_what_was_made(db: Database) -> None:
    """The result lists the files, the seconds of each stage and what the provider charged."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    run = worker.begin(job["id"], "PREVIEW")
    worker.submit(run)
    worker.finish(run, provider_credits=5)
    delivery = worker.begin_delivery(job["id"])
    worker.finish_delivery(delivery, report={"triangles": 12, "bytes_after": 1000})
    result = jobs.job(db, job["id"])["result_payload"]
    file = model_file(delivery)
    assert result["files"] == [
        {key: file[key] for key in ("role", "format", "bucket", "path", "bytes")}
    ]
    assert result["provider_credits"] == 5
    assert (result["triangles"], result["bytes_after"]) == (12, 1000)
    assert set(result["seconds"]) == {"PREVIEW", "DELIVER"}
    assert "missing" not in result
