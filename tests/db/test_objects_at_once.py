"""Uploads, removals and publications at the same moment: a row never loses its object."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import Random
from threading import Lock
from typing import Any
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker, model_file
from tests.support.jobs import new_worker, rich_user
from tests.support.objects import come_due, intents, listed, removable
from tests.support.session import Session


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@contextmanager
def open_transaction(session: Session) -> Iterator[None]:
    with session.connection.transaction():
        yield


def delivering(db: Database, worker: Worker, user: UUID) -> Answer:
    job = jobs.create_by_server(db, user, jobs.PREVIEW_ONLY)
    worker.work(job["id"], "PREVIEW")
    return worker.begin_delivery(job["id"])


def due_for_removal(db: Database, worker: Worker, user: UUID) -> Answer:
    """An object that a canceled delivery left, at a path that others want too."""
    run = delivering(db, worker, user)
    file = model_file(run, path=f"{user}/models/same.glb")
    worker.intend(run, file)
    jobs.set_status(db, run["job_id"], "CANCELED")
    come_due(db)
    return file


def blocked(
    db: Database, threads: ThreadPoolExecutor, session: Session, call: partial[Any]
) -> Future[Any]:
    attempt = threads.submit(call)
    db.wait_until_blocked(session)
    return attempt


def test_an_intent_behind_a_claim(db: Database, background: ThreadPoolExecutor) -> None:
    """Who wants what is just being claimed waits for the claim, and then for the removal."""
    worker, sweeper, user = new_worker(db), new_worker(db), rich_user(db)
    file = due_for_removal(db, worker, user)
    run = delivering(db, worker, user)
    with open_transaction(sweeper.session):
        assert len(sweeper.claim_removals()) == 1
        late = blocked(db, background, worker.session, partial(worker.intend, run, file))
    assert late.result() == "busy"
    assert intents(db.admin) == []


def test_an_intent_behind_a_claim_that_is_undone(
    db: Database, background: ThreadPoolExecutor
) -> None:
    """A claim that was rolled back bars nobody."""
    worker, sweeper, user = new_worker(db), new_worker(db), rich_user(db)
    file = due_for_removal(db, worker, user)
    run = delivering(db, worker, user)
    with sweeper.session.connection.transaction(force_rollback=True):
        sweeper.claim_removals()
        late = blocked(db, background, worker.session, partial(worker.intend, run, file))
    assert late.result() == "ok"
    assert sweeper.claim_removals() == []


def test_a_claim_beside_an_intent(db: Database) -> None:
    """What somebody is just intending is passed over, without waiting, and dropped later."""
    worker, sweeper, user = new_worker(db), new_worker(db), rich_user(db)
    file = due_for_removal(db, worker, user)
    run = delivering(db, worker, user)
    with open_transaction(worker.session):
        assert worker.intend(run, file) == "ok"
        assert sweeper.claim_removals() == []
    assert len(listed(db.admin)) == 1
    assert sweeper.claim_removals() == []
    assert listed(db.admin) == []


def test_a_claim_beside_a_finish(db: Database) -> None:
    """While an intent turns into a row its object is never taken for nobody's."""
    worker, sweeper, user = new_worker(db), new_worker(db), rich_user(db)
    file = due_for_removal(db, worker, user)
    run = delivering(db, worker, user)
    worker.intend(run, file)
    with open_transaction(worker.session):
        assert worker.finish_delivery(run, [file]) == {"outcome": "ok"}
        assert sweeper.claim_removals() == []
    assert sweeper.claim_removals() == []


def test_two_claims_at_once(db: Database) -> None:
    """A second sweeper takes what the first has not, and waits for nothing."""
    worker, first, second = new_worker(db), new_worker(db), new_worker(db)
    user = rich_user(db)
    due_for_removal(db, worker, user)
    due_for_removal(db, worker, rich_user(db))
    with open_transaction(first.session):
        assert len(first.claim_removals(1)) == 1
        assert len(second.claim_removals()) == 1
        assert second.claim_removals() == []


def test_two_rows_of_one_object_go_at_once(db: Database, background: ThreadPoolExecutor) -> None:
    """Neither deletion leaves the object to the other."""
    worker, user, other = new_worker(db), rich_user(db), db.postgres()
    runs = [delivering(db, worker, user) for _ in range(2)]
    shared = model_file(runs[0])
    for run in runs:
        worker.finish_delivery(run, [shared])
    delete = "delete from public.asset_files where job_id = %s"
    with open_transaction(worker.session):
        worker.session.execute(delete, runs[0]["job_id"])
        late = blocked(db, background, other, partial(other.execute, delete, runs[1]["job_id"]))
    late.result()
    assert removable(db) == [f"assets {shared['path']}"]


def test_a_report_beside_a_new_listing(db: Database) -> None:
    """A removal that is listed anew while it is reported stays listed, and is told again."""
    worker, sweeper, user = new_worker(db), new_worker(db), rich_user(db)
    file = due_for_removal(db, worker, user)
    sweeper.claim_removals()
    run = delivering(db, worker, user)
    jobs.set_status(db, run["job_id"], "CANCELED")
    with open_transaction(worker.session):
        worker.finish_delivery(run, [file])
        assert sweeper.removed(file) == 1
        assert sweeper.not_removed(file) == 1
    assert worker.intend(delivering(db, worker, user), file) == "busy"
    assert sweeper.removed(file) == 0
    assert worker.intend(delivering(db, worker, user), file) == "ok"
    assert listed(db.admin) == [f"assets {file['path']}"]


def test_a_wish_beside_its_fulfilment(db: Database, background: ThreadPoolExecutor) -> None:
    """A publication that waited for the owner's new wish does not show the asset any more."""
    worker, user, client = new_worker(db), rich_user(db), db.postgres()
    run = delivering(db, worker, user)
    worker.finish_delivery(run)
    asset = UUID(run["asset_id"])
    client.execute("select public.publish_template(%s)", asset)
    begun = worker.begin_publication(asset)
    assert begun is not None
    with open_transaction(client):
        client.execute("select public.unpublish_template(%s)", asset)
        finish = partial(worker.finish_publication, begun, {}, begun["copies"])
        late = blocked(db, background, worker.session, finish)
    assert late.result() == "outdated"
    assert db.admin.value("select is_public from public.assets") is False


class Bucket:
    """The storage itself: it knows no transaction."""

    def __init__(self) -> None:
        self.objects: set[str] = set()
        self.lock = Lock()

    def put(self, path: str) -> None:
        with self.lock:
            self.objects.add(path)

    def remove(self, path: str) -> None:
        with self.lock:
            self.objects.discard(path)


def deliver_and_delete(db: Database, bucket: Bucket, user: UUID, chance: Random) -> None:
    """Delivers to one of two paths, finishes, cancels or dies, and deletes assets of its own."""
    worker = new_worker(db)
    for _ in range(12):
        run = delivering(db, worker, user)
        file = model_file(run, path=f"{user}/models/{chance.randrange(2)}.glb")
        while worker.intend(run, file) == "busy":
            sweep(bucket, worker)
        if chance.random() < 0.8:
            bucket.put(file["path"])
        else:
            jobs.set_status(db, run["job_id"], "CANCELED")
            continue
        if chance.random() < 0.3:
            jobs.set_status(db, run["job_id"], "CANCELED")
        else:
            assert worker.finish_delivery(run, [file]) == {"outcome": "ok"}
        if chance.random() < 0.7:
            worker.session.execute("select public.delete_asset(%s)", run["asset_id"])
        sweep(bucket, worker)


def sweep(bucket: Bucket, worker: Worker) -> None:
    """As upkeep does; nobody here uploads late, so that everything may go at once."""
    worker.session.execute("update meshqueue.removals set due_at = now() where due_at > now()")
    for file in worker.claim_removals():
        bucket.remove(file["path"])
        while worker.removed(file):
            """Somebody just lists it anew."""


def test_a_storm(db: Database, background: ThreadPoolExecutor) -> None:
    """Workers that upload, finish, cancel, delete and remove the same paths lose nothing."""
    jobs.set_setting(db, "max_in_flight_meshy", 100)
    bucket, user = Bucket(), rich_user(db)
    storm = partial(deliver_and_delete, db, bucket, user)
    list(background.map(storm, [Random(number) for number in range(4)]))  # noqa: S311 - no secret
    for _ in range(2):
        sweep(bucket, new_worker(db))
    assert set(db.admin.values("select path from public.asset_files")) == bucket.objects
    assert listed(db.admin) == []
