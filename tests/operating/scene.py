"""A database with something of everything: what was delivered, failed, runs, waits."""

from dataclasses import dataclass
from uuid import UUID

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import Row, new_worker, rich_user


@dataclass(frozen=True)
class Scene:
    worker: Worker
    user: UUID
    done: Row
    failed: Row
    running: Row
    waiting: Row

    @property
    def names(self) -> dict[str, object]:
        rows = {"done": self.done, "failed": self.failed}
        rows |= {"running": self.running, "waiting": self.waiting}
        return {name: row["id"] for name, row in rows.items()} | {"user": self.user}


def set_scene(db: Database) -> Scene:
    """One slot, so that the last job waits for it. The worker has lived for an hour."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    jobs.set_setting(db, "deliver_best", "false")
    jobs.set_setting(db, "rate_job_create_per_minute", 1000)
    worker, user = new_worker(db), rich_user(db, 1000)
    done = jobs.create(db, user, jobs.PREVIEW_ONLY)
    worker.work(done["id"], "PREVIEW")
    worker.work(done["id"], "DELIVER")
    failed = jobs.create(db, user)
    worker.work(failed["id"], "PREVIEW")
    worker.fail(worker.begin(failed["id"], "REFINE"), "moderated")
    running = jobs.create(db, user)
    worker.submit(worker.begin(running["id"], "PREVIEW"), "task-running")
    waiting = jobs.create(db, user)
    settle_queue(db, worker)
    rows = [jobs.job(db, made["id"]) for made in (done, failed, running, waiting)]
    return Scene(worker, user, *rows)


def settle_queue(db: Database, worker: Worker) -> None:
    """As a worker would have left it: wake-ups are taken, and it has been there for long."""
    db.admin.execute("delete from procrastinate.procrastinate_jobs")
    db.admin.execute(
        "update meshqueue.workers set unbroken_since = now() - interval '1 hour' where id = %s",
        worker.id,
    )
