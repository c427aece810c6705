"""Every fault is told with its step and the way out, in one message and without a traceback."""

from uuid import UUID

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tests.smoke.place import EMAIL, Place, Told
from tests.support import jobs
from tests.support.jobs import set_setting
from tests.support.project import token
from tests.support.storage_server import Answer
from worker.simulator import Fault, Rule

pytestmark = pytest.mark.newest_postgres


def ended(told: Told, *words: str) -> None:
    assert told.code == 2, told.lines
    assert told.error.startswith("error: ")
    assert "Traceback" not in told.error
    for word in words:
        assert word in told.error


async def test_nobody_has_this_address(place: Place) -> None:
    """An unknown e-mail is said, and no user is made for it."""
    ended(await place.walk("nobody@example.com"), "user: ", "not found", "Add user")
    assert place.house.db.admin.rows("select from auth.users where email like 'nobody%'") == []


async def test_a_user_without_credits(place: Place, user: UUID) -> None:
    """What is missing, and the command that gives it."""
    with place.house.db.service() as service:
        service.execute("select from grant_credits(%s, -95, 'test')", user)
    told = await place.walk()
    ended(told, "job: This costs 10 credits, and you have 5.", f"credits grant {EMAIL} 10 ")
    assert place.auth.sessions == {}


@pytest.mark.parametrize("key", [token("anon"), "sb_secret_of_another_project", "eyJhbGciOi.x.y"])
async def test_a_wrong_key(place: Place, user: UUID, key: str) -> None:
    """It is the key that is named, and not shown."""
    del user
    told = await place.walk(SUPABASE_SERVICE_ROLE_KEY=key)
    ended(told, "SUPABASE_SERVICE_ROLE_KEY is not the secret key")
    assert key not in told.error


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://nowhere.invalid"])
async def test_a_project_that_does_not_answer(place: Place, url: str) -> None:
    """Its address is said, with what may be the cause."""
    ended(await place.walk(SUPABASE_URL=url), "project: no answer from", url, "awake")


async def test_no_project_at_all(place: Place) -> None:
    """Without the two variables nothing is tried; `make` is named for those without a project."""
    ended(await place.walk(SUPABASE_URL=""), "SUPABASE_URL is not set", "meshqueue make")


async def test_a_project_that_was_not_migrated(place: Place, user: UUID) -> None:
    """A missing function leads to `meshqueue migrate`."""
    del user
    admin = place.house.db.admin
    admin.execute("drop function public.get_public_settings(); notify pgrst, 'reload schema'")
    told = await place.walk()
    ended(told, "project: ", "meshqueue migrate")


async def test_a_paused_provider(place: Place, user: UUID) -> None:
    """The refusal's own hint, and where to look."""
    del user
    pause = "insert into meshqueue.pauses (provider, fingerprint, reason) values ('MESHY', '*', %s)"
    place.house.db.admin.execute(pause, "operator")
    told = await place.walk()
    assert told.says("provider")[0] == "Meshy: paused"
    ended(told, "job: ", "PT503", "meshqueue doctor")


async def test_too_many_jobs(place: Place, user: UUID) -> None:
    """The user's own limit is named as what it is."""
    del user
    set_setting(place.house.db, "rate_job_create_per_minute", 0)
    ended(await place.walk(), "job: ", "rate_job_create_per_minute")


async def test_a_job_that_fails(place: Place, user: UUID) -> None:
    """Its reason, where to see more, and that nothing was charged."""
    place.house.simulator.script(Rule(Fault.TASK_FAILED, provider="meshy", times=None))
    async with place.house.working():
        told = await place.walk()
    job = place.house.db.admin.row("select id, status from public.ai_jobs")
    ended(told, "work: ", f"meshqueue jobs show {job['id']}")
    assert job["status"] == "FAILED"
    assert jobs.account(place.house.db, user) == (100, 0)


async def test_a_storage_that_lets_nobody_in(place: Place, user: UUID) -> None:
    """A link that can't be signed is a fault of the step that asked for it."""
    del user
    place.house.storage.script("sign", *[Answer(403, "AccessDenied", "no")] * 20)
    async with place.house.working():
        told = await place.walk()
    ended(told, "files: ", "policies", "meshqueue doctor")


async def test_a_place_that_cannot_be_written(place: Place, user: UUID) -> None:
    """The model is not lost: the message says where it lies."""
    del user
    async with place.house.working():
        told = await place.walk(EMAIL, "-o", "no/such/folder.glb")
    ended(told, "download: ", "no/such/folder.glb", "Storage all the same")


ODD: dict[str, tuple[str, Response, str]] = {
    "a link without its hash": ("/admin/generate_link", JSONResponse({"id": "x"}), "hashed_token"),
    "a list": ("/admin/generate_link", JSONResponse([]), "hashed_token"),
    "no JSON": ("/verify", PlainTextResponse("<html>", 502), "HTTP 502"),
    "a session of nobody": (
        "/verify",
        JSONResponse({"access_token": "a"}),
        "none that can be understood",
    ),
    "an old refusal": (
        "/admin/generate_link",
        JSONResponse({"code": 404, "msg": "User with this email not found"}, 404),
        "Add user",
    ),
}


@pytest.mark.parametrize("case", ODD)
async def test_odd_answers_of_auth(place: Place, user: UUID, case: str) -> None:
    """Whatever Auth says, it is one message that names the step."""
    del user
    path, answer, words = ODD[case]
    place.auth.worded[path] = answer
    ended(await place.walk(), words)


async def test_a_link_that_is_wrapped(place: Place, user: UUID) -> None:
    """Both shapes in which the hash has been told are understood."""
    token_hash = "h" * 56
    place.auth.links[token_hash] = user
    place.auth.worded["/admin/generate_link"] = JSONResponse(
        {"properties": {"hashed_token": token_hash}, "user": {"id": str(user)}}
    )
    told = await place.walk(EMAIL, "--minutes", "0.02")
    assert told.says("user") == [f"{EMAIL} is {user}"]
