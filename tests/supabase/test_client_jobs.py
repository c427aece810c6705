"""What an app does with the real client: every call of the API works as it stands in the README."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from supabase import Client

from tests.support.engine import model_file
from tests.support.jobs import MESHY_TEXT, PREVIEW_ONLY, new_worker, rich_user
from tests.support.project import Project

# The same SQL is tested on each Postgres without the client.
pytestmark = pytest.mark.newest_postgres

Row = dict[str, Any]

EMBEDDED = "*, ai_job_events(*), asset_files(*)"


@pytest.fixture
def user_id(project: Project) -> UUID:
    return rich_user(project.db, 1000)


@pytest.fixture
def client(project: Project, user_id: UUID) -> Client:
    return project.user(user_id)


def only(rows: Any) -> Row:
    (row,) = rows
    assert isinstance(row, dict)
    return row


def call(client: Client, name: str, **arguments: Any) -> Row:
    return only(client.rpc(name, arguments).execute().data)


def create(client: Client, request: Row | None = None, **arguments: Any) -> Row:
    request = request or MESHY_TEXT
    return call(client, "create_ai_job_with_credits", request_payload=request, **arguments)


def deliver(project: Project, made: Row) -> None:
    """A PREVIEW_ONLY job, seen to its end by a worker."""
    worker, job_id = new_worker(project.db), UUID(made["id"])
    worker.work(job_id, "PREVIEW")
    run = worker.begin_delivery(job_id)
    assert worker.finish_delivery(run, [model_file(run)]) == {"outcome": "ok"}


def test_create_by_rpc(client: Client, user_id: UUID) -> None:
    """Both RPCs answer with the job's row."""
    short = call(client, "create_ai_job", request_payload=MESHY_TEXT, asset_title="Katana")
    long = create(client, provider="TRIPO", metadata={"project_id": 7})
    assert short["user_id"] == long["user_id"] == str(user_id)
    assert (short["provider"], long["provider"]) == ("MESHY", "TRIPO")
    assert (short["credits_cost"], long["metadata"]) == (35, {"project_id": 7})


def test_create_by_insert(client: Client, user_id: UUID) -> None:
    """A bare insert needs the request only, and answers with the whole row."""
    made = only(client.table("ai_jobs").insert({"request_payload": MESHY_TEXT}).execute().data)
    assert (made["user_id"], made["status"]) == (str(user_id), "QUEUED")
    assert made["stages"] == ["PREVIEW", "REFINE", "REMESH", "DELIVER"]


def test_create_by_insert_without_an_answer(client: Client, user_id: UUID) -> None:
    """`returning=minimal` works as well."""
    row: Row = {"user_id": str(user_id), "request_payload": MESHY_TEXT}
    client.table("ai_jobs").insert(row, returning="minimal").execute()  # type: ignore[arg-type]
    assert len(client.table("ai_jobs").select("*").execute().data) == 1


def test_create_many_by_insert(client: Client) -> None:
    """A list of rows is a list of jobs."""
    rows: list[Any] = [{"request_payload": {"prompt": f"cube {n}"}} for n in range(3)]
    made = client.table("ai_jobs").insert(rows).execute().data
    assert len({str(only([row])["id"]) for row in made}) == 3


def test_everything_of_a_job_at_once(project: Project, client: Client) -> None:
    """A job with its events and files in one select."""
    made = create(client, PREVIEW_ONLY)
    deliver(project, made)
    query = client.table("ai_jobs").select(EMBEDDED).eq("id", made["id"])
    job = only(query.execute().data)
    assert job["status"] == "SUCCEEDED"
    assert [event["status"] for event in job["ai_job_events"]][-1] == "SUCCEEDED"
    assert [file["role"] for file in job["asset_files"]] == ["model"]


def test_everything_of_an_asset_at_once(project: Project, client: Client) -> None:
    """An asset with its files and the jobs that worked on it, and a job with its asset."""
    made = create(client, PREVIEW_ONLY, asset_title="Cube")
    deliver(project, made)
    asset = only(client.table("assets").select("*, asset_files(*), ai_jobs(*)").execute().data)
    assert (asset["title"], len(asset["asset_files"])) == ("Cube", 1)
    assert [job["id"] for job in asset["ai_jobs"]] == [made["id"]]
    job = only(client.table("ai_jobs").select("id, assets(title)").execute().data)
    assert job["assets"] == {"title": "Cube"}


def test_files_of_an_asset(project: Project, client: Client, user_id: UUID) -> None:
    """Bucket and path, for the client to sign."""
    made = create(client, PREVIEW_ONLY)
    deliver(project, made)
    file = call(client, "get_asset_files", asset_id=made["asset_id"])
    assert file["bucket"] == "assets"
    assert file["path"].startswith(f"{user_id}/")


def test_cancel(client: Client) -> None:
    """The job comes back canceled; once more is no error."""
    made = create(client)
    assert call(client, "cancel_ai_job", job_id=made["id"])["status"] == "CANCELED"
    assert call(client, "cancel_ai_job", job_id=made["id"])["status"] == "CANCELED"


def test_retry(client: Client) -> None:
    """A new job comes back, which names the old one."""
    made = create(client)
    call(client, "cancel_ai_job", job_id=made["id"])
    assert call(client, "retry_ai_job", job_id=made["id"])["retry_of"] == made["id"]


def test_read(client: Client) -> None:
    """get_ai_job answers with one object."""
    made = create(client)
    answer: Any = client.rpc("get_ai_job", {"job_id": made["id"]}).execute().data
    assert answer["job"]["id"] == made["id"]
    assert answer.keys() == {"job", "events", "files", "queue_position"}


def test_credits(client: Client) -> None:
    """get_credits answers with the account and its lines."""
    create(client)
    answer: Any = client.rpc("get_credits", {"ledger_limit": 1}).execute().data
    assert (answer["balance"], answer["available"], len(answer["ledger"])) == (1000, 965, 1)


def test_settings_before_signing_in(project: Project) -> None:
    """A price list needs no session."""
    answer: Any = project.anon().rpc("get_public_settings").execute().data
    assert answer["credit_cost_preview"] == 10


def test_repeating_a_create(client: Client) -> None:
    """After a lost answer the same call with the same key gives the same job."""
    first = create(client, idempotency_key="k")
    assert create(client, idempotency_key="k")["id"] == first["id"]


def test_rename_publish_delete(project: Project, client: Client) -> None:
    """An asset's whole life in the hands of its owner."""
    made = create(client, PREVIEW_ONLY)
    deliver(project, made)
    mine = client.table("assets")
    only(mine.update({"title": "New"}).eq("id", made["asset_id"]).execute().data)
    assert call(client, "publish_template", asset_id=made["asset_id"])["title"] == "New"
    call(client, "unpublish_template", asset_id=made["asset_id"])
    assert call(client, "delete_asset", asset_id=made["asset_id"])["id"] == made["asset_id"]


def test_a_server_at_work(project: Project) -> None:
    """The service key grants credits, makes a job for a user, changes settings and cleans up."""
    service, user_id = project.service(), project.db.new_user()
    granted = call(
        service, "grant_credits", user_id=str(user_id), amount=50, reason="sold", reference="1"
    )
    assert granted["balance"] == 50
    row: Row = {"user_id": str(user_id), "request_payload": MESHY_TEXT}
    assert only(service.table("ai_jobs").insert(row).execute().data)["user_id"] == str(user_id)
    setting: Row = {"key": "anything", "value": "https://example.com"}
    service.table("app_settings").upsert(setting).execute()
    assert service.rpc("cleanup_rate_limits", {"retention_minutes": 60}).execute().data == 0
    assert service.rpc("cleanup_job_events", {"retention_days": 30}).execute().data == 0
    assert service.table("ai_job_metrics_daily").select("*").execute().data


def test_rows_of_others_are_invisible(project: Project, client: Client) -> None:
    """Another user's select, by id or without, finds nothing; neither does an embedded one."""
    made = create(client, PREVIEW_ONLY)
    deliver(project, made)
    other = project.user(rich_user(project.db))
    for table in ("ai_jobs", "assets", "asset_files", "ai_job_events", "credit_ledger"):
        rows = other.table(table).select("*").execute().data
        assert made["id"] not in str(rows)
        assert made["user_id"] not in str(rows)
    assert other.table("ai_jobs").select(EMBEDDED).eq("id", made["id"]).execute().data == []
    assert other.rpc("get_asset_files", {"asset_id": made["asset_id"]}).execute().data == []


def test_updates_of_others_change_nothing(project: Project, client: Client) -> None:
    """An update of somebody else's asset finds no row."""
    made = create(client)
    other = project.user(project.db.new_user())
    changed = other.table("assets").update({"title": "Mine"}).eq("id", made["asset_id"]).execute()
    assert changed.data == []


def test_an_upsert_with_a_key(client: Client) -> None:
    """Upserting with ignored duplicates makes the job the first time."""
    row: Row = {"request_payload": MESHY_TEXT, "idempotency_key": str(uuid4())}
    upsert = client.table("ai_jobs").upsert(
        row, on_conflict="user_id,idempotency_key", ignore_duplicates=True
    )
    assert only(upsert.execute().data)["status"] == "QUEUED"
