"""Progress is told sparingly, and never goes back."""

import json
from functools import partial

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import new_worker, rich_user


def begun(db: Database, worker: Worker) -> Answer:
    return worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")


def of_run(db: Database, run: Answer) -> int:
    return int(db.admin.value("select progress from meshqueue.runs where id = %s", run["run"]))


def of_job(db: Database, run: Answer) -> int:
    return int(jobs.job(db, run["job_id"])["progress"])


def told_long_ago(db: Database) -> None:
    db.admin.execute("update meshqueue.runs set told_at = told_at - interval '6 seconds'")


def sent_long_ago(db: Database) -> None:
    db.admin.execute("update meshqueue.runs set sent_at = sent_at - interval '1 second'")


def broadcasts(db: Database, run: Answer) -> list[Answer]:
    query = """
        select payload from realtime.messages
        where topic = %s and event = 'progress' order by inserted_at
    """
    return db.admin.values(query, f"user:{run['user_id']}")


def test_the_jobs_progress_is_that_of_all_stages(db: Database) -> None:
    """Half of the first stage is a fifth of a whole job with four."""
    worker = new_worker(db)
    run = begun(db, worker)
    assert worker.progress((run, 50)) == []
    assert (of_run(db, run), of_job(db, run)) == (50, 21)


def test_many_runs_are_told_in_one_call(db: Database) -> None:
    """One call a second is enough for everything that a process watches."""
    worker = new_worker(db)
    runs = [begun(db, worker) for _ in range(3)]
    worker.progress(*zip(runs, [10, 20, 30], strict=True))
    assert [of_run(db, run) for run in runs] == [10, 20, 30]


def test_progress_never_goes_back(db: Database) -> None:
    """A provider that counts backwards does not make the user's bar jump."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, 60))
    told_long_ago(db)
    worker.progress((run, 40))
    assert (of_run(db, run), of_job(db, run)) == (60, 25)


def test_nonsense_is_cut_to_what_can_be(db: Database) -> None:
    """A provider's -5 or 250 per cent is 0 or 100, and no working job shows 100."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, -5))
    assert of_run(db, run) == 0
    worker.progress((run, 250))
    assert of_run(db, run) == 100
    assert of_job(db, run) < 100


def test_a_row_changes_at_most_every_five_seconds(db: Database) -> None:
    """Ticks in between are not written to the job, whose every update goes to all devices."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, 10))
    worker.progress((run, 50))
    assert (of_run(db, run), of_job(db, run)) == (50, 4)
    told_long_ago(db)
    worker.progress((run, 60))
    assert of_job(db, run) == 25


def test_the_private_topic_hears_of_progress(db: Database) -> None:
    """Fine progress goes to the user's private topic, with the stage's share and the whole."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, 10))
    sent_long_ago(db)
    worker.progress((run, 50))
    heard = [(news["stage_progress"], news["progress"]) for news in broadcasts(db, run)]
    assert sorted(heard) == [(10, 4), (50, 21)]


def test_at_most_one_message_a_second(db: Database) -> None:
    """A tick right after another is kept back, and told by the next, though that says the same."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, 10))
    worker.progress((run, 50))
    assert [news["stage_progress"] for news in broadcasts(db, run)] == [10]
    sent_long_ago(db)
    worker.progress((run, 50))
    assert sorted(news["stage_progress"] for news in broadcasts(db, run)) == [10, 50]


def test_a_row_catches_up(db: Database) -> None:
    """What was not written because it came too soon is written by a later tick of the same."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, 10))
    worker.progress((run, 50))
    assert of_job(db, run) == 4
    told_long_ago(db)
    worker.progress((run, 50))
    assert of_job(db, run) == 21


def test_silent_without_the_platform(db: Database) -> None:
    """On a plain Postgres there is nobody to send to, and nothing fails for it."""
    worker = new_worker(db)
    run = begun(db, worker)
    db.superuser().execute("drop function realtime.send")
    worker.progress((run, 50))
    assert of_job(db, run) == 21
    assert broadcasts(db, run) == []
    worker.submit(run)
    assert worker.finish(run)["outcome"] == "ok"


def news_by_notify(db: Database, *, wanted: bool) -> list[Answer]:
    """All that a listener hears of a job's first steps."""
    jobs.set_setting(db, "notify_news", "true" if wanted else "false")
    listener, worker = db.postgres(), new_worker(db)
    listener.execute("listen meshqueue_news")
    run = begun(db, worker)
    worker.progress((run, 50))
    db.superuser().execute("notify meshqueue_news, 'the end'")
    heard = (notice.payload for notice in listener.connection.notifies(timeout=30))
    return [json.loads(news) for news in iter(partial(next, heard), "the end")]


def test_a_notification_where_the_setting_asks(db: Database) -> None:
    """A server that listens hears what the private topic hears, with whose it is."""
    heard = news_by_notify(db, wanted=True)
    assert {news["event"] for news in heard} == {"job", "progress"}
    last = heard[-1]
    assert last["topic"] == "user:" + str(db.admin.value("select user_id from public.ai_jobs"))
    assert last["payload"]["progress"] == 21


def test_no_notification_by_default(db: Database) -> None:
    """A NOTIFY makes commits wait for each other: it is sent only where it was asked for."""
    assert news_by_notify(db, wanted=False) == []


def test_a_tick_that_says_nothing_new_is_silent(db: Database) -> None:
    """The same percentage again writes and sends nothing."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.progress((run, 10))
    worker.progress((run, 10))
    assert len(broadcasts(db, run)) == 1


def test_a_worker_learns_what_it_has_lost(db: Database) -> None:
    """Runs that were canceled or taken away are named, the others go on."""
    worker, other = new_worker(db), new_worker(db)
    mine, canceled, released = (begun(db, worker) for _ in range(3))
    theirs = begun(db, other)
    jobs.set_status(db, canceled["job_id"], "CANCELED")
    worker.release(released)
    lost = worker.progress((mine, 10), (canceled, 20), (released, 30), (theirs, 40))
    assert lost == [canceled["run"], released["run"], theirs["run"]]
    assert [of_run(db, run) for run in (mine, canceled, released, theirs)] == [10, 0, 0, 0]


def test_nothing_to_tell_is_fine(db: Database) -> None:
    """A process without runs may call all the same."""
    assert new_worker(db).progress() == []


def test_a_locked_run_misses_a_tick(db: Database) -> None:
    """Progress waits for no lock: a tick that can't be written is lost, the run is not."""
    worker, holder = new_worker(db), db.postgres()
    busy, idle = begun(db, worker), begun(db, worker)
    with holder.connection.transaction():
        query = "select from meshqueue.runs where id = %s for no key update"
        holder.execute(query, busy["run"])
        assert worker.progress((busy, 10), (idle, 10)) == []
    assert (of_run(db, busy), of_run(db, idle)) == (0, 10)


def test_a_locked_job_misses_a_tick(db: Database) -> None:
    """A job that is being changed at this moment keeps nobody waiting."""
    worker, holder = new_worker(db), db.postgres()
    run = begun(db, worker)
    with holder.connection.transaction():
        holder.execute("select from public.ai_jobs where id = %s for no key update", run["job_id"])
        worker.progress((run, 50))
    assert of_job(db, run) == 0
    worker.progress((run, 51))
    assert of_job(db, run) == 21
