"""A storm of webhooks: doubled, reordered, late, forged, before the answer. Hints, and no more."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import Row, rich_user
from tests.worker.test_http import MESHY_SECRET, TRIPO_SECRET, free_port
from worker.simulator import Fault, Rule, Simulator

pytestmark = pytest.mark.newest_postgres

JOBS = 6
SPEED = 200.0
STORM = (
    Fault.WEBHOOK_DUPLICATE,
    Fault.WEBHOOK_FORGED,
    Fault.WEBHOOK_LATE,
    Fault.WEBHOOK_REORDERED,
    Fault.WEBHOOK_LOST,
)
REQUEST: Row = {"prompt": "a lamp", "refine": True, "store_assets": False}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=3, speed=SPEED) as simulator:
        simulator.script(
            *(Rule(fault=fault, times=None, chance=0.3) for fault in STORM),
            Rule(fault=Fault.WEBHOOK_BEFORE_ANSWER, times=3),
        )
        yield simulator


async def test_a_storm_of_webhooks(db: Database, simulator: Simulator, tmp_path: Path) -> None:
    """Every job succeeds, each stage was bought once, the ledger balances."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/webhooks/meshy"
    simulator.meshy.webhooks.register(url, MESHY_SECRET)
    user = rich_user(db, 1_000)
    secrets = {"MESHY": (MESHY_SECRET,), "TRIPO": (TRIPO_SECRET,)}
    plan = plan_for(db, simulator, tmp_path, serve_http=True, port=port, webhook_secrets=secrets)
    async with working(plan) as daemon:
        await until(lambda: daemon.server and daemon.server.started, "the server")
        made = [
            jobs.create_by_server(db, user, {**REQUEST, "prompt": f"lamp {n}"}) for n in range(JOBS)
        ]
        ends = [await the_end(db, job["id"]) for job in made]
    assert {row["status"] for row in ends} == {"SUCCEEDED"}
    book = simulator.book("meshy")
    assert len(book.webhook_deliveries) > JOBS
    bought = Counter(task.body.get("prompt") or task.body["preview_task_id"] for task in book.tasks)
    assert set(bought.values()) == {1}
    assert jobs.account(db, user) == (1_000 - sum(row["credits_cost"] for row in ends), 0)
