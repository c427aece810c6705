"""Each refusal reaches an app as it should: HTTP status, code, message, details, hint."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from postgrest.exceptions import APIError

from tests.support.jobs import MESHY_TEXT, rich_user
from tests.support.project import Project, token
from tests.support.rest import Rest, as_anon, as_server, as_user

# The same SQL is tested on each Postgres without the client.
pytestmark = pytest.mark.newest_postgres

CREATE = "create_ai_job_with_credits"


@dataclass(frozen=True)
class Caller:
    project: Project
    user_id: UUID
    rest: Rest


@pytest.fixture
def caller(project: Project) -> Caller:
    user_id = rich_user(project.db, 1000)
    return Caller(project, user_id, as_user(project, user_id))


def create(caller: Caller, **arguments: Any) -> Any:
    answer = caller.rest.rpc(CREATE, **{"request_payload": MESHY_TEXT, **arguments})
    assert answer.status_code == 200, answer.text
    return answer.json()[0]


def told(answer: httpx.Response) -> tuple[int, str, Any]:
    """Status, code and details; message and hint are there."""
    body = answer.json()
    assert body["message"]
    assert body["hint"]
    return answer.status_code, body["code"], body["details"]


def wrong_field(caller: Caller) -> httpx.Response:
    request = {"prompt": "x", "remesh": {"target_polycount": 1}}
    return caller.rest.rpc(CREATE, request_payload=request)


def wrong_field_by_insert(caller: Caller) -> httpx.Response:
    return caller.rest.insert("ai_jobs", {"request_payload": {"prompt": ""}})


def wrong_field_in_bulk(caller: Caller) -> httpx.Response:
    rows = [{"request_payload": MESHY_TEXT}, {"request_payload": {"prompt": ""}}]
    return caller.rest.insert("ai_jobs", rows)


def another_user(caller: Caller) -> httpx.Response:
    row = {"user_id": str(uuid4()), "request_payload": MESHY_TEXT}
    return caller.rest.insert("ai_jobs", row)


def another_users_image(caller: Caller) -> httpx.Response:
    request = {"images": [{"path": f"{uuid4()}/front.png"}]}
    return caller.rest.rpc(CREATE, request_payload=request)


def no_such_job(caller: Caller) -> httpx.Response:
    return caller.rest.rpc("cancel_ai_job", job_id=str(uuid4()))


def no_such_job_to_read(caller: Caller) -> httpx.Response:
    return caller.rest.rpc("get_ai_job", job_id=str(uuid4()))


def no_such_asset(caller: Caller) -> httpx.Response:
    return caller.rest.rpc("delete_asset", asset_id=str(uuid4()))


def paused(caller: Caller) -> httpx.Response:
    caller.project.db.admin.execute("select meshqueue.pause_provider('TRIPO')")
    try:
        return caller.rest.rpc(CREATE, request_payload={"prompt": "x", "provider": "TRIPO"})
    finally:
        caller.project.db.admin.execute("select meshqueue.resume_provider('TRIPO')")


def no_user(caller: Caller) -> httpx.Response:
    return Rest(caller.project, token("authenticated")).rpc("get_credits")


@pytest.mark.parametrize(
    ("refuse", "status", "code", "details"),
    [
        (wrong_field, 400, "PT400", "remesh.target_polycount"),
        (wrong_field_by_insert, 400, "PT400", "prompt"),
        (wrong_field_in_bulk, 400, "PT400", "prompt"),
        (no_user, 401, "PT401", None),
        (another_user, 403, "PT403", "user_id"),
        (another_users_image, 403, "PT403", "images[0].path"),
        (no_such_job, 404, "PT404", "job_id"),
        (no_such_job_to_read, 404, "PT404", "job_id"),
        (no_such_asset, 404, "PT404", "asset_id"),
        (paused, 503, "PT503", "TRIPO"),
    ],
)
def test_a_refusal(
    caller: Caller,
    refuse: Callable[[Caller], httpx.Response],
    status: int,
    code: str,
    details: str | None,
) -> None:
    """Status and code agree, details name the field, and no job was made."""
    assert told(refuse(caller)) == (status, code, details)
    assert caller.rest.send("GET", "ai_jobs").json() == []


def test_not_enough_credits(project: Project) -> None:
    """402 with what is needed and what there is, by RPC and by insert."""
    rest = as_user(project, rich_user(project.db, 12))
    for answer in (
        rest.rpc(CREATE, request_payload=MESHY_TEXT),
        rest.insert("ai_jobs", {"request_payload": MESHY_TEXT}),
    ):
        status, code, details = told(answer)
        assert (status, code) == (402, "PT402")
        assert json.loads(details) == {"needed": 35, "available": 12}


def test_a_clash_of_keys(caller: Caller) -> None:
    """409 with the job's id: for another request, and for any repeat by insert or upsert."""
    made = create(caller, idempotency_key="k")
    row = {"request_payload": MESHY_TEXT, "idempotency_key": "k"}
    ignoring = Rest(caller.project, caller.rest.token, {"prefer": "resolution=ignore-duplicates"})
    for answer in (
        caller.rest.rpc(CREATE, request_payload={"prompt": "x"}, idempotency_key="k"),
        caller.rest.insert("ai_jobs", row),
        ignoring.insert("ai_jobs?on_conflict=user_id,idempotency_key", row),
    ):
        assert told(answer) == (409, "PT409", made["id"])


def test_an_upsert_that_would_change(caller: Caller) -> None:
    """403: a client may not update a job, so an upsert that merges is refused."""
    merging = Rest(caller.project, caller.rest.token, {"prefer": "resolution=merge-duplicates"})
    row = {"request_payload": MESHY_TEXT, "idempotency_key": "k"}
    answer = merging.insert("ai_jobs?on_conflict=user_id,idempotency_key", row)
    assert (answer.status_code, answer.json()["code"]) == (403, "42501")


def test_what_is_over_is_not_canceled(caller: Caller) -> None:
    """409 with the job's id."""
    made = create(caller)
    query = "update public.ai_jobs set status = 'FAILED' where id = %s"
    caller.project.db.admin.execute(query, made["id"])
    answer = caller.rest.rpc("cancel_ai_job", job_id=made["id"])
    assert told(answer) == (409, "PT409", made["id"])


def test_what_lives_is_not_retried(caller: Caller) -> None:
    """409 with the job's id."""
    made = create(caller)
    assert told(caller.rest.rpc("retry_ai_job", job_id=made["id"])) == (409, "PT409", made["id"])


def test_too_many(caller: Caller) -> None:
    """429 with the limit and when to come back."""
    for _ in range(5):
        create(caller)
    status, code, details = told(caller.rest.rpc(CREATE, request_payload=MESHY_TEXT))
    assert (status, code) == (429, "PT429")
    assert json.loads(details)["limit"] == 5
    assert 0 < json.loads(details)["retry_after"] <= 60


@pytest.mark.parametrize("name", ["cancel_ai_job", "get_ai_job"])
def test_a_busy_database(caller: Caller, name: str) -> None:
    """503 within seconds, and try again: never an internal error."""
    made = create(caller)
    caller.rest.rpc("get_ai_job", job_id=made["id"])
    admin = caller.project.db.admin
    with admin.connection.transaction():
        for table in ("public.credit_accounts", "meshqueue.rates"):
            query = f"select from {table} where user_id = %s for update"
            admin.execute(query, caller.user_id)
        status, code, details = told(caller.rest.rpc(name, job_id=made["id"]))
    assert (status, code, json.loads(details)) == (503, "PT503", {"retry_after": 2})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"rpc/{CREATE}", {"request_payload": MESHY_TEXT}),
        ("POST", "rpc/create_ai_job", {"request_payload": MESHY_TEXT}),
        ("POST", "rpc/cancel_ai_job", {"job_id": str(uuid4())}),
        ("POST", "rpc/get_credits", {}),
        ("POST", "ai_jobs", {"request_payload": MESHY_TEXT}),
        ("GET", "ai_jobs", None),
        ("GET", "credit_accounts", None),
        ("GET", "app_settings", None),
        ("PATCH", "assets", {"title": "x"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_signing_in(project: Project, method: str, path: str, body: Any) -> None:
    """401, before anything is looked at."""
    answer = as_anon(project).send(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "42501")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rpc/grant_credits", {"user_id": str(UUID(int=1)), "amount": 5, "reason": "x"}),
        ("rpc/cleanup_rate_limits", {"retention_minutes": 1}),
        ("app_settings", {"key": "signup_credits", "value": "9"}),
        ("credit_accounts", {"balance": 9}),
        ("ai_jobs", {"request_payload": MESHY_TEXT, "status": "SUCCEEDED"}),
        ("ai_jobs", {"request_payload": MESHY_TEXT, "credits_cost": 0}),
        ("asset_files", {"role": "model"}),
        ("ai_job_events", {"stage": "PREVIEW"}),
    ],
    ids=str,
)
def test_what_a_user_may_not(caller: Caller, path: str, body: Any) -> None:
    """403 for what is for servers or for the engine."""
    answer = caller.rest.send("POST", path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "42501")


@pytest.mark.parametrize("path", ["rpc/begin_stage", "rpc/grant_to", "runs", "procrastinate_jobs"])
def test_the_engine_is_not_exposed(project: Project, path: str) -> None:
    """404 even for the service key: only the schema public is served."""
    assert as_server(project).send("POST", path, json={}).status_code == 404


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({}, 404),
        ({"request_payload": MESHY_TEXT, "surprise": 1}, 404),
        ({"request_payload": MESHY_TEXT, "provider": "UNKNOWN"}, 400),
        ({"request_payload": MESHY_TEXT, "asset_id": "no uuid"}, 400),
        ({"request_payload": MESHY_TEXT, "create_asset": "perhaps"}, 400),
        ({"request_payload": {"prompt": "a\u0000b"}}, 400),
        ({"request_payload": "text"}, 400),
        ({"request_payload": None}, 400),
        ({"request_payload": [MESHY_TEXT]}, 400),
    ],
    ids=str,
)
def test_wrong_arguments(caller: Caller, arguments: Any, status: int) -> None:
    """4xx, never a 500."""
    assert caller.rest.rpc(CREATE, **arguments).status_code == status


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cancel_ai_job", {"job_id": "no uuid"}),
        ("get_ai_job", {"job_id": 7}),
        ("get_credits", {"ledger_limit": "many"}),
        ("rotate_webhook_secret", {"provider": "UNKNOWN"}),
    ],
)
def test_arguments_of_a_wrong_type(caller: Caller, name: str, arguments: Any) -> None:
    """400 with Postgres's own words."""
    assert caller.rest.rpc(name, **arguments).status_code == 400


def test_a_body_nested_without_end(caller: Caller) -> None:
    """Refused by size or depth, never a 500."""
    nested = "[" * 20_000 + "]" * 20_000
    body = f'{{"request_payload": {{"prompt": {nested}}}}}'
    headers = {"content-type": "application/json"}
    rest = Rest(caller.project, caller.rest.token, headers)
    answer = rest.send("POST", f"rpc/{CREATE}", content=body)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "call",
    [
        'create_ai_job?request_payload={{"prompt":"x"}}',
        "cancel_ai_job?job_id={id}",
        "retry_ai_job?job_id={id}",
        "get_ai_job?job_id={id}",
        "delete_asset?asset_id={asset_id}",
        "publish_template?asset_id={asset_id}",
        "rotate_webhook_secret?provider=MESHY",
    ],
)
def test_a_link_changes_nothing(caller: Caller, call: str) -> None:
    """405: what writes is called by POST, so that no link and no prefetch can do it."""
    made = create(caller)
    assert caller.rest.send("GET", f"rpc/{call.format(**made)}").status_code == 405


@pytest.mark.parametrize("call", ["get_credits", "get_public_settings"])
def test_what_only_reads(caller: Caller, call: str) -> None:
    """Reading works by GET as well."""
    assert caller.rest.send("GET", f"rpc/{call}").status_code == 200


def test_the_client_raises_what_was_said(project: Project) -> None:
    """The real client's error carries code, message, details and hint."""
    client = project.user(project.db.new_user())
    with pytest.raises(APIError) as caught:
        client.rpc("create_ai_job", {"request_payload": MESHY_TEXT}).execute()
    error = caught.value
    assert (error.code, json.loads(error.details or "")["needed"]) == ("PT402", 35)
    assert "not enough credits" in (error.message or "")
    assert error.hint
