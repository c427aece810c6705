"""People leave at any moment: what is theirs goes, what others rely on stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.database import Database
from tests.support.engine import Worker, model_file
from tests.support.jobs import (
    MESHY_TEXT,
    PREVIEW_ONLY,
    cancel,
    create,
    create_by_server,
    new_worker,
    rich_user,
    set_setting,
    slots_taken,
    waiting,
)
from tests.support.refusals import refused
from tests.support.session import Session

Row = dict[str, Any]

OWNED = (
    "public.ai_jobs",
    "public.assets",
    "public.credit_accounts",
    "public.credit_ledger",
    "meshqueue.rates",
    "meshqueue.waiting",
    "meshqueue.user_provider_secrets",
)


@dataclass
class Scene:
    """A user with one job, and a worker that may hold it."""

    db: Database
    worker: Worker
    user_id: UUID
    job: Row
    run: Row


@pytest.fixture
def scene(db: Database) -> Scene:
    set_setting(db, "max_in_flight_meshy", 1)
    user_id = rich_user(db, 100)
    return Scene(db, new_worker(db), user_id, create(db, user_id), {})


def ready(_: Scene) -> None:
    """Admitted, not yet begun."""


def queued(scene: Scene) -> None:
    """Behind a job of somebody else."""
    cancel(scene.db, scene.user_id, scene.job["id"])
    create_by_server(scene.db, rich_user(scene.db), PREVIEW_ONLY)
    scene.job = create(scene.db, scene.user_id)
    assert waiting(scene.db, "meshy") == [scene.job["id"]]


def running(scene: Scene) -> None:
    scene.run = scene.worker.begin(scene.job["id"], "PREVIEW")


def held(scene: Scene) -> None:
    running(scene)
    scene.worker.wait(scene.run)


def intent(scene: Scene) -> None:
    running(scene)
    scene.worker.submitting(scene.run)


def accepted(scene: Scene) -> None:
    running(scene)
    scene.worker.submit(scene.run)


def lost(scene: Scene) -> None:
    intent(scene)
    scene.worker.lost(scene.run)


def between_stages(scene: Scene) -> None:
    scene.worker.work(scene.job["id"], "PREVIEW")


def delivering(scene: Scene) -> None:
    for stage in ("PREVIEW", "REFINE", "REMESH"):
        scene.worker.work(scene.job["id"], stage)
    scene.run = scene.worker.begin(scene.job["id"], "DELIVER")


def succeeded(scene: Scene) -> None:
    delivering(scene)
    scene.worker.finish_delivery(scene.run)


def failed(scene: Scene) -> None:
    running(scene)
    scene.worker.fail(scene.run)


def canceled(scene: Scene) -> None:
    cancel(scene.db, scene.user_id, scene.job["id"])


def draining(scene: Scene) -> None:
    accepted(scene)
    canceled(scene)


def retried(scene: Scene) -> None:
    canceled(scene)
    with scene.db.user(scene.user_id) as user:
        scene.job = user.row("select * from public.retry_ai_job(%s)", scene.job["id"])


State = Callable[[Scene], None]

ENDS_AT_ONCE: tuple[State, ...] = (
    ready,
    queued,
    running,
    held,
    between_stages,
    delivering,
    succeeded,
    failed,
    canceled,
    retried,
)
A_TASK_MAY_LIVE: tuple[State, ...] = (intent, accepted, lost, draining)


def leave(scene: Scene, session: Session | None = None) -> None:
    (session or scene.db.admin).execute("delete from auth.users where id = %s", scene.user_id)


def rows_of(scene: Scene) -> dict[str, int]:
    query = "select count(*) from {table} where user_id = %s"
    return {
        table: scene.db.admin.value(query.format(table=table), scene.user_id) for table in OWNED
    }


@pytest.mark.parametrize("state", ENDS_AT_ONCE + A_TASK_MAY_LIVE)
def test_leaving_works_in_every_state(scene: Scene, state: State) -> None:
    """Deleting the user succeeds, and no row of theirs remains."""
    state(scene)
    leave(scene)
    assert rows_of(scene) == dict.fromkeys(OWNED, 0)
    assert scene.db.admin.value("select count(*) from auth.users where id = %s", scene.user_id) == 0


@pytest.mark.parametrize("state", ENDS_AT_ONCE + A_TASK_MAY_LIVE)
def test_the_ledger_forgets_the_person(scene: Scene, state: State) -> None:
    """Its lines stay without a name, what was reserved is released; the auth server's role can."""
    state(scene)
    before = scene.db.admin.value("select count(*) from public.credit_ledger")
    leave(scene, scene.db.connect("supabase_auth_admin"))
    of_jobs = "select sum(hold) from public.credit_ledger where job_id = %s"
    assert scene.db.admin.value("select count(*) from public.credit_ledger") >= before
    assert scene.db.admin.value(of_jobs, scene.job["id"]) == 0
    assert rows_of(scene) == dict.fromkeys(OWNED, 0)


@pytest.mark.parametrize("state", ENDS_AT_ONCE)
def test_the_slot_goes_to_the_next(scene: Scene, state: State) -> None:
    """With no paid task left, somebody else's waiting job is admitted at once."""
    state(scene)
    other = create_by_server(scene.db, rich_user(scene.db), PREVIEW_ONLY)
    leave(scene)
    if state is queued:  # the slot is another job's
        assert waiting(scene.db, "meshy") == [other["id"]]
    else:
        assert waiting(scene.db, "meshy") == []
    assert slots_taken(scene.db, "meshy") == 1


@pytest.mark.parametrize("state", A_TASK_MAY_LIVE)
def test_the_slot_stays_with_a_paid_task(scene: Scene, state: State) -> None:
    """The provider's task outlives the user: its slot is free when it has really ended."""
    state(scene)
    other = create_by_server(scene.db, rich_user(scene.db), PREVIEW_ONLY)
    leave(scene)
    assert waiting(scene.db, "meshy") == [other["id"]]
    run = scene.run
    begun = scene.worker.begin(scene.job["id"], "PREVIEW")
    if begun["outcome"] != "busy":
        assert begun["outcome"] == "draining"
        run = begun
    assert scene.worker.end_draining(run)["outcome"] == "ok"
    assert waiting(scene.db, "meshy") == []


@pytest.mark.parametrize("state", [running, accepted, delivering])
def test_the_worker_decides_nothing_any_more(scene: Scene, state: State) -> None:
    """Late answers of the worker change nothing and raise nothing."""
    state(scene)
    leave(scene)
    if state is delivering:
        assert scene.worker.finish_delivery(scene.run)["outcome"] == "fenced"
    else:
        assert scene.worker.finish(scene.run)["outcome"] in {"fenced", "over"}
    assert rows_of(scene) == dict.fromkeys(OWNED, 0)
    assert scene.db.admin.value("select count(*) from public.asset_files") == 0


def test_a_task_named_after_its_user_left(scene: Scene) -> None:
    """The id of a paid task is recorded all the same, so that it can be seen to its end."""
    intent(scene)
    leave(scene)
    assert scene.worker.submitted(scene.run, 1, "late")["outcome"] == "ok"
    submission = scene.db.admin.row("select task_id, outcome from meshqueue.submissions")
    assert submission == {"task_id": "late", "outcome": "accepted"}


def test_files_are_listed_for_removal(scene: Scene) -> None:
    """Objects of the user in all buckets are named to the worker, and nobody else's."""
    succeeded(scene)
    other = uuid4()
    insert = "insert into storage.objects (bucket_id, name) values (%s, %s)"
    mine = [
        ("inputs", f"{scene.user_id}/front.png"),
        ("assets", f"{scene.user_id}/models/x/model-1.glb"),
        ("templates", f"{scene.user_id}/models/x/model-1.glb"),
    ]
    for bucket, path in [*mine, ("inputs", f"{other}/front.png")]:
        scene.db.admin.execute(insert, bucket, path)
    delivered = model_file(scene.run)
    leave(scene)
    listed = scene.db.admin.rows("select bucket, path from meshqueue.removals")
    assert sorted((row["bucket"], row["path"]) for row in listed) == sorted(
        [*mine, (delivered["bucket"], delivered["path"])]
    )


def test_a_delivery_that_comes_too_late(scene: Scene) -> None:
    """What a worker uploaded for a user who left is listed for removal."""
    delivering(scene)
    leave(scene)
    scene.worker.finish_delivery(scene.run)
    assert scene.db.admin.values("select path from meshqueue.removals") == [
        model_file(scene.run)["path"]
    ]


def test_by_the_auth_server_a_user_comes(db: Database) -> None:
    """Signing up through the platform's role opens the account, with its welcome."""
    set_setting(db, "signup_credits", 40)
    user_id = uuid4()
    auth = db.connect("supabase_auth_admin")
    auth.execute("insert into auth.users (id, is_anonymous) values (%s, true)", user_id)
    auth.execute("update auth.users set is_anonymous = false where id = %s", user_id)
    query = "select balance from public.credit_accounts where user_id = %s"
    assert db.admin.value(query, user_id) == 40


def test_with_many_jobs_in_many_states(scene: Scene) -> None:
    """One user with a dozen jobs leaves in one statement; the neighbours' turn comes."""
    accepted(scene)
    set_setting(scene.db, "max_in_flight_meshy", 4)
    for _ in range(12):
        create_by_server(scene.db, rich_user(scene.db), PREVIEW_ONLY)
    scene.db.admin.execute("select public.grant_credits(%s, 1000, 'test')", scene.user_id)
    for _ in range(10):
        create_by_server(scene.db, scene.user_id, MESHY_TEXT)
    leave(scene)
    assert rows_of(scene) == dict.fromkeys(OWNED, 0)
    assert slots_taken(scene.db, "meshy") == 4
    assert len(waiting(scene.db, "meshy")) == 12 - 3


def test_leaving_several_at_once(db: Database) -> None:
    """A clean-up of many users in one statement works."""
    users = [rich_user(db, 100) for _ in range(3)]
    for user_id in users:
        create(db, user_id)
    db.admin.execute("delete from auth.users where id = any(%s)", users)
    assert db.admin.value("select count(*) from public.ai_jobs") == 0
    assert slots_taken(db, "meshy") == 0


def test_a_user_who_returns_has_nothing(scene: Scene) -> None:
    """The same id again is a new account."""
    leave(scene)
    scene.db.admin.execute("insert into auth.users (id) values (%s)", scene.user_id)
    with refused("PT402"):
        create(scene.db, scene.user_id)


def test_a_public_asset_goes_with_its_user(scene: Scene) -> None:
    """Published or not: it is the user's."""
    succeeded(scene)
    scene.db.admin.execute("update public.assets set is_public = true where true")
    leave(scene)
    with scene.db.anon() as anon:
        assert anon.rows("select * from public.assets") == []


def test_a_live_job_is_not_just_deleted(scene: Scene) -> None:
    """Hand-written SQL can't lose a job: it has to end first."""
    with refused("PT409") as refusal:
        scene.db.admin.execute("delete from public.ai_jobs where id = %s", scene.job["id"])
    assert refusal.detail == str(scene.job["id"])
    canceled(scene)
    scene.db.admin.execute("delete from public.ai_jobs where id = %s", scene.job["id"])
    assert scene.db.admin.value("select count(*) from public.ai_job_events") == 0
