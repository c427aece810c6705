"""What all rules stand on: a database of their own, and the checks after every step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from psycopg.errors import DatabaseError

from tests.db.machine.provider import Provider
from tests.db.machine.view import View, broken_promises, look
from tests.db.machine.warehouse import Warehouse
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.session import Session

PICK = st.integers(0, 7)
KEYS = st.sampled_from(["a", "b"])
RESET = (Path(__file__).parent / "reset.sql").read_text()
ARRANGE = (Path(__file__).parent / "arrange.sql").read_text()

ASK = """
    insert into public.ai_jobs (user_id, request_payload) values (%s, '{"prompt": "a cube"}')
"""

Thing = TypeVar("Thing")


def chosen(things: Sequence[Thing], pick: int) -> Thing:
    return things[pick % len(things)]


def one_of(
    find: Callable[[Any], Sequence[Any]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The rule acts on one of these; where there are none, it is idle.

    Not a precondition: random ids order some work, so the same choices may meet another state, and
    hypothesis calls a choice of rules that depends on it flaky.
    """

    def wrap(act: Callable[..., None]) -> Callable[..., None]:
        @wraps(act)
        def rule_function(self: "Ground", pick: int, **drawn: Any) -> None:
            things = find(self)
            self.idle = not things
            if things:
                act(self, chosen(things, pick), **drawn)

        return rule_function

    return wrap


class Ground(RuleBasedStateMachine):
    def __init__(self, db: Database, superuser: Session) -> None:
        super().__init__()
        self.db = db
        self.superuser = superuser
        self.provider = Provider()
        self.users: list[UUID] = []
        self.workers: list[Worker] = []
        self.warehouse = Warehouse()
        self.ended: dict[str, str] = {}
        self.view = View({})
        self.idle = False

    @initialize()
    def open(self) -> None:
        self.superuser.execute(RESET)
        self.db.admin.execute(ARRANGE)
        self.hire("a")
        self.hire("a")
        self.enrol(200)
        self.enrol(60)
        for user_id in self.users * 2:
            self.db.admin.execute(ASK, user_id)
        self.view = look(self.db.admin)

    def hire(self, key: str) -> None:
        worker = Worker(self.db.admin, serves={"MESHY": key, "TRIPO": key})
        worker.heartbeat()
        self.workers.append(worker)
        self.ripen(worker)

    def ripen(self, worker: Worker) -> None:
        """Its heartbeats came without a gap for an hour."""
        long_ago = "now() - interval '1 hour'"
        query = f"update meshqueue.workers set unbroken_since = {long_ago} where id = %s"
        self.db.admin.execute(query, worker.id)

    def enrol(self, credits_granted: int) -> None:
        query = "insert into auth.users (id) values (gen_random_uuid()) returning id"
        user_id = self.db.admin.value(query)
        self.users.append(user_id)
        self.grant(user_id, credits_granted)

    def grant(self, user_id: UUID, amount: int) -> None:
        with self.db.service() as service:
            service.execute("select public.grant_credits(%s, %s, 'test')", user_id, amount)

    def worker(self, worker_id: str | None) -> Worker:
        return next(worker for worker in self.workers if str(worker.id) == worker_id)

    @contextmanager
    def refusable(self, *codes: str) -> Iterator[None]:
        """Only these refusals are right here."""
        try:
            yield
        except DatabaseError as error:
            if error.sqlstate not in codes:
                raise

    @invariant()
    def promises_hold(self) -> None:
        if self.idle:
            self.idle = False
        else:
            self.check()

    def check(self) -> None:
        before, self.view = self.view, look(self.db.admin)
        broken = broken_promises(self.db.admin)
        assert not broken, broken
        self.covers_live_tasks()
        self.keeps_objects()
        self.admits_within_limits(before)
        self.keeps_what_ended()

    def covers_live_tasks(self) -> None:
        """Each task that lives at the provider has a slot, held by its run."""
        for task in self.provider.live:
            run = self.view.run.get(self.provider.tasks[task].run)
            assert run is not None, f"{task} lives, its run is over"
            assert run.slotted, f"{task} lives without a slot"

    def keeps_objects(self) -> None:
        """Each row's object is there, and none is there that nobody knows of."""
        stored, known = set(self.view.facts["stored"]), self.view.needed
        assert stored <= self.warehouse.objects, "a row without its object"
        known |= set(self.view.facts["to_remove"])
        assert self.warehouse.objects <= known, "a stray object"

    def admits_within_limits(self, before: View) -> None:
        for run_id in self.view.slots.keys() - before.slots.keys():
            pool, run = self.view.slots[run_id], self.view.run[run_id]
            passed_on = any(
                earlier.job_id == run.job_id and earlier.pool == pool and earlier.slotted
                for earlier in before.runs
                if earlier.id not in self.view.slots
            )
            if not passed_on:
                assert self.view.taken(pool) <= self.view.limit(pool), f"{run} above the limit"

    def keeps_what_ended(self) -> None:
        for job in self.view.jobs:
            if job.over:
                assert self.ended.setdefault(job.id, job.row) == job.row
            else:
                assert job.id not in self.ended
