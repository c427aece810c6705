"""The audit of both sides can fail: each fault, made by hand, is found in its own row."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.chaos.haste import hurry
from tests.soak.audit import ZEROS, Sides, judge
from tests.soak.crowd import Told
from tests.soak.haste import shorten
from tests.soak.scene import simulated
from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database, fresh_database
from tests.support.servers import Postgres
from worker.simulator import BookedTask, Simulator

pytestmark = [pytest.mark.newest_postgres, pytest.mark.timeout(180)]

REQUESTS = {
    "stored": {"prompt": "a lamp", "remesh": {"enabled": True}, "public": True},
    "tripo": {"prompt": "a lamplighter", "refine": False, "provider": "TRIPO"},
    "linked": {"prompt": "a wick", "refine": False, "store_assets": False},
}


@dataclass(frozen=True)
class Ended:
    """Three jobs that succeeded, and one that was canceled."""

    sides: Sides
    ids: dict[str, UUID]

    @contextmanager
    def changed(self, *statements: str) -> Iterator[Sides]:
        """By a superuser past every trigger, and then taken back."""
        session = self.sides.session
        with session.connection.transaction(force_rollback=True):
            session.execute("set local session_replication_role = replica")
            for statement in statements:
                session.execute(statement.format(**self.ids))
            yield replace(self.sides)

    def told(self, **changes: Any) -> Sides:
        return replace(self.sides, told=replace(self.sides.told, **changes))

    def booked(self, change: Callable[[BookedTask], BookedTask]) -> Sides:
        """One more task in Meshy's book."""
        meshy, tripo = self.sides.books
        task = change(next(task for task in meshy.tasks if task.status == "SUCCEEDED"))
        return replace(self.sides, books=(replace(meshy, tasks=(*meshy.tasks, task)), tripo))


@pytest.fixture(scope="module")
def ended(
    server: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ended]:
    folder = tmp_path_factory.mktemp("storage")
    with (
        pytest.MonkeyPatch.context() as patching,
        fresh_database(server, template) as db,
        simulated(1) as simulator,
    ):
        hurry(patching)
        shorten(db)
        ids = asyncio.run(lived(db, simulator, folder))
        keys = {str(each.name): each.key for each in simulator.providers}
        books = (simulator.book("meshy"), simulator.book("tripo"))
        told = Told({job: name for name, job in ids.items()}, canceled={ids["canceled"]})
        yield Ended(Sides(db.superuser(), books, folder, told, keys), ids)


async def lived(db: Database, simulator: Simulator, folder: Path) -> dict[str, UUID]:
    user = jobs.rich_user(db)
    ids = {
        name: jobs.create_by_server(db, user, request)["id"] for name, request in REQUESTS.items()
    }
    ids["canceled"] = jobs.create_by_server(db, user, {"prompt": "a moth"})["id"]
    jobs.cancel(db, user, ids["canceled"])
    async with at_work(db, simulator, folder):
        for job in ids.values():
            await the_end(db, job)
        query = """
            select not exists (select from meshqueue.runs where ended_at is null)
              and not exists (select from meshqueue.publications where done_version < version)
              and not exists (select from procrastinate.procrastinate_jobs where status = 'todo')
        """
        await until(lambda: db.admin.value(query), "rest")
    return ids


@asynccontextmanager
async def at_work(db: Database, simulator: Simulator, folder: Path) -> AsyncIterator[None]:
    async with working(plan_for(db, simulator, folder)):
        yield


def zeros(sides: Sides) -> Counter[str]:
    return Counter(finding.zero for finding in judge(sides).findings)


def test_what_is_right_is_found_right(ended: Ended) -> None:
    """Zeros all over, and not for want of something to look at."""
    assert judge(ended.sides).findings == ()
    assert len(ended.sides.jobs) == 4
    assert len(ended.sides.bought) >= 5
    assert {each["job_id"] for each in ended.sides.submissions} >= {ended.ids["stored"]}


ROWS = {
    "a job vanished": ("lost", "delete from public.ai_jobs where id = '{stored}'"),
    "a run never ended": (
        "lost",
        (
            "update meshqueue.runs set ended_at = null, state = 'draining'"
            " where job_id = '{stored}' and stage = 'PREVIEW'"
        ),
    ),
    "a job still works": (
        "lost",
        (
            "update public.ai_jobs set status = 'IN_PROGRESS', finished_at = null"
            " where id = '{stored}'"
        ),
    ),
    "a cancel was forgotten": (
        "lost",
        (
            "update public.ai_jobs set status = 'FAILED', error_code = 'timeout'"
            " where id = '{canceled}'"
        ),
    ),
    "a settle entered twice": (
        "refunded twice",
        (
            "drop index public.credit_ledger_once;"
            "insert into public.credit_ledger (user_id, job_id, kind, amount, hold)"
            " select user_id, job_id, kind, amount, hold from public.credit_ledger"
            " where job_id = '{stored}' and kind = 'settle'"
        ),
    ),
    "a release entered twice": (
        "refunded twice",
        (
            "drop index public.credit_ledger_once;"
            "insert into public.credit_ledger (user_id, job_id, kind, amount, hold)"
            " select user_id, job_id, kind, amount, hold from public.credit_ledger"
            " where job_id = '{canceled}' and kind = 'release'"
        ),
    ),
    "a credit too much": (
        "charged wrongly",
        (
            "update public.credit_ledger set amount = amount - 1"
            " where job_id = '{stored}' and kind = 'settle'"
        ),
    ),
    "two jobs under one key": (
        "created twice",
        (
            "alter table public.ai_jobs drop constraint ai_jobs_idempotency_key;"
            "update public.ai_jobs set idempotency_key = 'one'"
        ),
    ),
    "a task in no row": (
        "paid, and known to nobody",
        (
            "delete from meshqueue.submissions s using meshqueue.runs r"
            " where r.id = s.run_id and r.job_id = '{tripo}'"
        ),
    ),
    "a proof that was none": (
        "paid, and known to nobody",
        (
            "update meshqueue.submissions s set outcome = 'absent', task_id = null"
            " from meshqueue.runs r where r.id = s.run_id and r.job_id = '{tripo}'"
        ),
    ),
    "an object without a row": (
        "orphaned files",
        "delete from public.asset_files where job_id = '{stored}' and role = 'model'",
    ),
    "a row without its object": (
        "missing files",
        "update public.asset_files set path = path || 'x' where job_id = '{stored}'",
    ),
    "other bytes than were written": (
        "missing files",
        "update public.asset_files set sha256 = repeat('0', 64) where job_id = '{stored}'",
    ),
    "a slot that nobody gave back": (
        "slots leaked",
        (
            "update meshqueue.slots set taken_at = now(), run_id ="
            " (select id from meshqueue.runs where job_id = '{stored}' and stage = 'PREVIEW')"
            " where id = (select min(id) from meshqueue.slots where pool = 'meshy')"
        ),
    ),
    "an account that is not its ledger's sum": (
        "promises of the database broken",
        "update public.credit_accounts set balance = balance + 1",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_change_of_rows_is_found(ended: Ended, name: str) -> None:
    """Each in the row of the table that it belongs to."""
    zero, statement = ROWS[name]
    with ended.changed(*statement.split(";")) as sides:
        assert zeros(sides)[zero] > 0
    assert zeros(ended.sides) == {}


def test_a_second_task_in_the_book_is_found(ended: Ended) -> None:
    """The same request, accepted twice: paid twice, and one of the two known to nobody."""
    twice = zeros(ended.booked(lambda task: replace(task, id=str(uuid4()))))
    assert twice == {"paid twice": 1, "paid, and known to nobody": 1}


def test_a_task_that_was_paid_back_is_none(ended: Ended) -> None:
    """A failed one may be followed by another; a stranger's is not ours."""
    failed = ended.booked(lambda task: replace(task, id=str(uuid4()), status="FAILED"))
    assert zeros(failed) == {}
    others = ended.booked(lambda task: replace(task, id=str(uuid4()), key="a stranger's"))
    assert zeros(others) == {}


def test_a_run_that_bought_two_tasks_is_found(ended: Ended) -> None:
    """Also where the two requests differ: the provider can't tell, the journal can."""
    another = str(uuid4())
    sides = ended.booked(lambda task: replace(task, id=another, body={"prompt": "another"}))
    copy = """
        insert into meshqueue.submissions (run_id, n, provider, attempt, digest, content, outcome,
          task_id, ended_at)
        select run_id, n + 1, provider, attempt, digest, content, outcome, '{another}', ended_at
        from meshqueue.submissions where task_id = '{original}'
    """
    original = next(task.id for task in sides.books[0].tasks if task.status == "SUCCEEDED")
    with ended.changed(copy.replace("{another}", another).replace("{original}", original)):
        assert zeros(replace(sides)) == {"paid twice": 1}


ADMIT = [
    """update meshqueue.runs set error = '{{"code": "submission_unknown"}}'
       where job_id = '{tripo}'""",
    """update meshqueue.submissions s set error = '{{"kind": "submission_unknown"}}'
       from meshqueue.runs r where r.id = s.run_id and r.job_id = '{tripo}'""",
]


@pytest.mark.parametrize("admit", ADMIT, ids=["with its stage", "a further format"])
def test_what_was_given_up_on_is_told_apart(ended: Ended, admit: str) -> None:
    """A purchase that ended as submission_unknown is no secret: it stands in a row of its own."""
    forget = ROWS["a proof that was none"][1]
    with ended.changed(forget, admit) as sides:
        verdict = judge(sides)
        assert verdict.count("paid, and known to nobody") == 0
        assert [given.job for given in verdict.given_up] == [ended.ids["tripo"]]


def test_a_file_that_nobody_stored_is_found(ended: Ended) -> None:
    """Inputs are their users' own, and half a file is none."""
    for name, orphans in (("assets/x/a.glb", 1), ("inputs/x/a.png", 0), ("assets/x/.half~", 0)):
        file = ended.sides.storage / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"something")
        assert zeros(ended.sides)["orphaned files"] == orphans
        file.unlink()


def test_what_users_were_told_counts(ended: Ended) -> None:
    """A job that they were promised must be there; a repeated call must not have made another."""
    promised = {**ended.sides.told.jobs, uuid4(): "a key"}
    assert zeros(ended.told(jobs=promised)) == {"lost": 1}
    assert zeros(ended.told(twice=[ended.ids["stored"]])) == {"created twice": 1}


def test_every_zero_was_shown_to_fail() -> None:
    """No row of the table is there that no test has seen other than zero."""
    shown = {zero for zero, _ in ROWS.values()} | {"paid twice"}
    assert shown == set(ZEROS)
