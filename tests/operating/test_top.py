"""The live view: the whole at one moment."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.cache import CHECKOUT
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import rich_user
from worker.operating.desk import Connection
from worker.operating.glance import take_glance
from worker.simulator import Simulator


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


def test_a_glance_counts(desk: Connection, scene: Scene) -> None:
    """Jobs, slots, stages under way, rates and latencies of the last hour."""
    glance = take_glance(desk)
    assert glance["jobs"] == {"queued": 1, "in_progress": 1}
    assert [run["stage"] for run in glance["in_flight"]] == ["PREVIEW"]
    rates = {rate["what"]: rate["last_minute"] for rate in glance["rates"]}
    assert rates == {"created": 4, "succeeded": 1, "failed": 1, "canceled": 0}
    assert {stage["stage"]: stage["stages"] for stage in glance["latencies"]} == {
        "PREVIEW": 2, "DELIVER": 1,
    }  # fmt: skip
    meshy = next(pool for pool in glance["pools"] if pool["pool"] == "meshy")
    assert (meshy["taken"], meshy["limit"], meshy["waiting"]) == (1, 1, 1)
    (worker,) = glance["workers"]
    assert (worker["id"], worker["runs"]) == (str(scene.worker.id), 1)


def test_what_was_inherited_is_not_counted_twice(
    db: Database, desk: Connection, scene: Scene
) -> None:
    """A retry copies finished stages; they ran once."""
    db.admin.execute("select from retry_ai_job(%s)", scene.failed["id"])
    glance = take_glance(desk)
    assert {stage["stage"]: stage["stages"] for stage in glance["latencies"]}["PREVIEW"] == 2


def test_queues_show_their_oldest(db: Database, desk: Connection) -> None:
    """How many are due, how many come later, and since when the oldest waits."""
    jobs.create(db, rich_user(db))
    query = "select meshqueue.enqueue('upkeep', 'admit', '{}', now() + interval '1 hour')"
    db.admin.execute(query)
    stages, upkeep = take_glance(desk)["queues"]
    assert (stages["queue"], stages["due"], stages["later"]) == ("stages_meshy", 1, 0)
    assert stages["oldest_since"] is not None
    assert (upkeep["due"], upkeep["later"], upkeep["oldest_since"]) == (0, 1, None)


@pytest.mark.usefixtures("scene")
def test_once_prints_once(ops: Commands) -> None:
    """In a pipe it does so by itself; --json has the same."""
    for arguments in (["top", "--once"], ["top"]):
        answer = ops(*arguments)
        assert answer.code == 0, answer.error
        assert "1 jobs wait, 1 work" in answer.lines[0]
        assert "workers:" in answer.lines
    assert ops.json("top")["jobs"] == {"queued": 1, "in_progress": 1}


def test_pauses_stand_in_the_first_line(db: Database, ops: Commands, scene: Scene) -> None:
    """Of providers and of deliveries: what one must not overlook."""
    db.admin.execute("select meshqueue.pause_provider('TRIPO')")
    scene.worker.pause_deliveries("quota")
    first = ops("top").lines[0]
    assert "TRIPO paused for" in first
    assert "deliveries paused for" in first


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=6, speed=200.0) as simulator:
        yield simulator


@pytest.mark.newest_postgres
async def test_a_real_worker_is_seen(
    db: Database, desk: Connection, simulator: Simulator, tmp_path: Path
) -> None:
    """With its memory; and what it did counts."""
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    async with working(plan_for(db, simulator, tmp_path)) as daemon:
        await the_end(db, job["id"])
        glance = await until(lambda: take_glance(desk), "a glance")
        (worker,) = glance["workers"]
        assert worker["id"] == str(daemon.worker)
        assert 20 < worker["memory_mib"] < 5000
        assert worker["serves"] == ["MESHY", "TRIPO"]
    assert take_glance(desk)["workers"] == []
    assert {stage["stage"] for stage in glance["latencies"]} == {"PREVIEW", "DELIVER"}


def read_until(watched: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        seen += os.read(watched, 1 << 16)
    return seen


def read_to_end(watched: int) -> None:
    """Who writes to a full terminal waits for its reader."""
    with suppress(OSError):  # EIO: nobody can write to it any more
        while os.read(watched, 1 << 16):
            pass


@pytest.mark.newest_postgres
def test_it_lives_and_outlives_the_connection(db: Database, tmp_path: Path) -> None:
    """On a terminal it looks again and again, finds the database again, and Ctrl-C ends it well."""
    watched, terminal = pty.openpty()
    # A shell lets what it runs in the background ignore Ctrl-C, and so all that comes from it.
    hear_ctrl_c = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    options: dict[str, Any] = {
        "stdout": terminal, "stderr": terminal, "cwd": tmp_path, "preexec_fn": hear_ctrl_c,
    }  # fmt: skip
    environment = {
        "PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "TERM": "xterm",
        "DATABASE_URL": db.url(), "COLUMNS": "160", "LINES": "60",
    }  # fmt: skip
    command = [sys.executable, "-m", "worker", "top"]
    with subprocess.Popen(command, env=environment, **options) as process:
        os.close(terminal)
        try:
            read_until(watched, b"0 jobs wait, 0 work")
            jobs.create(db, rich_user(db))
            read_until(watched, b"1 jobs wait, 0 work")
            db.superuser().execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'meshqueue operator' and datname = current_database()"
            )
            read_until(watched, b"Trying again")
            read_until(watched, b"1 jobs wait, 0 work")
            process.send_signal(signal.SIGINT)
            read_to_end(watched)
            assert process.wait(20) == 0
        finally:
            process.kill()
    os.close(watched)
