"""A run from its beginning to its verdict."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg

from tests.soak.audit import Row, Sides, Verdict, judge
from tests.soak.crew import Crew, crew
from tests.soak.crowd import Crowd, Told, crowd
from tests.soak.disturbance import Kind, Nurse, Trouble, all_faults, planned
from tests.soak.dossier import dossier
from tests.soak.figures import Rescues, overheads, percentiles, rescues
from tests.soak.haste import remove_at_once
from tests.soak.scene import Scene, scene
from tests.support.database import Database
from tests.support.jobs import rich_user

POOR, RICH = 60, 10_000_000
REST_WITHIN = 120.0  # s, for what is left when all works again
LOOK_EVERY = 0.5
TELL_EVERY = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Soak:
    seed: int
    seconds: float
    workers: int = 3
    users: int = 50
    log: Path | None = None

    @property
    def command(self) -> str:
        return (
            f"make soak ARGS='--seed {self.seed} --seconds {self.seconds:g}"
            f" --workers {self.workers} --users {self.users}'"
        )


@dataclass
class Report:
    soak: Soak
    verdict: Verdict
    told: Told
    ended: Counter[str]
    failed: Counter[str]
    disturbed: Counter[Kind]
    faults: tuple[int, int]
    """Different ones that met a request, and how many there are."""
    by_themselves: int
    """Workers that ended without being told to."""
    rescues: Rescues
    overhead: tuple[float, ...]
    rested_after: float | None
    """None: there was no rest."""
    tasks: int
    dossiers: dict[UUID, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.verdict.holds and self.rested_after is not None


async def soak(plan: Soak, say: Say) -> Report:
    async with scene(plan.seed) as here, crew(here, plan.workers) as workers:
        say(f"seed {plan.seed}: {plan.workers} workers, {plan.users} users, {plan.seconds:g} s")
        nurse = asyncio.create_task(Nurse(here).watch(time.monotonic))
        try:
            trouble, told = await disturb(plan, here, workers, say)
            await trouble.end()
            rested = await rest(here, workers, say)
            nurse.cancel()
            return await asyncio.to_thread(report, plan, here, workers, trouble, told, rested)
        finally:
            nurse.cancel()
            if plan.log:
                shutil.copyfile(here.folder / "workers.log", plan.log)


async def disturb(plan: Soak, here: Scene, workers: Crew, say: Say) -> tuple[Trouble, Told]:
    users = [rich_user(here.db, POOR if n % 10 == 0 else RICH) for n in range(plan.users)]
    trouble = Trouble(here, workers, planned(plan.seed, plan.seconds, plan.workers))
    async with crowd(here.db, users, plan.seed, here.storage) as people:
        telling = asyncio.create_task(tell(plan, people, trouble, say))
        try:
            await trouble.make()
        finally:
            telling.cancel()
    return trouble, people.told


async def tell(plan: Soak, people: Crowd, trouble: Trouble, say: Say) -> None:
    begun = time.monotonic()
    while True:
        await asyncio.sleep(TELL_EVERY)
        passed = time.monotonic() - begun
        done = sum(number for kind, number in trouble.done.items() if kind is not Kind.FAULT)
        say(
            f"{passed:5.0f} of {plan.seconds:g} s: {len(people.told.jobs)} jobs,"
            f" {len(people.open)} open; {trouble.crew.alive} workers; {done} disturbances,"
            f" {trouble.done[Kind.FAULT]} faults"
        )


UNREST = """
    select (select count(*) from public.ai_jobs where status::text in ('QUEUED', 'IN_PROGRESS')) as jobs,
      (select count(*) from meshqueue.runs where ended_at is null) as runs,
      (select count(*) from meshqueue.slots where run_id is not null) as slots,
      (select count(*) from meshqueue.publications where done_version < version) as publications,
      (select count(*) from procrastinate.procrastinate_jobs
        where status = 'todo' and coalesce(scheduled_at, now()) <= now()) as wakeups,
      (select count(*) from meshqueue.removals) as removals
"""  # noqa: E501 - a statement


async def rest(here: Scene, workers: Crew, say: Say) -> float | None:
    """Until nothing is left to do; None when it never came to that."""
    begun, told_at = time.monotonic(), 0.0
    while (passed := time.monotonic() - begun) < REST_WITHIN:
        left = await asyncio.to_thread(look, here)
        if left is not None and not any(left.values()) and workers.alive == len(workers.seats):
            return passed
        if left and passed - told_at > TELL_EVERY:
            told_at = passed
            said = ", ".join(f"{number} {name}" for name, number in left.items() if number)
            say(f"{passed:5.0f} s of rest: {said or 'workers come back'}")
        await asyncio.sleep(LOOK_EVERY)
    return None


def look(here: Scene) -> Row | None:
    with suppress(psycopg.Error):
        db = here.fresh_look()
        try:
            left = db.admin.row(UNREST)
            if not left["jobs"] and not left["runs"]:
                put_right(db)
            return left
        finally:
            db.close()
    return None


def put_right(db: Database) -> None:
    """What waits for minutes on purpose: removals, and publications that failed."""
    remove_at_once(db)
    db.admin.execute(
        "update meshqueue.publications set due_at = now() where done_version < version"
    )


def report(  # noqa: PLR0913, PLR0917 - what a run consists of
    plan: Soak,
    here: Scene,
    workers: Crew,
    trouble: Trouble,
    told: Told,
    rested: float | None,
) -> Report:
    db = here.fresh_look()
    try:
        sides = Sides(db.admin, here.books, here.storage, told, here.our_keys)
        verdict = judge(sides)
        jobs = sides.jobs.values()
        concerned = {found.job for found in (*verdict.findings, *verdict.given_up) if found.job}
        return Report(
            soak=plan,
            verdict=verdict,
            told=told,
            ended=Counter(job["status"] for job in jobs),
            failed=Counter(job["error_code"] for job in jobs if job["status"] == "FAILED"),
            disturbed=trouble.done,
            faults=(len(trouble.met), len(all_faults())),
            by_themselves=workers.by_themselves,
            rescues=rescues(sides, workers.deaths),
            overhead=percentiles(overheads(sides)),
            rested_after=rested,
            tasks=sum(len(book.tasks) for book in sides.books),
            dossiers={job: dossier(sides, job) for job in concerned},
        )
    finally:
        db.close()
