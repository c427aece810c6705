"""How workers live, die and are replaced."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.db.machine.ground import KEYS, PICK, Ground, chosen, one_of
from tests.db.machine.view import Run
from tests.support.engine import Worker

STOP = "update meshqueue.workers set seen_at = now() - interval '31 seconds' where id = %s"
LATE = """
    update meshqueue.runs set wake_at = now() - interval '31 seconds'
    where wake_at is not null and id = %s
"""
FORGET = "delete from procrastinate.procrastinate_jobs where args ->> 'job_id' = %s"
WAKEUPS = """
    select count(*) from procrastinate.procrastinate_jobs
    where args ->> 'job_id' = %s and args ->> 'stage' = %s
"""


class Lives(Ground):
    @rule(key=KEYS)
    def start(self, key: str) -> None:
        if len(self.workers) < 4:
            self.hire(key)

    @rule(pick=PICK, meshy=KEYS, tripo=KEYS)
    @one_of(lambda self: self.workers)
    def change_keys(self, worker: Worker, meshy: str, tripo: str) -> None:
        worker.serves.update(MESHY=meshy, TRIPO=tripo)
        worker.heartbeat()

    @rule(pick=PICK, fate=st.sampled_from(["beats", "beats for an hour", "dies", "leaves"]))
    @one_of(lambda self: self.workers)
    def live(self, worker: Worker, fate: str) -> None:
        if fate == "dies":
            self.db.admin.execute(STOP, worker.id)
        else:
            worker.heartbeat(leaving=fate == "leaves")
        if fate == "beats for an hour":
            self.ripen(worker)

    @rule(pick=PICK)
    @one_of(lambda self: self.workers)
    def rescue(self, worker: Worker) -> None:
        orphans = [run for run in self.view.held if not self.view.lives(run.worker_id)]
        rescued = worker.rescue()["rescued"]
        assert rescued in {0, len(orphans)}
        assert rescued == 0 or self.view.lives(worker.id)

    @rule(pick=PICK, rescuer=PICK)
    @one_of(lambda self: self.view.runs)
    def lose_wakeup(self, run: Run, rescuer: int) -> None:
        """A wake-up was lost more than 30 s ago: it is sent again."""
        self.db.admin.execute(LATE, run.id)
        self.db.admin.execute(FORGET, run.job_id)
        chosen(self.workers, rescuer).rescue()
        if run.worker_id is None and run.early is not None:
            assert self.db.admin.value(WAKEUPS, run.job_id, run.stage) == 1

    @rule(pick=PICK)
    @one_of(lambda self: self.view.held)
    def release(self, run: Run) -> None:
        worker = self.worker(run.worker_id)
        mine = [held.fence for held in self.view.held if held.worker_id == run.worker_id]
        assert worker.release(*mine) == len(mine)
