"""`meshqueue smoke` against the real PostgREST, policies and worker; Auth is a stand-in."""

from uuid import UUID

import pytest

from tests.docs.pages import in_language
from tests.smoke.place import EMAIL, Place
from tests.support import jobs
from tests.support.storage_server import SECRET_KEY

pytestmark = pytest.mark.newest_postgres


async def test_the_whole_walk(place: Place, user: UUID) -> None:
    """From an e-mail address to a GLB on the disk, each step shown, and what it cost."""
    async with place.house.working():
        told = await place.walk()
    assert told.code == 0, told.error
    assert told.says("provider") == ["Meshy: ready", "Tripo: ready"]
    assert told.says("user") == [f"{EMAIL} is {user}"]
    assert told.says("credits") == ["100 available, 0 reserved"]
    assert "PREVIEW → DELIVER; 10 credits are reserved" in told.says("job")[0]
    assert told.says("work")[-1] == "SUCCEEDED, 100 %"
    assert any(text.startswith("model, glb, ") for text in told.says("file"))
    assert told.says("cost") == ["10 credits of the user and 20 of Meshy's; 90 left"]
    assert (place.folder / "smoke.glb").read_bytes()[:4] == b"glTF"
    assert words(told.lines) == words(readme())


def readme() -> list[str]:
    """What the README shows of a walk."""
    (shown,) = (block.text for block in in_language("text") if "told by" in block.text)
    return shown.splitlines()


def words(lines: list[str]) -> list[str]:
    """Of each step the first, in order."""
    return list(dict.fromkeys(line[:15].strip() for line in lines))


async def test_it_is_the_user_who_asks(place: Place, user: UUID) -> None:
    """The job is made by the user's own call, and the session is ended afterwards."""
    async with place.house.working():
        told = await place.walk()
    assert told.code == 0, told.error
    rows = place.house.db.admin.rows("select user_id from public.ai_jobs")
    assert [row["user_id"] for row in rows] == [user]
    assert place.auth.sessions == {}
    assert place.front.count("/rest/v1/rpc/create_ai_job_with_credits") == 1


async def test_realtime_is_said_to_tell(place: Place, user: UUID) -> None:
    """Who reads the output knows whether Realtime let the user in."""
    del user
    async with place.house.working():
        told = await place.walk()
    (by,) = (line for line in told.lines if line.startswith("told by"))
    assert ("Realtime" in by) == (place.front.realtime.joins > 0)


async def test_textures_are_made_when_asked_for(place: Place, user: UUID) -> None:
    """With --textured the job has its second stage, and the file lies where it was wanted."""
    del user
    async with place.house.working():
        told = await place.walk(EMAIL, "--textured", "-o", "key.glb", "--provider", "tripo")
    assert told.code == 0, told.error
    assert "PREVIEW → REFINE → DELIVER" in told.says("job")[0]
    assert (place.folder / "key.glb").is_file()


async def test_a_new_secret_key_does_as_well(place: Place, user: UUID) -> None:
    """`sb_secret_…` is no JWT: it opens the project, and the user's own token stays the user's."""
    told = await place.walk(EMAIL, "--minutes", "0.02", SUPABASE_SERVICE_ROLE_KEY=SECRET_KEY)
    assert "credits are reserved" in told.says("job")[0]
    assert place.house.db.admin.values("select user_id from public.ai_jobs") == [user]
    assert SECRET_KEY not in told.error


async def test_ctrl_c_takes_the_job_back(place: Place, user: UUID) -> None:
    """Who gives up leaves nothing that costs: the job is canceled, the credits are free."""
    async with place.walking() as walker:
        await walker.until("credits are reserved")
        await walker.until("QUEUED, 0 %")
        walker.interrupt()
        told = await walker.end()
    assert told.code == 130
    assert told.says("cancel") == ["the job is CANCELED, its credits are back"]
    assert jobs.account(place.house.db, user) == (100, 0)
    assert place.auth.sessions == {}


async def test_a_job_that_nobody_works_on_is_taken_back(place: Place, user: UUID) -> None:
    """Without a worker it ends with its time, says what may be wrong, and costs nothing."""
    told = await place.walk(EMAIL, "--minutes", "0.05")
    assert told.code == 2
    assert "work: QUEUED after 0.05 minutes. Does a worker run" in told.error
    assert jobs.account(place.house.db, user) == (100, 0)
