"""What the worker's own calls make of the engine's answers about objects."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import MESHY_KEY, model_file
from tests.support.jobs import new_worker, rich_user
from tests.support.objects import come_due
from worker.database.connection import new_pool
from worker.database.engine import Engine
from worker.database.records import FileToShow, NotBegun, Run, StoredObject


@pytest.fixture
async def engine(db: Database) -> AsyncIterator[Engine]:
    """Of a worker that lives."""
    pool = new_pool(db.url())
    await pool.open()
    try:
        engine = Engine(pool, uuid4())
        await engine.heartbeat({"MESHY": MESHY_KEY}, {})
        yield engine
    finally:
        await pool.close()


async def delivering(db: Database, engine: Engine, user: UUID | None = None) -> Run:
    job = jobs.create(db, user or rich_user(db), jobs.PREVIEW_ONLY)
    new_worker(db).work(job["id"], "PREVIEW")
    run = await engine.begin(job["id"], "DELIVER")
    assert isinstance(run, Run)
    return run


def model_of(run: Run) -> StoredObject:
    return StoredObject("assets", f"{run.user_id}/models/{run.job_id}/model-0.glb")


def row_of(run: Run) -> dict[str, object]:
    return model_file({"user_id": run.user_id, "job_id": run.job_id})


async def test_a_run_brings_the_settings(db: Database, engine: Engine) -> None:
    """As values of their types; an ordinary delivery is no probe."""
    run = await delivering(db, engine)
    assert run.settings["keep_original_days"] == 30
    assert run.settings["moderation"] is True
    assert run.probe is False


async def test_an_object_from_its_intent_to_its_end(db: Database, engine: Engine) -> None:
    """Intended, delivered, deleted, claimed and gone."""
    run = await delivering(db, engine)
    assert await engine.intend_objects(run, [model_of(run)]) == "ok"
    assert await engine.finish_delivery(run, [row_of(run)], {}, {}) == "ok"
    assert await engine.intend_objects(run, [model_of(run)]) == "fenced"
    db.admin.execute("delete from public.asset_files")
    come_due(db)
    claimed = await engine.claim_removals()
    assert claimed == (model_of(run),)
    assert await engine.not_removed(claimed, "no answer") == 0
    come_due(db)
    assert await engine.removed(await engine.claim_removals()) == 0
    assert await engine.claim_removals() == ()


async def test_links_in_place_of_files(db: Database, engine: Engine) -> None:
    """What is not stored is handed over as it lies with the provider."""
    user = rich_user(db)
    job = jobs.create(db, user, {**jobs.PREVIEW_ONLY, "store_assets": False})
    new_worker(db).work(job["id"], "PREVIEW")
    run = await engine.begin(job["id"], "DELIVER")
    assert isinstance(run, Run)
    link = {"role": "model", "format": "glb", "url": "https://p/m.glb", "expires_at": "2030"}
    assert await engine.finish_delivery(run, [], {}, {}, [link]) == "ok"
    assert jobs.job(db, job["id"])["result_payload"]["files"] == [link]


async def test_a_publication(db: Database, engine: Engine) -> None:
    """What is to be copied where, and that it is done once."""
    run = await delivering(db, engine)
    await engine.finish_delivery(run, [row_of(run)], {}, {})
    assert run.asset_id is not None
    assert await engine.begin_publication(run.asset_id) is None
    db.admin.execute("select public.publish_template(%s)", run.asset_id)
    publication = await engine.begin_publication(run.asset_id)
    assert publication is not None
    model = model_of(run)
    shown = FileToShow("assets", model.path, "model", "glb", "model/gltf-binary")
    assert (publication.wanted, publication.user_id) == (True, run.user_id)
    assert publication.files == (shown,)
    assert publication.copies == (StoredObject("templates", model.path),)
    finished = [
        await engine.finish_publication(publication, {"mesh_url": "https://x"}, publication.copies)
        for _ in range(2)
    ]
    assert finished == ["ok", "ok"]


async def test_full_storage(db: Database, engine: Engine) -> None:
    """Deliveries wait from one call to the other."""
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    new_worker(db).work(job["id"], "PREVIEW")
    assert await engine.pause_deliveries("quota", {"status": 402})
    assert await engine.begin(job["id"], "DELIVER") == NotBegun("storage_full")
    assert (await engine.health())["deliveries_paused"]["reason"] == "quota"
    assert await engine.resume_deliveries()
    assert isinstance(await engine.begin(job["id"], "DELIVER"), Run)
