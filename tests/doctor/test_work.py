"""Whether work goes on: workers, jobs, sessions, credits."""

from datetime import timedelta

import pytest

from tests.doctor.place import Place
from tests.support.engine import Worker
from tests.support.jobs import MESHY_TEXT, TRIPO_TEXT, create, new_worker, rich_user
from worker.doctor.checks.reach import Kind
from worker.doctor.checks.sessions import old_transactions, room_for
from worker.doctor.finding import Level

pytestmark = pytest.mark.newest_postgres

ALL_DEAD = "update meshqueue.workers set seen_at = now() - interval '3 hours'"


async def test_no_worker_ever(place: Place) -> None:
    """Nobody has started one yet."""
    place.db.admin.execute("delete from meshqueue.workers")
    assert "none has ever been seen" in (await place.finds("workers", Level.WARNING)).what


async def test_the_workers_are_gone(place: Place) -> None:
    """When the last was seen; with jobs waiting it is a failure, and nobody serves them."""
    place.db.admin.execute(ALL_DEAD)
    assert "last seen 3 hours ago" in (await place.finds("workers", Level.WARNING)).what
    create(place.db, rich_user(place.db), MESHY_TEXT)
    finding = await place.finds("workers", Level.FAILING, also=("served",))
    assert "1 job not over" in finding.what


async def test_a_provider_that_nobody_serves(place: Place) -> None:
    """Jobs wait for a key that no living worker has."""
    create(place.db, rich_user(place.db), TRIPO_TEXT)
    place.db.admin.execute(ALL_DEAD)
    new_worker(place.db, MESHY="key")
    finding = await place.finds("served", Level.FAILING)
    assert "Tripo (1 job)" in finding.what
    assert "TRIPO_API_KEY" in finding.what_to_do


async def test_tasks_whose_key_is_gone(place: Place) -> None:
    """Another worker serves their provider, with another key."""
    old = new_worker(place.db, MESHY="the old key")
    job = create(place.db, rich_user(place.db), MESHY_TEXT)
    old.submit(old.begin(job["id"], "PREVIEW"))
    assert (await place.findings())["keys of tasks"].level is Level.OK
    old.heartbeat(leaving=True)
    new_worker(place.db, MESHY="the new key")
    finding = await place.finds("keys of tasks", Level.WARNING)
    assert "Meshy (1 job)" in finding.what


async def test_a_job_past_its_deadline(place: Place) -> None:
    """Nobody ended it: neither a worker nor pg_cron."""
    job = create(place.db, rich_user(place.db), MESHY_TEXT)
    place.db.admin.execute(
        "update public.ai_jobs set deadline_at = now() - interval '7 minutes' where id = %s",
        job["id"],
    )
    finding = await place.finds("deadlines", Level.FAILING)
    assert str(job["id"]) in finding.what
    assert "for 7 minutes" in finding.what


async def test_a_stage_that_nobody_begins(place: Place) -> None:
    """Ready for minutes: its wake-up was lost, or all workers are busy."""
    job = create(place.db, rich_user(place.db), MESHY_TEXT)
    place.db.admin.execute("update meshqueue.runs set wake_at = now() - interval '9 minutes'")
    finding = await place.finds("stages", Level.FAILING)
    assert "1 ready of Meshy for 9 minutes" in finding.what
    assert str(job["id"]) in finding.what


async def test_a_stage_whose_worker_died(place: Place) -> None:
    """Nobody took it over."""
    job = create(place.db, rich_user(place.db), MESHY_TEXT)
    dead = Worker(place.db.postgres())
    dead.heartbeat()
    dead.begin(job["id"], "PREVIEW")
    place.db.admin.execute(f"{ALL_DEAD} where id = %s", dead.id)
    finding = await place.finds("stages", Level.FAILING)
    assert "1 abandoned of Meshy for 180 minutes" in finding.what


async def test_a_transaction_that_stays_open(place: Place) -> None:
    """Who holds it, and the call that ends it; the age is the check's own argument."""
    forgotten = place.db.postgres()
    forgotten.execute("begin")
    forgotten.execute("select set_config('application_name', 'a forgotten psql', false)")
    examined = place.examined()
    await examined.database.open()
    finding = await old_transactions(examined, timedelta())
    calm = await old_transactions(examined)
    await examined.database.close()
    assert finding.level is Level.WARNING
    assert "a forgotten psql" in finding.what
    assert f"pg_terminate_backend({forgotten.pid})" in finding.what_to_do
    assert calm.level is Level.OK


@pytest.mark.parametrize(("room", "level"), [(15, Level.WARNING), (9, Level.FAILING)])
async def test_more_connections_than_there_are(place: Place, room: int, level: Level) -> None:
    """Four for each worker: more than there are while one is replaced, or at all."""
    held = place.db.admin.value(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name not like 'meshqueue %'"
    )
    for _ in range(2):
        new_worker(place.db)  # three with the one that lives: 12, and 17 during a deploy
    limit = held + 2 + room
    place.db.admin.execute(f"alter database {place.db.name} connection limit {limit}")
    finding = (await place.findings())["connections"]
    assert finding.level is level
    assert f"3 workers may take 12, 17 during a deploy; {limit} are allowed" in finding.what


def test_the_poolers_size_counts_behind_it() -> None:
    """max_connections says nothing about what the session pooler gives."""
    room, told = room_for(Kind.SESSION, {"limit": 100, "others": 3})
    assert room == 15
    assert "pooler has 15" in told


async def test_nobody_was_granted_credits(place: Place) -> None:
    """Every create is refused with 402, and the command that changes it is named."""
    place.db.admin.execute("delete from auth.users")
    assert "credits grant" in (await place.finds("credits", Level.WARNING)).what_to_do
    place.db.admin.execute(
        "update public.app_settings set value = 'false' where key = 'credits_enabled'"
    )
    assert (await place.findings())["credits"].level is Level.OK
