"""Admission: never above the limit, round-robin over users, no free slot beside a waiting job."""

from collections import Counter
from random import Random
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import new_worker, rich_user

POOL = "meshy"


def limit(db: Database, slots: int, pool: str = POOL) -> None:
    jobs.set_setting(db, f"max_in_flight_{pool.replace(':', '_')}", slots)


def admit(db: Database) -> int:
    return int(db.admin.value("select meshqueue.admit()"))


def tokens(db: Database, pool: str = POOL) -> int:
    return int(db.admin.value("select count(*) from meshqueue.slots where pool = %s", pool))


def made(db: Database, *owners: UUID) -> list[UUID]:
    """One job for each, in this order, by hand: fast, and counted against no rate."""
    query = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s) returning id"
    return [db.admin.value(query, owner, jobs.PREVIEW_ONLY) for owner in owners]


def end(db: Database, job_id: UUID) -> None:
    jobs.set_status(db, job_id, "CANCELED")


def admitted(db: Database) -> list[UUID]:
    """In the order of their admission."""
    return db.admin.values("select job_id from meshqueue.runs where state = 'ready' order by id")


def users(db: Database, how_many: int) -> list[UUID]:
    jobs.set_setting(db, "credits_enabled", "false")
    return [db.new_user() for _ in range(how_many)]


def test_no_more_than_the_limit(db: Database) -> None:
    """Whatever is created, as many jobs are admitted as the limit says; the others wait."""
    limit(db, 3)
    made(db, *users(db, 1) * 5)
    assert (jobs.slots_taken(db, POOL), len(jobs.waiting(db, POOL))) == (3, 2)


def test_waiting_jobs_have_no_wakeup(db: Database) -> None:
    """A job that waits for a slot is in no queue: nothing polls."""
    limit(db, 1)
    _, waiting = made(db, *users(db, 2))
    assert jobs.wakeups(db, waiting) == []
    end(db, admitted(db)[0])
    assert [up["stage"] for up in jobs.wakeups(db, waiting)] == ["PREVIEW"]


def test_users_take_turns(db: Database) -> None:
    """A user with many jobs does not starve one who came later with few."""
    limit(db, 1)
    many, few = users(db, 2)
    first, *rest = made(db, many, many, many, many, few, few)
    order = []
    end(db, first)
    while now := admitted(db):
        order += now
        end(db, now[0])
    assert order == [rest[0], rest[3], rest[1], rest[4], rest[2]]


@pytest.mark.newest_postgres
def test_turns_are_exact_over_a_thousand_admissions(db: Database) -> None:
    """Nobody with waiting jobs is ever more than one turn behind, however others cancel."""
    limit(db, 1)
    crowd, turns = users(db, 5), Counter[UUID]()
    chance = Random(7)  # noqa: S311 - no secret
    made(db, *crowd * 4)
    for _ in range(1_000):
        if chance.random() < 0.3:
            start_over(db, chance.choice(crowd))
        end(db, admitted(db)[0])
        owner = db.admin.value("select user_id from meshqueue.runs where state = 'ready'")
        turns[owner] += 1
        made(db, owner)
        assert max(turns.values()) - min(turns[user] for user in crowd) <= 1


def start_over(db: Database, user: UUID) -> None:
    """Cancels everything that waits and creates it again, to get ahead."""
    query = """
        update public.ai_jobs j set status = 'CANCELED'
        from meshqueue.waiting w where w.job_id = j.id and w.user_id = %s
    """
    made(db, *[user] * db.admin.execute(query, user).rowcount)


def test_who_returns_queues_at_the_end(db: Database) -> None:
    """A user who had nothing waiting comes after those who wait, not before."""
    limit(db, 1)
    one, two, three = users(db, 3)
    first, of_one, of_two = made(db, one, one, two)
    end(db, first)
    assert admitted(db) == [of_one]
    of_three, of_one_again = made(db, three, one)
    order = []
    for _ in range(3):
        end(db, admitted(db)[0])
        order += admitted(db)
    assert order == [of_two, of_three, of_one_again]


def processing(db: Database, worker: Worker, owner: UUID) -> UUID:
    """A job on Tripo that made its preview and goes on to the processing pool."""
    job = jobs.create_by_server(db, owner, {"prompt": "x", "provider": "TRIPO"})
    worker.work(job["id"], "PREVIEW")
    return UUID(str(job["id"]))


def test_jobs_under_way_wait_for_the_next_pool(db: Database) -> None:
    """A stage whose pool is full gives its own slot back and waits for one of the other pool."""
    limit(db, 1, "tripo:processing")
    worker, owner = new_worker(db), rich_user(db)
    first, second = (processing(db, worker, owner) for _ in range(2))
    assert jobs.slots_taken(db, "tripo:model") == 0
    assert jobs.waiting(db, "tripo:processing") == [second]
    worker.work(first, "REFINE")
    assert jobs.run_of(db, second, "REFINE")["state"] == "ready"


def test_jobs_under_way_go_before_new_ones(db: Database) -> None:
    """A job that has begun gets the next slot, though new ones have waited longer."""
    limit(db, 1)
    worker, (old, new) = new_worker(db), users(db, 2)
    begun = jobs.create_by_server(db, old, {"prompt": "x"})
    run = worker.begin(begun["id"], "PREVIEW")
    worker.submit(run)
    made(db, new, new, old)
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    worker.finish(run)
    db.admin.execute("select meshqueue.resume_provider('MESHY')")
    assert admitted(db) == [begun["id"]]


def test_lowering_the_limit_drains(db: Database) -> None:
    """A lower limit stops nobody who runs, and admits nobody until enough have ended."""
    limit(db, 3)
    running = made(db, *users(db, 1) * 5)[:3]
    limit(db, 1)
    assert jobs.slots_taken(db, POOL) == 3
    for job_id, left, waiting in zip(running, (2, 1, 1), (2, 2, 1), strict=True):
        end(db, job_id)
        assert (tokens(db), len(jobs.waiting(db, POOL))) == (left, waiting)


def test_lowering_the_limit_takes_free_slots_away(db: Database) -> None:
    """Slots that nobody uses are gone at once."""
    made(db, *users(db, 1))
    limit(db, 2)
    assert (tokens(db), jobs.slots_taken(db, POOL)) == (2, 1)
    limit(db, 0)
    assert (tokens(db), jobs.slots_taken(db, POOL)) == (1, 1)


def test_raising_the_limit_admits_at_once(db: Database) -> None:
    """A higher limit takes effect in the transaction that sets it."""
    limit(db, 0)
    waiting = made(db, *users(db, 1) * 4)
    limit(db, 3)
    assert admitted(db) == waiting[:3]
    assert jobs.waiting(db, POOL) == waiting[3:]


def test_a_limit_of_none_stops_everything(db: Database) -> None:
    """With a limit of nought jobs are taken, and wait."""
    limit(db, 0)
    made(db, *users(db, 1))
    assert (admit(db), tokens(db)) == (0, 0)


def test_pools_do_not_touch_each_other(db: Database) -> None:
    """A full pool keeps nobody from another pool's slots."""
    limit(db, 0)
    worker, owner = new_worker(db), rich_user(db)
    made(db, owner)
    job = jobs.create_by_server(db, owner, jobs.TRIPO_TEXT)
    assert worker.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_a_slot_is_freed_though_the_lock_is_not_to_be_had(db: Database) -> None:
    """Who ends a job waits a quarter of a second for the pool; then admission comes later."""
    limit(db, 1)
    first, second = made(db, *users(db, 1) * 2)
    creator = db.postgres()
    with creator.connection.transaction():
        creator.execute("select pg_advisory_xact_lock_shared(meshqueue.pool_key('meshy'))")
        end(db, first)
        db.admin.execute(
            "update procrastinate.procrastinate_jobs set scheduled_at = now() + interval '1 minute'"
            " where task_name = 'admit'"
        )
        for _ in range(2):  # sweeps: each would begin a line of wake-ups of its own
            admit(db)
    assert (jobs.slots_taken(db, POOL), jobs.waiting(db, POOL)) == (0, [second])
    query = """
        select args from procrastinate.procrastinate_jobs
        where queue_name = 'upkeep' and task_name = 'admit' and lock is null
    """
    assert db.admin.values(query) == [{"pool": POOL}]
    assert db.admin.value("select meshqueue.admit('meshy')") == 1


def test_a_rolled_back_create_leaves_nothing_for_long(db: Database) -> None:
    """A slot that a creator took and never committed goes to the next job with the sweep."""
    limit(db, 1)
    one, two = users(db, 2)
    creator = db.postgres()
    with creator.connection.transaction(force_rollback=True):
        query = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s)"
        creator.execute(query, one, jobs.PREVIEW_ONLY)
        (second,) = made(db, two)
    assert (jobs.slots_taken(db, POOL), jobs.waiting(db, POOL)) == (0, [second])
    assert admit(db) == 1
    assert (jobs.slots_taken(db, POOL), jobs.waiting(db, POOL)) == (1, [])


def test_the_sweep_restores_lost_slots(db: Database) -> None:
    """Slots that were deleted by hand, or made, are put right by the next sweep."""
    limit(db, 2)
    owners = users(db, 1) * 3
    db.admin.execute("delete from meshqueue.slots where pool = 'meshy'")
    waiting = made(db, *owners)
    assert admit(db) == 2
    assert jobs.waiting(db, POOL) == waiting[2:]
    db.admin.execute("insert into meshqueue.slots (pool) select 'meshy' from generate_series(1, 5)")
    assert admit(db) == 0
    assert tokens(db) == 2


def test_a_sweep_of_a_full_house_changes_nothing(db: Database) -> None:
    """Where every slot is taken the sweep admits nobody."""
    limit(db, 1)
    waiting = made(db, *users(db, 1) * 2)[1:]
    assert admit(db) == 0
    assert jobs.waiting(db, POOL) == waiting


def test_an_ended_job_leaves_the_line(db: Database) -> None:
    """A waiting job that is canceled is never admitted, and its user's turn goes to the next."""
    limit(db, 1)
    one, two = users(db, 2)
    first, gone, of_two = made(db, one, one, two)
    end(db, gone)
    end(db, first)
    assert admitted(db) == [of_two]
