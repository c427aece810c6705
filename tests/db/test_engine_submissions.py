"""Never pay twice: the journal of paid requests."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user

OK = {"outcome": "ok"}


def begun(db: Database, worker: Worker) -> Answer:
    return worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")


def submissions(db: Database, run: Answer) -> list[Row]:
    query = "select * from meshqueue.submissions where run_id = %s order by n"
    return db.admin.rows(query, run["run"])


def outcomes(db: Database, run: Answer) -> list[tuple[int, str, str | None]]:
    return [(row["n"], row["outcome"], row["task_id"]) for row in submissions(db, run)]


def incidents(db: Database) -> list[str]:
    return db.admin.values("select kind from meshqueue.incidents order by id")


def lost_long_ago(db: Database, worker: Worker, run: Answer, seconds: int = 61) -> None:
    """A request that got no answer and was given up that long ago."""
    worker.submitting(run)
    worker.lost(run)
    query = "update meshqueue.submissions set gave_up_at = now() - make_interval(secs => %s)"
    db.admin.execute(query, seconds)


@pytest.mark.parametrize("state", ["intent", "accepted", "lost"])
def test_one_request_at_a_time(db: Database, state: str) -> None:
    """While it is open what became of a request, no second one may be sent."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submitting(run)
    if state == "accepted":
        worker.submitted(run, 1, "task-1")
    elif state == "lost":
        worker.lost(run)
    answer = worker.submitting(run)
    assert answer["outcome"] == "unresolved"
    assert (answer["submission"]["n"], answer["submission"]["outcome"]) == (1, state)
    assert len(submissions(db, run)) == 1


def test_an_accepted_request_is_written_down(db: Database) -> None:
    """The task's id, its price and the attempt that asked for it are recorded."""
    worker = new_worker(db)
    run = begun(db, worker)
    assert worker.submitting(run, content={"mode": "preview"}, expected=5) == {**OK, "n": 1}
    assert worker.submitted(run, 1, "task-1", 7) == {**OK, "hint_seen": False}
    (row,) = submissions(db, run)
    assert (row["provider"], row["attempt"], row["digest"]) == (
        "MESHY",
        1,
        f"digest of run {run['run']}",
    )
    assert (row["content"], row["provider_credits"]) == ({"mode": "preview"}, 7)
    assert row["accepted_at"] is not None


def test_the_expected_price_counts_until_the_real_one_is_known(db: Database) -> None:
    """An answer that names no price leaves the expected one, so the day's spending is not short."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submitting(run, expected=5)
    worker.submitted(run, 1, "task-1")
    assert submissions(db, run)[0]["provider_credits"] == 5


def test_a_refused_request_may_be_sent_again(db: Database) -> None:
    """A definite refusal bought nothing: the intent is taken back and the next one may go out."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submitting(run, expected=5)
    assert worker.refused(run) == OK
    assert submissions(db, run)[0]["provider_credits"] == 0
    assert worker.submitting(run) == {**OK, "n": 2}
    assert worker.refused(run, 1) == {"outcome": "unchanged"}


def test_a_lost_request_is_reported(db: Database) -> None:
    """A request without an answer is told to the operator, once."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submitting(run)
    assert worker.lost(run) == OK
    assert worker.lost(run) == {"outcome": "unchanged"}
    assert incidents(db) == ["submission_lost"]


def test_absence_counts_only_a_minute_after_giving_up(db: Database) -> None:
    """A list read within 60 s of giving up proves nothing: lists lag, requests land late."""
    worker = new_worker(db)
    run = begun(db, worker)
    lost_long_ago(db, worker, run, seconds=59)
    assert worker.absent(run, 1) == {"outcome": "too_early"}
    assert outcomes(db, run) == [(1, "lost", None)]


def test_proved_absence_lets_the_next_request_out(db: Database) -> None:
    """A list read 60 s after giving up proves that nothing was bought."""
    worker = new_worker(db)
    run = begun(db, worker)
    lost_long_ago(db, worker, run)
    assert worker.absent(run, 1) == OK
    assert worker.submitting(run) == {**OK, "n": 2}


def test_proving_absence_twice_changes_nothing(db: Database) -> None:
    """Whoever never heard the answer asks again, and hears the same."""
    worker = new_worker(db)
    run = begun(db, worker)
    lost_long_ago(db, worker, run)
    assert [worker.absent(run, 1), worker.absent(run, 1)] == [OK, OK]
    assert outcomes(db, run) == [(1, "absent", None)]


def test_absence_cannot_be_read_in_the_future(db: Database) -> None:
    """A worker whose clock runs ahead proves nothing."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submitting(run)
    worker.lost(run)
    ahead = datetime.now(UTC) + timedelta(minutes=2)
    assert worker.absent(run, 1, ahead) == {"outcome": "too_early"}


@pytest.mark.parametrize("state", ["intent", "accepted"])
def test_only_a_lost_request_can_be_absent(db: Database, state: str) -> None:
    """An accepted task, or one that is being sent, is not declared absent."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submitting(run)
    if state == "accepted":
        worker.submitted(run, 1, "task-1")
    assert worker.absent(run, 1)["outcome"] != "ok"
    assert submissions(db, run)[0]["outcome"] == state


def test_a_found_task_is_adopted(db: Database) -> None:
    """A task that the list shows to be ours continues the lost request; the user sees its id."""
    worker = new_worker(db)
    run = begun(db, worker)
    lost_long_ago(db, worker, run)
    assert worker.adopt(run, 1, "task-1") == OK
    assert outcomes(db, run) == [(1, "accepted", "task-1")]
    query = "select count(*) from public.ai_job_events where provider_task_id = 'task-1'"
    assert db.admin.value(query) == 1


def test_a_task_is_adopted_by_one_run_only(db: Database) -> None:
    """Another run's task is claimed: adopting it changes nothing."""
    worker = new_worker(db)
    owner, run = begun(db, worker), begun(db, worker)
    worker.submit(owner, "task-1")
    lost_long_ago(db, worker, run)
    assert worker.adopt(run, 1, "task-1") == {"outcome": "claimed"}
    assert outcomes(db, run) == [(1, "lost", None)]


def test_a_task_may_be_a_twins(db: Database) -> None:
    """While an equal order's request is under way, nobody adopts the task that it may be."""
    worker = new_worker(db)
    twin, run = begun(db, worker), begun(db, worker)
    lost_long_ago(db, worker, run)
    worker.submitting(twin, digest=f"digest of run {run['run']}")
    assert worker.adopt(run, 1, "task-1") == {"outcome": "not_yet"}
    worker.submitted(twin, 1, "task-1")
    assert worker.adopt(run, 1, "task-1") == {"outcome": "claimed"}


def test_a_request_that_nobody_ends_keeps_nobody_waiting(db: Database) -> None:
    """Three minutes after it was written down it is no longer under way, whatever became of it."""
    worker = new_worker(db)
    twin, run = begun(db, worker), begun(db, worker)
    lost_long_ago(db, worker, run)
    worker.submitting(twin, digest=f"digest of run {run['run']}")
    query = "update meshqueue.submissions set intent_at = now() - %s::interval where run_id = %s"
    db.admin.execute(query, "2 minutes", twin["run"])
    assert worker.adopt(run, 1, "task-1") == {"outcome": "not_yet"}
    db.admin.execute(query, "4 minutes", twin["run"])
    assert worker.adopt(run, 1, "task-1") == OK


def test_lost_requests_for_the_very_same_take_any_task(db: Database) -> None:
    """One is as good as the other, once: no reason to doubt."""
    worker = new_worker(db)
    twin, run = begun(db, worker), begun(db, worker)
    worker.submitting(twin, digest=f"digest of run {run['run']}")
    worker.lost(twin)
    lost_long_ago(db, worker, run)
    assert worker.adopt(run, 1, "task-1") == OK
    assert worker.adopt(twin, 1, "task-1") == {"outcome": "claimed"}


def asking(db: Database, worker: Worker, preview: str, **content: str) -> Answer:
    """A refine under way, of a preview of its own."""
    run = begun(db, worker)
    asked = {"prompt": "a katana", "preview_task_id": preview, **content}
    told = {"step": "refine", "resource": "text-to-3d", "content": asked}
    worker.submitting(run, content=told, digest=f"refine of {preview}")
    return run


def test_what_the_list_shows_as_equal_may_be_a_strangers(db: Database) -> None:
    """A refine of somebody else's model under the same prompt is not adopted while it is told."""
    worker = new_worker(db)
    run, twin = asking(db, worker, "mine"), asking(db, worker, "theirs")
    asking(db, worker, "another", prompt="a cube")
    worker.lost(run)
    assert worker.adopt(run, 1, "task-1") == {"outcome": "not_yet"}
    worker.submitted(twin, 1, "task-1")
    assert worker.adopt(run, 1, "task-1") == {"outcome": "claimed"}
    assert worker.adopt(run, 1, "task-2")["outcome"] == "ok"


def test_nobody_can_tell_two_lost_refines_apart(db: Database) -> None:
    """A model under the same prompt, of another's preview, is delivered to neither of them."""
    worker = new_worker(db)
    run, twin = asking(db, worker, "mine"), asking(db, worker, "theirs")
    worker.lost(run)
    worker.lost(twin)
    assert worker.adopt(run, 1, "task-1") == {"outcome": "ambiguous"}
    assert worker.adopt(twin, 1, "task-1") == {"outcome": "ambiguous"}
    db.admin.execute(
        "update meshqueue.submissions set intent_at = intent_at - interval '1 hour' "
        "where run_id = %s",
        twin["run"],
    )
    assert worker.adopt(run, 1, "task-1")["outcome"] == "ok"


@pytest.mark.parametrize("other", ["input", "resource"])
def test_what_the_list_tells_apart_is_adopted(db: Database, other: str) -> None:
    """Where it shows what a task was made from, the same words are no reason to doubt."""
    worker = new_worker(db)
    run, twin = asking(db, worker, "mine"), asking(db, worker, "theirs", input="theirs")
    if other == "resource":
        db.admin.execute(
            """
            update meshqueue.submissions set content = '{"resource": "rig",
            "content": {"prompt": "a katana"}}' where run_id = %s""",
            twin["run"],
        )
    worker.lost(run)
    assert worker.adopt(run, 1, "task-1")["outcome"] == "ok"


def test_only_a_lost_request_adopts(db: Database) -> None:
    """A request that has its answer takes no other task."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    answer = worker.adopt(run, 1, "task-2")
    assert answer["outcome"] == "unchanged"
    assert answer["submission"]["task_id"] == "task-1"


def test_telling_the_same_task_twice_changes_nothing(db: Database) -> None:
    """A repeated record of the same answer is no second task."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    assert worker.submitted(run, 1, "task-1")["outcome"] == "ok"
    assert outcomes(db, run) == [(1, "accepted", "task-1")]
    assert incidents(db) == []


def test_a_late_answer_ends_the_doubt(db: Database) -> None:
    """The answer of a request that was given up as lost is taken, whoever brings it."""
    worker = new_worker(db)
    run = begun(db, worker)
    lost_long_ago(db, worker, run)
    worker.submitted(run, 1, "task-1")
    assert outcomes(db, run) == [(1, "accepted", "task-1")]


def test_a_second_paid_task_is_never_forgotten(db: Database) -> None:
    """A task that comes when the run has another one is recorded and told to the operator."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    assert worker.submitted(run, 1, "task-2", 5)["outcome"] == "ok"
    assert outcomes(db, run) == [(1, "accepted", "task-1"), (2, "accepted", "task-2")]
    assert incidents(db) == ["stray_task"]


def test_a_second_task_is_not_taken_for_the_first(db: Database) -> None:
    """The next stage builds on the task that was watched, and so does whoever takes the run."""
    worker, other = new_worker(db), new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    worker.submitted(run, 1, "task-2")
    worker.release(run)
    again = other.begin(run["job_id"], "PREVIEW")
    assert again["submission"]["task_id"] == "task-1"
    other.finish(again)
    refine = other.begin(run["job_id"], "REFINE")
    assert refine["finished"]["PREVIEW"]["task_id"] == "task-1"


def test_a_late_task_of_a_finished_stage_is_reported(db: Database) -> None:
    """A task that was proved absent and came all the same, after the stage was done, is told."""
    worker = new_worker(db)
    run = begun(db, worker)
    lost_long_ago(db, worker, run)
    worker.absent(run, 1)
    worker.submitted(run, worker.submitting(run)["n"], "task-2")
    worker.finish(run)
    worker.submitted(run, 1, "task-1")
    assert incidents(db)[-1] == "stray_task"
    refine = worker.begin(run["job_id"], "REFINE")
    assert refine["finished"]["PREVIEW"]["task_id"] == "task-2"


def test_a_late_task_of_an_ended_run_is_drained(db: Database) -> None:
    """A paid task that turns up after the run ended is seen to its end, in a slot."""
    user, worker, other = rich_user(db), new_worker(db), new_worker(db)
    job = jobs.create(db, user)
    run = worker.begin(job["id"], "PREVIEW")
    lost_long_ago(db, worker, run)
    worker.absent(run, 1)
    jobs.cancel(db, user, job["id"])
    assert jobs.slots_taken(db, "meshy") == 0
    worker.submitted(run, 1, "task-1")
    assert jobs.run_of(db, job["id"], "PREVIEW")["state"] == "draining"
    assert jobs.slots_taken(db, "meshy") == 1
    assert len(jobs.wakeups(db, job["id"])) == 2
    taken = other.begin(job["id"], "PREVIEW")
    assert (taken["outcome"], taken["submission"]["task_id"]) == ("draining", "task-1")
    assert other.end_draining(taken) == OK
    assert jobs.slots_taken(db, "meshy") == 0


def test_a_drained_late_task_takes_a_slot_above_the_limit(db: Database) -> None:
    """With all slots taken a late task has one of its own, which dies when it is freed."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    user, worker = rich_user(db), new_worker(db)
    job = jobs.create(db, user)
    run = worker.begin(job["id"], "PREVIEW")
    lost_long_ago(db, worker, run)
    worker.absent(run, 1)
    jobs.cancel(db, user, job["id"])
    jobs.create(db, user)
    worker.submitted(run, 1, "task-1")
    assert jobs.slots_taken(db, "meshy") == 2
    worker.end_draining(worker.begin(job["id"], "PREVIEW"))
    assert db.admin.value("select count(*) from meshqueue.slots where pool = 'meshy'") == 1


def test_a_retried_stage_has_a_request_of_its_own(db: Database) -> None:
    """The second try of a stage is written beside the first, which keeps its failure."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    worker.retry(run)
    worker.submitted(run, worker.submitting(run)["n"], "task-2")
    assert outcomes(db, run) == [(1, "failed", "task-1"), (2, "accepted", "task-2")]


def test_a_second_try_is_granted_however_often_it_is_asked_for(db: Database) -> None:
    """Whoever never heard the answer asks again, and hears the same; a third try is none's."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    assert [worker.retry(run, 1), worker.retry(run, 1)] == [OK, OK]
    worker.submit(run)
    exhausted = {"outcome": "exhausted"}
    assert [worker.retry(run, 2), worker.retry(run, 2)] == [exhausted, exhausted]


def test_a_second_try_is_not_ended_by_what_was_said_of_the_first(db: Database) -> None:
    """A call that is carried out late, after its repetition, does not touch the next request."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    worker.retry(run, 1)
    worker.submit(run, "task-2")
    assert worker.retry(run, 1) == OK
    assert outcomes(db, run) == [(1, "failed", "task-1"), (2, "accepted", "task-2")]


def test_a_stage_of_several_tasks_goes_on(db: Database) -> None:
    """A task that ended well is kept with its result; the run, its slot and its job go on."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    assert worker.finish_task(run, 1, {"riggable": True}) == OK
    assert worker.submitting(run) == {"outcome": "ok", "n": 2}
    worker.submitted(run, 2, "task-2")
    worker.release(run)
    again = worker.begin(run["job_id"], "PREVIEW")
    told = [(task["n"], task["task_id"], task["result"]) for task in again["tasks"]]
    assert told == [(1, "task-1", {"riggable": True})]
    assert again["submission"]["task_id"] == "task-2"
    assert jobs.slots_taken(db, "meshy") == 1
    assert worker.finish(again)["outcome"] == "ok"


def test_a_task_of_several_ends_once(db: Database) -> None:
    """Said twice, or of a task that was never accepted, it changes nothing."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run, "task-1")
    worker.finish_task(run)
    before = submissions(db, run)
    assert worker.finish_task(run, 1, {"other": True}) == OK
    assert worker.finish_task(run, 2) == OK
    assert submissions(db, run) == before


def test_a_dead_holders_request_may_be_under_way_for_a_while(db: Database) -> None:
    """Its intent is lost at once; what the list proves counts after the longest exchange."""
    holder, other = new_worker(db), new_worker(db)
    run = begun(db, holder)
    holder.submitting(run)
    holder.release(run)
    again = other.begin(run["job_id"], "PREVIEW")["submission"]
    waits = datetime.fromisoformat(again["gave_up_at"]) - datetime.fromisoformat(again["intent_at"])
    assert (again["outcome"], waits) == ("lost", timedelta(minutes=3))
