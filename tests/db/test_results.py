"""What a job's owner is told of its result, and a worker of the settings."""

from uuid import UUID

import psycopg
import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker, model_file
from tests.support.jobs import Row, new_worker, rich_user

UNSTORED = {**jobs.PREVIEW_ONLY, "store_assets": False}
LINKS: list[Answer] = [
    {"role": "model", "format": "glb", "url": "https://p/m.glb", "expires_at": "2030-01-01"},
    {"role": "thumbnail", "format": "png", "url": "https://p/t.png", "expires_at": None},
]


def delivering(db: Database, worker: Worker, request: Row | None = None) -> Answer:
    job = jobs.create(db, rich_user(db), request or jobs.PREVIEW_ONLY)
    worker.work(job["id"], "PREVIEW")
    return worker.begin_delivery(job["id"])


def result(db: Database, run: Answer) -> Answer:
    payload = jobs.job(db, run["job_id"])["result_payload"]
    assert isinstance(payload, dict)
    return payload


def test_what_a_client_needs_and_no_more(db: Database) -> None:
    """Files, sizes, triangles, seconds of each stage and the provider's price; nothing else."""
    worker = new_worker(db)
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    first = worker.begin(job["id"], "PREVIEW")
    worker.submit(first)
    worker.finish(first, provider_credits=20)
    run = worker.begin_delivery(job["id"])
    report = {"bytes_before": 9000, "bytes_after": 1000, "host": "10.0.0.7", "files": []}
    worker.finish_delivery(run, report=report)
    assert result(db, run) == {
        "files": [
            {
                "role": "model",
                "format": "glb",
                "bucket": "assets",
                "path": model_file(run)["path"],
                "bytes": 1000,
            }
        ],
        "bytes_before": 9000,
        "bytes_after": 1000,
        "triangles": 12,
        "seconds": {"PREVIEW": 0, "DELIVER": 0},
        "provider_credits": 20,
    }


def test_triangles_as_they_were_counted(db: Database) -> None:
    """What the worker counted comes before what a file's row says."""
    worker = new_worker(db)
    run = delivering(db, worker)
    worker.finish_delivery(run, report={"triangles": 7})
    assert result(db, run)["triangles"] == 7


def test_notes_go_into_the_history(db: Database) -> None:
    """Why a model was left as it was stands in the job's last event, not in its result."""
    worker = new_worker(db)
    run = delivering(db, worker)
    worker.finish_delivery(run, report={"notes": {"unoptimised": "out_of_memory"}})
    query = "select status, payload from public.ai_job_events order by id desc limit 1"
    assert db.admin.row(query) == {
        "status": "SUCCEEDED",
        "payload": {"unoptimised": "out_of_memory"},
    }
    assert "notes" not in result(db, run)


def test_what_is_not_stored(db: Database) -> None:
    """The owner sees the provider's links and when they end; no row, no URL, no object."""
    worker = new_worker(db)
    run = delivering(db, worker, UNSTORED)
    assert worker.finish_delivery(run, [], links=LINKS) == {"outcome": "ok"}
    assert result(db, run)["files"] == [
        LINKS[0],
        {key: value for key, value in LINKS[1].items() if value is not None},
    ]
    assert db.admin.rows("select * from public.asset_files") == []
    assert db.admin.values("select mesh_url from public.assets") == [None]
    assert jobs.ledger(db, UUID(run["job_id"]))[-1] == ("settle", -10, -10)


def test_links_are_the_owners_alone(db: Database) -> None:
    """Nobody else reads a job's result, whatever becomes of its asset."""
    worker = new_worker(db)
    run = delivering(db, worker, UNSTORED)
    worker.finish_delivery(run, [], links=LINKS)
    db.admin.execute("update public.assets set is_public = true")
    with db.user(db.new_user()) as stranger:
        assert stranger.rows("select result_payload from public.ai_jobs") == []
        (asset,) = stranger.rows("select * from public.assets")
    assert not any(value for key, value in asset.items() if key.endswith("_url"))


def test_stored_and_not_stored_are_not_mixed_up(db: Database) -> None:
    """Files of a job that asked for none, or links of one that did not, undo the delivery."""
    worker = new_worker(db)
    unstored, stored = delivering(db, worker, UNSTORED), delivering(db, worker)
    for run, files in ((unstored, [model_file(unstored)]), (stored, [])):
        links = [] if files else LINKS
        with pytest.raises(psycopg.errors.CheckViolation):
            worker.finish_delivery(run, files, links=links)
        assert jobs.job(db, run["job_id"])["status"] == "IN_PROGRESS"


def test_settings_come_with_every_stage(db: Database) -> None:
    """Typed, and as they are at that moment."""
    worker = new_worker(db)
    job = jobs.create(db, rich_user(db))
    assert worker.begin(job["id"], "PREVIEW")["settings"] == {
        "moderation": True,
        "optimise_preset": "balanced",
        "keep_original_days": 30,
        "deliver_best": True,
    }
    jobs.set_setting(db, "moderation", "false")
    jobs.set_setting(db, "keep_original_days", 0)
    run = delivering(db, worker)
    assert (run["settings"]["moderation"], run["settings"]["keep_original_days"]) == (False, 0)
    assert list(run["finished"]) == ["PREVIEW"]
