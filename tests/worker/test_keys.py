"""Workers of several accounts, and a key that is replaced while jobs are under way."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, serve, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, Row, rich_user
from worker.daemon.daemon import Plan
from worker.pipeline import other_key, search, watching
from worker.pipeline.delivery import links
from worker.pipeline.held import Served
from worker.simulator import Fault, Rule, Simulator

pytestmark = pytest.mark.newest_postgres

FAST = 200.0
CREDITS = 100
TWO_STAGES: Row = {"prompt": "a lamp"}
Accounts = tuple[Simulator, Simulator]
PlanOf = Callable[[Simulator], Plan]


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Simulator(seed=1, speed=FAST) as first, Simulator(seed=2, speed=FAST) as second:
        yield first, second


@pytest.fixture
def plan_of(db: Database, tmp_path: Path, accounts: Accounts) -> PlanOf:
    hosts = frozenset(urlsplit(account.meshy.url).netloc for account in accounts)

    def plan(account: Simulator) -> Plan:
        served = {
            name: Served(each.provider, f"{name} key {accounts.index(account)}")
            for name, each in serve(account).items()
        }
        return plan_for(db, account, tmp_path, served=served, plain_http_hosts=hosts)

    return plan


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named in seconds for production would only be waited for."""
    monkeypatch.setattr(other_key, "ASK_AGAIN_AFTER", 0.3)
    monkeypatch.setattr(links, "OTHER_KEY", 0.3)
    for module in (watching, links):
        monkeypatch.setattr(module, "NOT_FOUND_TWICE_WITHIN", 0.1)


def waits_for_its_key(db: Database, job: UUID, stage: str) -> bool:
    return bool(jobs.run_of(db, job, stage)["held_for"] == "other_key")


def bought(account: Simulator, provider: str = "meshy") -> int:
    return len(account.book(provider).tasks)


@pytest.mark.parametrize("provider", ["MESHY", "TRIPO"])
async def test_two_accounts_side_by_side(
    db: Database, accounts: Accounts, plan_of: PlanOf, provider: str
) -> None:
    """Each job stays with the account that it began with, whoever is woken for its next stage."""
    first, second = accounts
    request = {**TWO_STAGES, "provider": provider}
    made = [jobs.create_by_server(db, rich_user(db), request)["id"] for _ in range(6)]
    async with working(plan_of(first)), working(plan_of(second)):
        ends = await asyncio.gather(*(the_end(db, job) for job in made))
    told = [(row["status"], (row["result_payload"] or {}).get("missing")) for row in ends]
    assert told == [("SUCCEEDED", None)] * len(made)
    assert sum(bought(account, provider.lower()) for account in accounts) == 2 * len(made)


async def test_a_replaced_key_fails_no_task_under_way(
    db: Database, accounts: Accounts, plan_of: PlanOf
) -> None:
    """The new account does not know it: the job waits, and ends well once the old key is back."""
    old, new = accounts
    old.clock.speed = 20.0
    job = jobs.create(db, rich_user(db, CREDITS), PREVIEW_ONLY)["id"]
    async with working(plan_of(old)):
        await until(lambda: jobs.run_of(db, job, "PREVIEW")["progress"] > 0, "progress")
    async with working(plan_of(new)):
        await until(lambda: waits_for_its_key(db, job, "PREVIEW"), "the wait", within=30)
        async with working(plan_of(old)):
            assert (await the_end(db, job))["status"] == "SUCCEEDED"
    assert (bought(old), bought(new)) == (1, 0)


async def test_a_replaced_key_loses_no_finished_model(
    db: Database, accounts: Accounts, plan_of: PlanOf
) -> None:
    """Paid for and not fetched yet: the delivery waits for the account that has it."""
    old, new = accounts
    job = jobs.create(db, rich_user(db, CREDITS), PREVIEW_ONLY)["id"]
    async with working(plan_of(old)) as daemon:
        await daemon.engine.pause_deliveries("storage_full", {})
        await until(lambda: jobs.job(db, job)["stage"] == "DELIVER", "the delivery")
    async with working(plan_of(new)) as daemon:
        await daemon.engine.resume_deliveries()
        await until(lambda: waits_for_its_key(db, job, "DELIVER"), "the wait", within=30)
        async with working(plan_of(old)):
            assert (await the_end(db, job))["status"] == "SUCCEEDED"


async def test_a_canceled_task_of_another_account_keeps_its_slot(
    db: Database, accounts: Accounts, plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still run there; not for ever, though nobody with that key comes any more."""
    old, new = accounts
    old.clock.speed = 1.0
    user = rich_user(db, CREDITS)
    job = jobs.create(db, user, PREVIEW_ONLY)["id"]
    async with working(plan_of(old)):
        await until(lambda: bought(old), "the task")
    jobs.cancel(db, user, job)
    attempt = jobs.run_of(db, job, "PREVIEW")["attempt"]
    async with working(plan_of(new)):
        looks = "looks at it"
        await until(lambda: jobs.run_of(db, job, "PREVIEW")["attempt"] > attempt + 1, looks, 30)
        assert jobs.slots_taken(db, "meshy") == 1
        monkeypatch.setattr(other_key, "NO_TASK_TAKES_LONGER", -other_key.NO_TASK_TAKES_LONGER)
        await until(lambda: jobs.slots_taken(db, "meshy") == 0, "the free slot")
    assert jobs.account(db, user) == (CREDITS, 0)


async def test_another_accounts_list_proves_nothing(
    db: Database, accounts: Accounts, plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request without an answer, and a new key whose list is empty: it is not bought again."""
    monkeypatch.setattr(search, "FIRST_LOOK_AFTER", 0.3)
    old, new = accounts
    old.script(
        Rule(fault=Fault.ANSWER_DROPPED, provider="meshy", operation="create"),
        Rule(fault=Fault.ANSWER_5XX, provider="meshy", operation="list", times=None),
    )
    job = jobs.create(db, rich_user(db, CREDITS), PREVIEW_ONLY)["id"]
    lost = "select count(*) from meshqueue.submissions where outcome = 'lost'"
    async with working(plan_of(old)):
        await until(lambda: db.admin.value(lost), "the doubt")
    past = "update meshqueue.submissions set gave_up_at = now() - interval '2 minutes'"
    db.admin.execute(past)
    old.forget_rules()
    async with working(plan_of(new)):
        await until(lambda: waits_for_its_key(db, job, "PREVIEW"), "the wait", within=30)
        async with working(plan_of(old)):
            assert (await the_end(db, job))["status"] == "SUCCEEDED"
    assert (bought(old), bought(new)) == (1, 0)
