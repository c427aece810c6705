"""Every fault that a provider can have, at every request of a job's life, through the worker."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.world import SIMULATED, Name, World, world
from tests.chaos.worlds import LONG, sampled, survive_all
from tests.support.daemon import until
from tests.support.servers import Postgres
from worker.simulator import Fault, Rule
from worker.simulator.fault import OPERATIONS, Operation, operations_of

pytestmark = [
    pytest.mark.newest_postgres,
    pytest.mark.timeout(3600 if LONG else 300),
    pytest.mark.usefixtures("haste"),
]

AFTER = (0, 1, 2)
STRIDE = 29
BY_ITSELF = frozenset({"webhook", "upload"})  # of requests that this job does not make
STUCK = (Fault.STUCK_PENDING, Fault.STUCK_AT_99)


@dataclass(frozen=True)
class Case:
    name: Name
    operation: Operation
    fault: Fault
    after: int

    @property
    def rules(self) -> tuple[Rule, ...]:
        provider = SIMULATED[self.name]
        rule = Rule(self.fault, provider, self.operation, after=self.after)
        return (*self.before(), rule)

    def before(self) -> tuple[Rule, ...]:
        """What must go wrong first, or the request is never made."""
        provider = SIMULATED[self.name]
        match self.operation:
            case "list":
                return (Rule(Fault.ANSWER_DROPPED, provider, "create"),)
            case "balance":
                return (Rule(Fault.OUT_OF_CREDIT, provider, "create"),)
            case _:
                return ()


def cases() -> list[Case]:
    return [
        Case(name, operation, fault, after)
        for name in SIMULATED
        for operation in OPERATIONS
        if operation not in BY_ITSELF
        for fault in Fault
        if operation in operations_of(fault, SIMULATED[name])
        for after in AFTER
    ]


async def test_no_fault_at_any_request_pays_twice(
    server: Postgres, template: str, tmp_path: Path
) -> None:
    """Whatever a request meets: one paid task a stage, the job ends, ledger and slots are right."""

    async def live(case: Case) -> None:
        with world(server, template, tmp_path, case.name, *case.rules) as here:
            async with here.worker():
                await lived(here, case)
            here.judge()

    await survive_all(live, sampled(cases(), STRIDE))


async def lived(here: World, case: Case) -> None:
    if case.operation == "cancel":
        await until(lambda: here.tasks, "the task")
        here.cancel()
    if case.fault in STUCK:
        await unstick(here)
    await here.end()


async def unstick(here: World) -> None:
    """Such a task has no end of its own: the job's deadline, then somebody at the provider."""
    await until(lambda: befell(here) or here.row["status"] == "SUCCEEDED", "the stuck task")
    if not befell(here):
        return
    here.db.admin.execute("update public.ai_jobs set deadline_at = now()")
    await until(lambda: here.row["status"] != "IN_PROGRESS", "the deadline")
    for task in here.tasks:
        if task.finished_at is None and not task.deleted:
            here.simulator.settle(task.id, "failed")


def befell(here: World) -> bool:
    return any(entry.rule.fault in STUCK and entry.done for entry in here.simulator.rules.entries)
