"""A worker's own clock may be minutes wrong: what counts is the database's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self
from uuid import uuid4

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import MESHY_KEY
from tests.support.jobs import PREVIEW_ONLY, rich_user
from worker.database import engine as module
from worker.database.connection import new_pool
from worker.database.engine import Engine
from worker.database.records import Run

pytestmark = pytest.mark.newest_postgres

LEFT = "select extract(epoch from wake_at - now()) from meshqueue.runs"


@pytest.fixture
async def engine(db: Database) -> AsyncIterator[Engine]:
    async with new_pool(db.url()) as pool:
        engine = Engine(pool, uuid4())
        await engine.heartbeat({"MESHY": MESHY_KEY}, {})
        yield engine


async def begun(db: Database, engine: Engine) -> Run:
    run = await engine.begin(jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"], "PREVIEW")
    assert isinstance(run, Run)
    return run


@pytest.mark.parametrize("seconds", [15, 0.5, None])
async def test_a_wait_is_as_long_as_it_was_meant(
    db: Database, engine: Engine, seconds: float | None
) -> None:
    """Told as a span; without one it is short."""
    assert await engine.wait(await begun(db, engine), "rate_limited", seconds) == "ok"
    assert -5 < float(db.admin.value(LEFT)) - (seconds or 5) < 1


@pytest.mark.parametrize("wrong", [timedelta(minutes=-5), timedelta(), timedelta(minutes=5)])
async def test_a_proof_is_as_old_as_it_is(
    db: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    """Of a request that was given up on 90 s ago: a list tells of it a minute later."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + wrong

    monkeypatch.setattr(module, "datetime", Wrong)
    run = await begun(db, engine)
    await engine.record_submitting(run, "digest", {}, None)
    await engine.record_lost(run, 1, {})
    db.admin.execute("update meshqueue.submissions set gave_up_at = now() - interval '90 s'")
    for seen_ago, proves in ((60, "too_early"), (10, "ok")):
        looked_at = Wrong.now(UTC) - timedelta(seconds=seen_ago)
        assert await engine.record_absent(run, 1, looked_at) == proves
