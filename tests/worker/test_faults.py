"""What the worker does when a provider, a network or a worker fails on the way."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, Row, rich_user
from worker.pipeline import other_key, search, submission, upkeep
from worker.providers import reconciliation
from worker.simulator import Fault, Rule, Simulator

pytestmark = pytest.mark.newest_postgres

FAST = 400.0
CREDITS = 100


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=FAST) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named in seconds for production would only be waited for."""
    monkeypatch.setattr(upkeep, "BALANCE_EVERY", 0.3)
    for kind in submission.WAITS:
        monkeypatch.setitem(submission.WAITS, kind, 0.3)


def create(db: Database) -> tuple[UUID, UUID]:
    user = rich_user(db, CREDITS)
    job: UUID = jobs.create(db, user, PREVIEW_ONLY)["id"]
    return user, job


def paid(simulator: Simulator) -> int:
    return len(simulator.book("meshy").tasks)


async def outcome(db: Database, simulator: Simulator, folder: Path) -> Row:
    """Of one job whose only paid stage is a preview; whatever comes of it, the ledger is right."""
    user, job = create(db)
    async with working(plan_for(db, simulator, folder)):
        row = await the_end(db, job)
        await until(lambda: jobs.slots_taken(db, "meshy") == 0, "the free slot")
    charged = row["credits_cost"] if row["status"] == "SUCCEEDED" else 0
    assert jobs.account(db, user) == (CREDITS - charged, 0)
    return row


@pytest.mark.parametrize(
    "fault",
    [Fault.ANSWER_DROPPED, Fault.ANSWER_5XX_AFTER_ACCEPT, Fault.MALFORMED_2XX],
)
async def test_an_answer_that_was_lost_is_found_in_the_list(
    db: Database, simulator: Simulator, tmp_path: Path, fault: Fault
) -> None:
    """The request was accepted and nobody heard: its task is adopted, nothing is sent again."""
    simulator.script(Rule(fault=fault, provider="meshy", operation="create"))
    row = await outcome(db, simulator, tmp_path)
    assert (row["status"], paid(simulator)) == ("SUCCEEDED", 1)


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.NO_SLOT])
async def test_a_refusal_that_passes_is_waited_for(
    db: Database, simulator: Simulator, tmp_path: Path, fault: Fault
) -> None:
    """Too many requests or tasks: the same request goes out later, and no try is used up."""
    simulator.script(Rule(fault=fault, provider="meshy", operation="create", times=2))
    row = await outcome(db, simulator, tmp_path)
    assert (row["status"], paid(simulator)) == ("SUCCEEDED", 1)
    assert jobs.run_of(db, row["id"], "PREVIEW")["retries"] == 0


@pytest.mark.parametrize("fault", [Fault.OUT_OF_CREDIT, Fault.UNAUTHORISED])
async def test_a_pause_lifts_itself(
    db: Database, simulator: Simulator, tmp_path: Path, fault: Fault
) -> None:
    """An empty account or a refused key pauses the provider until its balance says otherwise."""
    simulator.script(Rule(fault=fault, provider="meshy", operation="create"))
    row = await outcome(db, simulator, tmp_path)
    assert (row["status"], paid(simulator)) == ("SUCCEEDED", 1)
    kinds = db.admin.values("select kind from meshqueue.incidents order by id")
    assert kinds == ["provider_paused", "provider_resumed"]


async def test_what_is_declined_fails_and_costs_nothing(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """The user reads why, in words meant for them."""
    simulator.script(Rule(fault=Fault.INVALID, provider="meshy", operation="create"))
    row = await outcome(db, simulator, tmp_path)
    assert (row["status"], row["error_code"]) == ("FAILED", "invalid_request")
    assert "Change it and try again" in row["error_message"]
    assert paid(simulator) == 0


@pytest.mark.parametrize(("failures", "status"), [(1, "SUCCEEDED"), (2, "FAILED")])
async def test_a_failed_task_is_tried_once_more(
    db: Database, simulator: Simulator, tmp_path: Path, failures: int, status: str
) -> None:
    """Where the provider says that another try makes sense: one, and the first is paid back."""
    options = {"type": "server_error", "message": "it broke"}
    simulator.script(
        Rule(
            fault=Fault.TASK_FAILED,
            provider="meshy",
            operation="task",
            times=failures,
            options=options,
        )
    )
    row = await outcome(db, simulator, tmp_path)
    assert (row["status"], paid(simulator)) == (status, 2)


async def test_an_operators_pause_holds_for_a_second_try_too(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """The task under way is seen to its end; what it asks for next is bought after the resume."""
    simulator.clock.speed = 20.0
    options = {"type": "server_error", "message": "it broke"}
    simulator.script(
        Rule(fault=Fault.TASK_FAILED, provider="meshy", operation="task", options=options)
    )
    _, job = create(db)
    async with working(plan_for(db, simulator, tmp_path)):
        await until(lambda: jobs.run_of(db, job, "PREVIEW")["progress"] > 0, "progress")
        db.admin.execute("select meshqueue.pause_provider('MESHY')")
        await until(lambda: jobs.run_of(db, job, "PREVIEW")["state"] == "held", "the hold")
        assert paid(simulator) == 1
        db.admin.execute("select meshqueue.resume_provider('MESHY')")
        assert (await the_end(db, job))["status"] == "SUCCEEDED"
    assert paid(simulator) == 2


async def test_a_list_that_always_fails_keeps_no_slot_for_ever(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a canceled job, whose request got no answer: what it may have bought ends by itself."""
    monkeypatch.setattr(search, "AGAIN_AFTER", 0.3)
    simulator.script(
        Rule(fault=Fault.ANSWER_DROPPED, provider="meshy", operation="create"),
        Rule(fault=Fault.ANSWER_5XX, provider="meshy", operation="list", times=None),
    )
    user, job = create(db)
    async with working(plan_for(db, simulator, tmp_path)):
        await until(lambda: befell(simulator, Fault.ANSWER_5XX), "the search")
        jobs.cancel(db, user, job)
        tried = befell(simulator, Fault.ANSWER_5XX)
        await until(lambda: befell(simulator, Fault.ANSWER_5XX) > tried + 1, "more of it")
        assert jobs.slots_taken(db, "meshy") == 1
        monkeypatch.setattr(other_key, "NO_TASK_TAKES_LONGER", timedelta(0))
        await until(lambda: jobs.slots_taken(db, "meshy") == 0, "the free slot")
    assert jobs.account(db, user) == (CREDITS, 0)


async def test_a_proof_that_comes_too_early_is_put_off(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Postgres's clock does not bear the worker's out: somebody looks again a while later."""
    monkeypatch.setattr(reconciliation, "SETTLED_AFTER", timedelta(0))
    simulator.script(Rule(fault=Fault.ANSWER_5XX, provider="meshy", operation="create"))
    _, job = create(db)
    async with working(plan_for(db, simulator, tmp_path)):
        held = {"state": "held", "held_for": "too_early"}
        await until(lambda: held.items() <= jobs.run_of(db, job, "PREVIEW").items(), "the hold")
        db.admin.execute("update meshqueue.submissions set gave_up_at = now() - interval '1 hour'")
        assert (await the_end(db, job))["status"] == "SUCCEEDED"
    assert paid(simulator) == 1


def befell(simulator: Simulator, fault: Fault) -> int:
    return sum(entry.done for entry in simulator.rules.entries if entry.rule.fault is fault)


async def test_two_lost_refines_of_one_prompt_take_no_model_of_the_other(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list can't tell whose it is: both deliver what they had, and the search has an end."""
    monkeypatch.setattr(search, "AGAIN_AFTER", 0.3)
    monkeypatch.setattr(search, "UNCLEAR_AT_MOST", 3)
    simulator.clock.speed = 1.0
    made = [jobs.create(db, rich_user(db), {"prompt": "a cube"})["id"] for _ in range(2)]
    async with working(plan_for(db, simulator, tmp_path)):
        await until(lambda: paid(simulator) == len(made), "the previews")
        simulator.script(
            Rule(fault=Fault.ANSWER_DROPPED, provider="meshy", operation="create"),
            Rule(fault=Fault.ANSWER_5XX, provider="meshy", operation="create"),
            Rule(fault=Fault.ANSWER_5XX, provider="meshy", operation="list", times=None),
        )
        for task in simulator.book("meshy").tasks:
            await asyncio.to_thread(simulator.settle, task.id, "SUCCEEDED")
        lost = "select count(*) from meshqueue.submissions where outcome = 'lost'"
        await until(lambda: db.admin.value(lost) == len(made), "both doubts")
        simulator.forget_rules()
        ends = [await the_end(db, job) for job in made]
        await until(lambda: jobs.slots_taken(db, "meshy") == 0, "the free slots")
    assert [row["result_payload"]["missing"] for row in ends] == [["REFINE"]] * len(made)
    assert paid(simulator) == len(made) + 1


async def test_a_worker_that_is_stopped_hands_over(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """Another one watches the same task to its end: nothing is bought again."""
    simulator.clock.speed = 20.0
    _, job = create(db)
    async with working(plan_for(db, simulator, tmp_path)):
        await until(lambda: jobs.run_of(db, job, "PREVIEW")["progress"] > 0, "progress")
    assert jobs.run_of(db, job, "PREVIEW")["state"] == "ready"
    async with working(plan_for(db, simulator, tmp_path)):
        assert (await the_end(db, job))["status"] == "SUCCEEDED"
    assert paid(simulator) == 1


async def test_what_is_handed_over_is_not_taken_back(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """Each run's wake-up is left for another worker: none is eaten by the one that leaves."""
    simulator.clock.speed = 1.0
    simulator.meshy.account.queued_tasks = 1_000
    jobs.set_setting(db, "max_in_flight_meshy", "20")
    user = rich_user(db, 1_000)
    made = [jobs.create_by_server(db, user, PREVIEW_ONLY) for _ in range(20)]
    async with working(plan_for(db, simulator, tmp_path)) as daemon:
        await until(lambda: paid(simulator) == len(made), "the tasks")
        await until(lambda: len(daemon.stages) == len(made), "the watches")
    for job in made:
        assert jobs.run_of(db, job["id"], "PREVIEW")["state"] == "ready"
    query = "select count(distinct args ->> 'job_id') from procrastinate.procrastinate_jobs"
    assert db.admin.value(f"{query} where status = 'todo'") == len(made)


async def test_a_stop_cuts_no_paid_request(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """SIGTERM while a request is under way: its answer is awaited and written down."""
    slow = Rule(
        fault=Fault.ACCEPTED_LATE, provider="meshy", operation="create", options={"seconds": 0}
    )
    simulator.script(slow)
    _, job = create(db)
    async with working(plan_for(db, simulator, tmp_path)) as daemon:
        await until(lambda: len(daemon.posts), "the request")
    query = "select outcome::text from meshqueue.submissions"
    assert db.admin.values(query)[0] in ("accepted", "lost")
    async with working(plan_for(db, simulator, tmp_path)):
        assert (await the_end(db, job))["status"] == "SUCCEEDED"
    assert paid(simulator) == 1


async def test_ten_slots_and_two_workers(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """However many wait and however many work, the provider never sees more than the limit."""
    simulator.meshy.account.queued_tasks = 1_000
    jobs.set_setting(db, "max_in_flight_meshy", "3")
    users = [rich_user(db, 1_000) for _ in range(4)]
    made = [jobs.create_by_server(db, users[number % 4], PREVIEW_ONLY) for number in range(16)]
    async with (
        working(plan_for(db, simulator, tmp_path)),
        working(plan_for(db, simulator, tmp_path)),
    ):
        ends = await asyncio.gather(*(the_end(db, job["id"]) for job in made))
    assert {row["status"] for row in ends} == {"SUCCEEDED"}
    assert simulator.book("meshy").peak_concurrent <= 3
    assert paid(simulator) == len(made)
