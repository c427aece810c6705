"""A job's whole life: the worker, the database and the providers' simulator together."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import Row, rich_user
from worker.pipeline import hands
from worker.simulator import Fault, Rule, Simulator

pytestmark = pytest.mark.newest_postgres

KATANA: Row = {
    "prompt": "cyberpunk katana",
    "refine": {"enable_pbr": True},
    "remesh": {"enabled": True, "target_polycount": 1000, "target_formats": ["fbx"]},
}
FAST = 200.0


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=FAST) as simulator:
        yield simulator


async def test_a_text_becomes_a_model(db: Database, simulator: Simulator, tmp_path: Path) -> None:
    """Every stage runs once, the files lie in the storage, the credits are settled."""
    job = jobs.create(db, rich_user(db, 100), KATANA)
    async with working(plan_for(db, simulator, tmp_path)):
        ended = await the_end(db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]
    assert [task.resource for task in simulator.book("meshy").tasks] == [
        "text-to-3d",
        "text-to-3d",
        "remesh",
    ]
    query = "select * from public.asset_files where job_id = %s"
    files = db.admin.rows(query, job["id"])
    made = {(file["role"], file["format"]) for file in files}
    assert {"base_color", "metallic", "roughness", "normal", "thumbnail"} <= {
        role for role, _ in made
    }
    assert {("model", "glb"), ("model", "fbx")} <= made
    for file in files:
        assert (tmp_path / file["bucket"] / file["path"]).stat().st_size == file["bytes"]
    assert jobs.account(db, ended["user_id"]) == (100 - ended["credits_cost"], 0)


@pytest.mark.parametrize("request_", [jobs.TRIPO_TEXT, jobs.TRIPO_RIG], ids=["text", "rig"])
async def test_tripo_makes_a_model(
    db: Database, simulator: Simulator, tmp_path: Path, request_: Row
) -> None:
    """The other provider, with its own stages, batch requests and several tasks a stage."""
    job = jobs.create(db, rich_user(db), request_)
    async with working(plan_for(db, simulator, tmp_path)):
        ended = await the_end(db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]
    assert all(task.status == "success" for task in simulator.book("tripo").tasks)


async def test_what_cannot_be_rigged_is_delivered_without(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """The model comes as it is, the result names what is missing, and the rig costs nothing."""
    simulator.tripo.dialect.riggable = False
    user = rich_user(db, 100)
    job = jobs.create(db, user, jobs.TRIPO_RIG)
    async with working(plan_for(db, simulator, tmp_path)):
        ended = await the_end(db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]
    assert ended["result_payload"]["missing"] == ["RIG"]
    assert jobs.account(db, user) == (100 - (ended["credits_cost"] - 10), 0)


async def test_a_canceled_job_is_withdrawn(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user has the credits back at once, and the provider is told to stop."""
    monkeypatch.setattr(hands, "AFTER_A_FAULT", 600.0)  # it needs no second try
    simulator.clock.speed = 1.0
    user = rich_user(db, 100)
    job = jobs.create(db, user, KATANA)
    async with working(plan_for(db, simulator, tmp_path)):
        await until(lambda: simulator.book("meshy").tasks, "the task")
        jobs.cancel(db, user, job["id"])
        assert jobs.account(db, user) == (100, 0)
        await until(lambda: jobs.slots_taken(db, "meshy") == 0, "the free slot")
    assert simulator.book("meshy").credits_spent == 0


TRIPO_FORMATS: Row = {
    "prompt": "a lamp",
    "refine": False,
    "remesh": {"enabled": False, "target_formats": ["fbx", "obj"]},
    "provider": "TRIPO",
}


@pytest.mark.parametrize(
    "rule",
    [
        Rule(fault=Fault.TASK_FAILED, provider="tripo", operation="task", resource="convert"),
        Rule(fault=Fault.INVALID, provider="tripo", operation="create", resource="convert"),
    ],
    ids=["the task fails", "the request is refused"],
)
async def test_a_format_that_cannot_be_made_costs_no_model(
    db: Database, simulator: Simulator, tmp_path: Path, rule: Rule
) -> None:
    """The GLB of the same stage is paid for: it is delivered, and what lacks is noted."""
    simulator.script(rule)
    user = rich_user(db, 100)
    job = jobs.create(db, user, TRIPO_FORMATS)
    async with working(plan_for(db, simulator, tmp_path)):
        ended = await the_end(db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]
    files = db.admin.rows("select * from public.asset_files where job_id = %s", job["id"])
    assert {file["format"] for file in files if file["role"] == "model"} == {"glb"}
    last = "select payload from public.ai_job_events where job_id = %s order by id desc limit 1"
    failed, untried = db.admin.value(last, job["id"])["left_out"]
    assert failed.startswith("model as fbx: it was not made (")
    assert untried == "model as obj: it was not tried after fbx"
    assert jobs.account(db, user) == (100 - ended["credits_cost"], 0)
    journal = db.admin.values("select outcome::text from meshqueue.submissions order by n")
    assert journal[0] == "succeeded"
    assert "succeeded" not in journal[1:]
