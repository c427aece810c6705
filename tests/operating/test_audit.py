"""The audit: what holds is said to hold, and each fault is found by name."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.daemon import plan_for, until, working
from tests.support.database import Database
from tests.support.jobs import new_worker, rich_user
from worker.cli._text.credits import audit_parts
from worker.operating.audit import Check, audit, broken
from worker.operating.desk import Connection
from worker.simulator import Rule, Simulator
from worker.simulator.fault import Fault

SPAN = "interval '1 hour'"
RUN = "(select id from meshqueue.runs where job_id = '{running}')"
FILE = """
    insert into public.asset_files (job_id, asset_id, role, format, bucket, path, bytes, sha256, content_type)
    select j.id, j.asset_id, 'thumbnail', 'png', '{bucket}', {path}, 1, repeat('0', 64), 'image/png'
    from public.ai_jobs j where j.id = '{job}'
"""  # noqa: E501 - a statement
STALE_WAKEUP = """
    insert into procrastinate.procrastinate_jobs (queue_name, task_name, args, status)
    values ('stages_meshy', 'run_stage', '{{"job_id": "{job}", "stage": "{stage}"}}', '{status}');
    insert into procrastinate.procrastinate_events (job_id, type, at)
    select max(id), 'deferred', now() - interval '1 hour' from procrastinate.procrastinate_jobs
"""
ANOTHER_RUN = """
    insert into meshqueue.runs (job_id, user_id, provider, stage, credits, wake_at)
    values ('{job}', '{user}', 'MESHY', '{stage}', 0, now())
"""

FAULTS = {
    "balance": "update public.credit_accounts set balance = balance + 1",
    "reserved": "update public.credit_accounts set reserved = reserved + 1",
    "covered": "alter table public.credit_accounts drop constraint credit_accounts_covered;"
    "update public.credit_accounts set balance = reserved - 1",
    "reserved_once": "delete from public.credit_ledger where job_id = '{waiting}'",
    "settled_once": "delete from public.credit_ledger where job_id = '{done}' and kind = 'settle'",
    "charged_rightly": "update public.credit_ledger set amount = -35, kind = 'settle'"
    " where job_id = '{failed}' and kind = 'release'",
    "open_moves": "delete from meshqueue.waiting where job_id = '{waiting}'",
    "ended_rests": ANOTHER_RUN.replace("{job}", "{done}").replace("{stage}", "REMESH"),
    "ended_dated": "update public.ai_jobs set finished_at = null where id = '{done}'",
    "slot_used": "insert into meshqueue.slots (pool, run_id, taken_at)"
    " select 'meshy', id, now() from meshqueue.runs where job_id = '{done}' and stage = 'PREVIEW'",
    "run_has_slot": f"delete from meshqueue.slots where run_id = {RUN}",
    "slots_fit": "insert into meshqueue.slots (pool) values ('tripo:model')",
    "no_idle_slot": f"update meshqueue.waiting set since = now() - {SPAN};"
    "insert into meshqueue.slots (pool) values ('meshy')",
    "waits_rightly": "delete from meshqueue.ring",
    "submission_open": "update meshqueue.submissions s set outcome = 'accepted', ended_at = null"
    " from meshqueue.runs r where r.id = s.run_id and r.job_id = '{done}'",
    "run_held": "update meshqueue.runs set worker_id = gen_random_uuid()"
    " where job_id = '{running}'",
    "run_woken": "update meshqueue.runs set worker_id = null, state = 'ready', wake_at = null"
    " where job_id = '{running}'",
    "wakeup_held": STALE_WAKEUP.replace("{job}", "{running}")
    .replace("{stage}", "PREVIEW")
    .replace("{status}", "doing"),
    "wakeup_wanted": STALE_WAKEUP.replace("{job}", "{done}")
    .replace("{stage}", "PREVIEW")
    .replace("{status}", "todo"),
    "file_of_success": FILE.replace("{job}", "{failed}")
    .replace("{bucket}", "assets")
    .replace("{path}", "j.user_id || '/x'"),
    "success_has_files": "delete from public.asset_files where job_id = '{done}'",
    "file_of_owner": FILE.replace("{job}", "{done}")
    .replace("{bucket}", "assets")
    .replace("{path}", "'somebody/x'"),
    "private_stays": FILE.replace("{job}", "{done}")
    .replace("{bucket}", "templates")
    .replace("{path}", "j.user_id || '/x'"),
    "object_there": "insert into storage.objects (bucket_id, name) values ('assets', 'x')",
    "object_known": "insert into storage.objects (bucket_id, name)"
    " values ('assets', '{user}/models/x/model-0123456789abcdef.glb')",
    "intent_alive": "insert into meshqueue.intents (bucket, path, run_id)"
    " select 'assets', 'x', id from meshqueue.runs where job_id = '{done}' limit 1",
}


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


def spoil(db: Database, statements: str) -> None:
    """Past all triggers, as nobody should."""
    session = db.superuser()
    session.execute("set session_replication_role = replica")
    for statement in statements.split(";"):
        session.execute(statement)


def found(desk: Connection) -> dict[str, Check]:
    return {check.name: check for check in broken(audit(desk))}


def test_what_holds_is_said_to_hold(desk: Connection, scene: Scene) -> None:
    """With jobs in every state nothing is reported, and everything was looked at."""
    checks = audit(desk)
    assert broken(checks) == ()
    among = {check.subject: check.looked_at for check in checks}
    assert (among["jobs"], among["open runs"], among["waiting jobs"]) == (4, 1, 1)
    assert scene.done["status"] == "SUCCEEDED"


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found(db: Database, desk: Connection, scene: Scene, name: str) -> None:
    """By its own promise, with the id of what breaks it and what to do."""
    spoil(db, FAULTS[name].format(**scene.names))
    check = found(desk)[name]
    assert check.broken >= 1
    assert check.first
    assert check.remedy


def test_there_is_a_fault_for_each_promise(desk: Connection) -> None:
    """No check was never seen to find something."""
    assert {check.name for check in audit(desk)} == set(FAULTS)


def test_objects_are_compared_where_the_platform_lists_them(
    db: Database, desk: Connection, scene: Scene
) -> None:
    """Files with their objects, what is to be removed, and what others keep there are no fault."""
    spoil(
        db,
        "insert into storage.objects (bucket_id, name) select bucket, path from public.asset_files;"
        "insert into storage.objects (bucket_id, name) values ('assets', 'mine/photo.png')",
    )
    assert broken(audit(desk)) == ()
    db.admin.execute("delete from public.asset_files where job_id = %s", scene.done["id"])
    assert set(found(desk)) == {"success_has_files"}, "its object is listed for removal"


def test_an_empty_database_holds(desk: Connection) -> None:
    """Nobody, nothing: every promise holds among none."""
    checks = audit(desk)
    assert broken(checks) == ()
    assert len(checks) == len(FAULTS)


def test_a_dead_holder_gets_its_time(db: Database, desk: Connection, scene: Scene) -> None:
    """A worker that died a moment ago is no fault yet; without grace it is."""
    db.admin.execute(
        "update meshqueue.workers set seen_at = now() - interval '1 minute' where id = %s",
        scene.worker.id,
    )
    rescuer = new_worker(db)
    db.admin.execute(
        "update meshqueue.workers set unbroken_since = now() - interval '1 hour' where id = %s",
        rescuer.id,
    )
    assert broken(audit(desk)) == ()
    (check,) = broken(audit(desk, timedelta()))
    assert check.name == "run_held"


@pytest.mark.usefixtures("scene")
def test_nobody_can_put_it_right(db: Database, desk: Connection) -> None:
    """With no worker alive a run of a dead one is no fault of the queue: it waits for a worker."""
    query = "update meshqueue.workers set seen_at = now() - interval '1 day'"
    db.admin.execute(query)
    assert broken(audit(desk)) == ()


def test_a_deleted_user_leaves_no_debt(db: Database, desk: Connection, scene: Scene) -> None:
    """Jobs end, rows go, the ledger's lines stay: it still adds up."""
    db.admin.execute("delete from auth.users where id = %s", scene.user)
    assert broken(audit(desk)) == ()


@pytest.mark.usefixtures("scene")
def test_the_command_says_all_is_well(ops: Commands) -> None:
    """Exit code 0, one line a promise and a sum."""
    answer = ops("credits", "audit")
    assert answer.code == 0, answer.error
    assert answer.lines[-1] == f"All {len(FAULTS)} promises hold."
    assert sum(line.startswith("ok ") for line in answer.lines) == len(FAULTS)


def test_the_command_names_what_is_broken(db: Database, ops: Commands, scene: Scene) -> None:
    """Exit code 2, the ids, and what to do."""
    spoil(db, FAULTS["open_moves"].format(**scene.names))
    answer = ops("credits", "audit")
    assert answer.code == 2
    assert f"open_moves: {scene.waiting['id']}" in answer.text
    assert "what to do: `meshqueue jobs show ID`" in answer.text
    told = ops.json("credits", "audit", code=2)
    assert told["holds"] is False
    (fault,) = [check for check in told["checks"] if not check["holds"]]
    assert (fault["name"], fault["broken"]) == ("open_moves", 1)
    assert fault["first"] == [str(scene.waiting["id"])]


def test_more_than_ten_are_counted_not_listed(db: Database, desk: Connection) -> None:
    """The first ten ids are enough to look at."""
    for _ in range(12):
        rich_user(db, 10)
    spoil(db, FAULTS["balance"])
    check = found(desk)["balance"]
    assert (check.broken, len(check.first)) == (12, 10)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=3, speed=300.0) as simulator:
        yield simulator


@pytest.mark.newest_postgres
async def test_it_holds_at_every_moment_of_real_work(
    db: Database, desk: Connection, simulator: Simulator, tmp_path: Path
) -> None:
    """While a worker makes models, fails some and loses some to cancels: not once a false alarm."""
    jobs.set_setting(db, "rate_job_create_per_minute", 1000)
    jobs.set_setting(db, "max_in_flight_meshy", 2)
    simulator.script(Rule(Fault.TASK_FAILED, provider="meshy", times=2, after=1))
    users = [rich_user(db), rich_user(db)]
    made = [jobs.create(db, user, jobs.PREVIEW_ONLY) for user in users for _ in range(4)]
    looks = 0

    def ended() -> bool:
        nonlocal looks
        assert broken(audit(desk)) == ()
        looks += 1
        if looks == 3:
            jobs.cancel(db, users[0], made[3]["id"])
        return all(jobs.job(db, job["id"])["finished_at"] for job in made)

    async with working(plan_for(db, simulator, tmp_path)):
        await until(ended, "the end of all jobs")
        assert broken(audit(desk, timedelta())) == ()
    assert broken(audit(desk, timedelta())) == ()
    assert looks > 5


def test_what_to_do_leads_to_the_database_that_was_looked_at() -> None:
    """What --local found is put right there, and no credits are granted in the hosted project."""
    check = Check("balance", "It is the sum.", "accounts", 1, 1, ("7",), "`meshqueue credits`.")
    for local, command in ((True, "`meshqueue credits --local`"), (False, "`meshqueue credits`")):
        _, told, _ = audit_parts([check], local=local)
        assert command in str(told)
