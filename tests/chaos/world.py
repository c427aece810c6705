"""One job, its provider's account book and its ledger: a world in which something goes wrong."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from tests.chaos.haste import SPEED, shorten
from tests.support import jobs
from tests.support.daemon import plan_for, the_end, unprepared, until, working
from tests.support.database import Database, fresh_database
from tests.support.jobs import Row, rich_user
from tests.support.servers import Postgres
from worker.daemon.daemon import Daemon
from worker.simulator import BookedTask, Rule, Simulator
from worker.simulator.fault import ProviderName

CREDITS = 1_000
A_DAY = 86_400.0  # of a clock that runs fast: a link must live as long as its download takes
TRIANGLES = 20_000  # a file of several chunks; with ten times as many, hundreds of lives take 2 GB
Name = Literal["MESHY", "TRIPO"]
SIMULATED: dict[Name, ProviderName] = {"MESHY": "meshy", "TRIPO": "tripo"}
MODELS = {"MESHY": "meshy-6", "TRIPO": "v3.1-20260211"}
REQUESTS: dict[Name, Row] = {
    # PREVIEW, REFINE, REMESH
    "MESHY": {"prompt": "a lamp", "remesh": {"enabled": True, "target_polycount": 1000}},
    # PREVIEW, RIG: the latter takes two tasks, the check and the rig
    "TRIPO": {"prompt": "a lamplighter", "refine": False, "requires_rig": True},
}
# What it made is gone, and was paid back: not a purchase any more.
UNDONE = {"FAILED", "CANCELED", "EXPIRED", "failed", "cancelled", "expired", "banned"}
# Nothing that Meshy's list shows of them says whose they are: where the answer to such a request is
# lost, the job ends without the stage.
NAMELESS = {"remesh"}
OVER = ("SUCCEEDED", "FAILED", "CANCELED")


@dataclass
class World:
    db: Database
    simulator: Simulator
    folder: Path
    name: Name
    request: Row
    user: UUID = field(init=False)
    job: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.user = rich_user(self.db, CREDITS)
        self.job = jobs.create_by_server(self.db, self.user, self.request)["id"]

    @property
    def tasks(self) -> tuple[BookedTask, ...]:
        return self.simulator.book(SIMULATED[self.name]).tasks

    @property
    def row(self) -> Row:
        return jobs.job(self.db, self.job)

    @asynccontextmanager
    async def worker(
        self, prepare: Callable[[Daemon], None] = unprepared, **changes: Any
    ) -> AsyncIterator[Daemon]:
        plan = plan_for(self.db, self.simulator, self.folder, **changes)
        async with working(plan, prepare) as daemon:
            yield daemon

    def given(self, die_at: int) -> Row:
        """For a worker in a process of its own."""
        accounts = {"MESHY": self.simulator.meshy, "TRIPO": self.simulator.tripo}
        return {
            "database": self.db.url(),
            "providers": {
                name: {"key": account.key, "url": account.url, "model": MODELS[name]}
                for name, account in accounts.items()
            },
            "storage": str(self.folder),
            "die_at": die_at,
        }

    def cancel(self) -> bool:
        """False: the job is over already."""
        if self.row["status"] in OVER:
            return False
        jobs.cancel(self.db, self.user, self.job)
        return True

    async def end(self) -> Row:
        """Of the job, and of all that was bought for it."""
        row = await the_end(self.db, self.job)
        await until(lambda: self.slots_taken() == 0, "the free slot")
        return row

    def slots_taken(self) -> int:
        query = "select count(*) from meshqueue.slots where run_id is not null"
        return int(self.db.admin.value(query))

    # --- what must hold whatever happened

    def judge(self) -> None:
        row = self.row
        where = f"{row['status']} {row['error_code']}"
        assert row["status"] in OVER, where
        assert self.slots_taken() == 0, where
        assert self.unresolved() == [], where
        self.judge_purchases(where)
        self.judge_money(row, where)

    def unresolved(self) -> list[str]:
        query = "select outcome::text from meshqueue.submissions where outcome::text = any (%s)"
        return self.db.admin.values(query, ["intent", "accepted", "lost"])

    def judge_purchases(self, where: str) -> None:
        bought = Counter(what(task) for task in self.tasks if is_bought(task))
        assert set(bought.values()) <= {1}, f"{where}: paid twice: {bought}"
        known = set(self.db.admin.values("select task_id from meshqueue.submissions"))
        unknown = [task.kind for task in self.tasks if is_bought(task) and task.id not in known]
        assert set(unknown) <= NAMELESS, f"{where}: bought, and nobody knows it: {unknown}"
        assert len(unknown) <= self.given_up(), f"{where}: bought, and nobody was told: {unknown}"

    def given_up(self) -> int:
        """Stages of which an operator hears that what they bought can't be found."""
        query = "select count(*) from meshqueue.runs where job_id = %s and error ->> 'kind' = %s"
        return int(self.db.admin.value(query, self.job, "submission_unknown"))

    def judge_money(self, row: Row, where: str) -> None:
        charged = self.made() if row["status"] == "SUCCEEDED" else 0
        assert jobs.account(self.db, self.user) == (CREDITS - charged, 0), where
        lines = jobs.ledger(self.db, self.job)
        assert sum(hold for _, _, hold in lines) == 0, where
        assert sum(amount for _, amount, _ in lines) == -charged, where
        endings = [kind for kind, _, hold in lines if hold < 0]
        assert len(endings) == 1, f"{where}: {lines}"

    def made(self) -> int:
        """Credits of the stages that are done."""
        query = "select sum(credits) from meshqueue.runs where job_id = %s and state = 'done'"
        return int(self.db.admin.value(query, self.job) or 0)

    def holders(self) -> int:
        """The most workers that ever held one run."""
        query = "select count(distinct worker) as n from meshqueue.hands group by run"
        return max(self.db.admin.values(query), default=0)

    def files(self) -> list[Row]:
        return self.db.admin.rows("select * from public.asset_files where job_id = %s", self.job)


def is_bought(task: BookedTask) -> bool:
    return not task.deleted and task.status not in UNDONE


def what(task: BookedTask) -> tuple[str, str]:
    return task.kind, str(task.body.get("format", ""))


@contextmanager
def simulated(*rules: Rule, speed: float = SPEED) -> Iterator[Simulator]:
    with Simulator(seed=1, speed=speed, texture_size=64) as simulator:
        simulator.meshy.account.queued_tasks = 10_000
        simulator.meshy.dialect = replace(simulator.meshy.dialect, raw_triangles=TRIANGLES)
        simulator.tripo.dialect = replace(
            simulator.tripo.dialect, link_seconds=A_DAY, raw_triangles=TRIANGLES
        )
        simulator.script(*rules)
        yield simulator


@contextmanager
def world(  # noqa: PLR0913 - what a world is made of
    server: Postgres,
    template: str,
    folder: Path,
    name: Name,
    *rules: Rule,
    request: Row | None = None,
    speed: float = SPEED,
) -> Iterator[World]:
    with fresh_database(server, template) as db, simulated(*rules, speed=speed) as simulator:
        shorten(db)
        yield World(db, simulator, folder / db.name, name, request or REQUESTS[name])
