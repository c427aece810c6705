"""The database at one moment, as far as the rules care."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.session import Session

Json = dict[str, Any]

VIEW = (Path(__file__).parent / "view.sql").read_text()
PROMISES = (Path(__file__).parent / "promises.sql").read_text()


@dataclass(frozen=True)
class Run:
    """A run that is not over, and its open paid request if there is one."""

    id: int
    job_id: str
    user_id: str
    provider: str
    stage: str
    pool: str | None
    state: str
    attempt: int
    worker_id: str | None
    held_for: str | None
    early: bool | None
    retries: int
    progress: int
    slotted: bool
    key: str | None
    n: int | None
    outcome: str | None
    task_id: str | None

    @property
    def fence(self) -> Json:
        return {
            "run": self.id,
            "attempt": self.attempt,
            "job_id": self.job_id,
            "user_id": self.user_id,
        }


@dataclass(frozen=True)
class Job:
    id: str
    user_id: str
    provider: str
    status: str
    progress: int
    asset_id: str | None
    row: str

    @property
    def over(self) -> bool:
        return self.status not in {"QUEUED", "IN_PROGRESS"}


@dataclass(frozen=True)
class View:
    facts: Json

    @cached_property
    def runs(self) -> list[Run]:
        return [Run(**facts) for facts in self.facts["runs"]]

    @cached_property
    def run(self) -> dict[int, Run]:
        return {run.id: run for run in self.runs}

    @cached_property
    def jobs(self) -> list[Job]:
        return [Job(**facts) for facts in self.facts["jobs"]]

    @property
    def held(self) -> list[Run]:
        """Runs that a worker may act on."""
        return [run for run in self.runs if run.worker_id is not None]

    @property
    def working(self) -> list[Run]:
        """Those whose job goes on, at a provider."""
        return [run for run in self.held if run.state == "running" and run.pool is not None]

    @property
    def delivering(self) -> list[Run]:
        return [run for run in self.held if run.state == "running" and run.pool is None]

    @property
    def slots(self) -> dict[int, str]:
        return {int(run): pool for run, pool in self.facts["slots"].items()}

    @property
    def needed(self) -> set[str]:
        """Objects that a row names, or that somebody is about to write."""
        return {*self.facts["stored"], *self.facts["intended"]}

    def taken(self, pool: str) -> int:
        return sum(of_pool == pool for of_pool in self.facts["slots"].values())

    def limit(self, pool: str) -> int:
        return int(self.facts["limits"][pool])

    def lives(self, worker_id: object) -> bool:
        return str(worker_id) in self.facts["living"]

    def may_take(self, run: Run, worker_id: object) -> bool:
        """Nobody holds it, its holder has left, or its holder died and this one may rescue."""
        if run.worker_id is None or run.worker_id in self.facts["left"]:
            return True
        return not self.lives(run.worker_id) and str(worker_id) in self.facts["rescuers"]


def look(session: Session) -> View:
    return View(session.value(VIEW))


def broken_promises(session: Session) -> list[Json]:
    return session.rows(PROMISES)
