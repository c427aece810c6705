"""Providers: what they do and cost, and the operator's own pause."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.engine import MESHY_KEY
from tests.support.jobs import Row, new_worker, rich_user
from worker.daemon.daemon import Daemon
from worker.operating.desk import Connection
from worker.operating.providers import pause, paused_keys, resume
from worker.pipeline import upkeep
from worker.simulator import Simulator


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


def meshy(ops: Commands) -> Row:
    found: Row = next(one for one in ops.json("providers")["providers"] if one["name"] == "MESHY")
    return found


def test_slots_waiting_and_workers_are_shown(ops: Commands, scene: Scene) -> None:
    """Of each pool, with the oldest wait; of each worker, with its last heartbeat."""
    found = meshy(ops)
    assert list(found) == [
        "name", "configured", "paused_since", "spent_today", "budget", "pools", "pauses",
        "workers", "days",
    ]  # fmt: skip
    (pool,) = found["pools"]
    assert (pool["taken"], pool["limit"], pool["waiting"]) == (1, 1, 1)
    assert pool["oldest_since"] is not None
    (worker,) = found["workers"]
    assert (worker["id"], worker["lives"]) == (str(scene.worker.id), True)
    text = ops("providers").text
    assert "1 of 1" in text
    assert "meshy     open" in text


def test_spending_is_shown_by_day(db: Database, ops: Commands, scene: Scene) -> None:
    """The provider's credits beside ours; decimals are numbers; days without either stay out."""
    db.admin.execute("update meshqueue.submissions set provider_credits = 7.5")
    today, *earlier = meshy(ops)["days"]
    assert today == {
        "day": today["day"],
        "requests": 3,
        "provider_credits": 22.5,
        "jobs_charged": 1,
        "credits_charged": scene.done["credits_cost"],
    }
    assert len(earlier) == 6
    assert not any(day["requests"] for day in earlier)
    assert meshy(ops)["spent_today"] == 22.5
    lines = [line for line in ops("providers").lines if today["day"] in line]
    assert [line.split() for line in lines] == [["meshy", today["day"], "3", "22.50", "1", "10"]]


@pytest.mark.usefixtures("scene")
def test_who_signed_off_is_not_missing(db: Database, ops: Commands) -> None:
    """A worker that left is told apart from one that is gone without a word."""
    silent = "update meshqueue.workers set seen_at = now() - interval '10 minutes', left_at = {}"
    for left_at, state in (("null", "gone"), ("now() - interval '10 minutes'", "left")):
        db.admin.execute(silent.format(left_at))
        lines = [line.split() for line in ops("providers").lines if line.endswith(" ago")]
        assert all(state in line for line in lines)
        assert lines


def test_an_empty_database_is_shown(ops: Commands) -> None:
    """No workers, no pauses, nothing spent: said in words."""
    text = ops("providers").text
    assert "pauses: none" in text
    assert "workers of the last hour: none" in text


def test_pause_and_resume(db: Database, ops: Commands) -> None:
    """New jobs are refused with PT503 in between; both may be said twice."""
    new_worker(db)
    user = rich_user(db)
    assert "is paused: new jobs" in ops("providers", "pause", "meshy", "--reason", "bill").text
    assert "nothing was changed" in ops("providers", "pause", "Meshy").text
    with pytest.raises(psycopg.Error) as refusal:
        jobs.create(db, user)
    assert refusal.value.sqlstate == "PT503"
    (told,) = meshy(ops)["pauses"]
    assert (told["reason"], told["note"], told["fingerprint"]) == ("operator", "bill", "*")
    assert "paused" in ops("providers").text
    assert ops("providers", "resume", "meshy").text == "MESHY goes on.\n"
    assert ops("providers", "resume", "meshy").text == "MESHY was not paused by an operator.\n"
    jobs.create(db, user)


def test_resume_ends_ones_own_pause_alone(db: Database, ops: Commands, desk: Connection) -> None:
    """What is paused for want of money stays so, unless that is asked for too."""
    new_worker(db)
    db.admin.execute("select meshqueue.pause_provider('MESHY', %s, 'out_of_credit')", MESHY_KEY)
    pause(desk, "MESHY", None)
    told = ops("providers", "resume", "meshy").text
    assert "MESHY goes on. Still paused for 1 of its keys" in told
    assert paused_keys(desk, "MESHY") == [MESHY_KEY]
    lifted = ops.json("providers", "resume", "meshy", "--all")
    assert (lifted["lifted"], lifted["still_paused"]) == ([MESHY_KEY], [])
    assert resume(desk, "MESHY", every_key=True) == []


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_wrong_name_is_said(ops: Commands, command: str) -> None:
    """With those that there are."""
    assert "choose from meshy, tripo" in ops("providers", command, "acme").error


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=5, speed=200.0) as simulator:
        yield simulator


@pytest.mark.newest_postgres
async def test_a_worker_keeps_an_operators_pause(
    db: Database, desk: Connection, simulator: Simulator, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Nothing is sent; neither a full account nor a worker that comes lifts it, resume does."""
    looked: list[str] = []
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    pause(desk, "MESHY", "looking into it")
    monkeypatch.setattr(upkeep, "BALANCE_EVERY", 0.05)

    def listen(daemon: Daemon) -> None:
        asked = daemon.engine.paused_keys

        async def paused_keys() -> Any:
            looked.append("asked")
            return await asked()

        daemon.engine.paused_keys = paused_keys  # type: ignore[method-assign]

    async with working(plan_for(db, simulator, tmp_path), listen):
        await until(lambda: jobs.run_of(db, job["id"], "PREVIEW")["held_for"], "the held run")
        seen = len(looked)
        await until(lambda: len(looked) > seen + 3, "four rounds of balance calls")
        assert jobs.run_of(db, job["id"], "PREVIEW")["held_for"] == "paused"
        assert simulator.book("meshy").tasks == ()
        assert resume(desk, "MESHY") == ["*"]
        assert (await the_end(db, job["id"]))["status"] == "SUCCEEDED"
