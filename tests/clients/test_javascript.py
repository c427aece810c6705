"""The JavaScript file in an app's hands: the real client, a real PostgREST, a real worker."""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.clients.app import CLIENTS, PNG, App, session_of
from tests.support import jobs
from tests.support.daemon import until
from tests.support.jobs import Row, rich_user
from tests.support.node import NodePackages, NotInstallableError, node_packages
from tests.support.project import token

pytestmark = pytest.mark.newest_postgres

NODE = Path(__file__).parent / "node"
IMAGE = base64.b64encode(PNG).decode()


@pytest.fixture(scope="session")
def packages() -> NodePackages:
    try:
        return node_packages("clients", NODE)
    except NotInstallableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"the real JavaScript client can't be run here: {error}")


@dataclass
class Journey:
    process: asyncio.subprocess.Process
    seen: list[Row] = field(default_factory=list)

    async def end(self) -> Any:
        """What came out, once it is sure that no timer, no channel and no rejection was left."""
        said = dict[str, Any]()
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            match json.loads(line):
                case {"what": "seen", "value": row}:
                    self.seen.append(row)
                case {"what": what, "value": value}:
                    said[what] = value
        assert said.pop("left") == {"timers": 0, "channels": 0}
        ((_, result),) = said.items()
        return result

    def abort(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"abort\n")


@dataclass(frozen=True)
class Phone:
    """Where the app runs."""

    app: App
    user_id: UUID
    folder: Path

    @asynccontextmanager
    async def run(self, call: str, **request: Any) -> AsyncIterator[Journey]:
        order = {
            "url": self.app.front.url,
            "key": token("anon"),
            "session": session_of(self.user_id),
            "user_id": str(self.user_id),
            "call": call,
            "request": request,
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *("node", self.folder / "journey.mjs", json.dumps(order)),
            stdin=pipe,
            stdout=pipe,
            limit=1 << 24,
        )
        try:
            yield Journey(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def result(self, call: str, **request: Any) -> Any:
        async with self.run(call, **request) as journey:
            return await journey.end()


Install = Callable[..., Phone]


@pytest.fixture
def install(app: App, packages: NodePackages, tmp_path: Path) -> Install:
    """Copies the file into an app, as it is or with other waits."""

    def copy(credit: int = 100, **waits: str) -> Phone:
        folder = tmp_path / "app"
        folder.mkdir()
        (folder / "node_modules").symlink_to(packages.modules)
        (folder / "package.json").write_text('{"type": "module"}')
        shutil.copy(NODE / "journey.mjs", folder)
        text = (CLIENTS / "meshqueue.js").read_text()
        for name, value in waits.items():
            old = text
            text = text.replace(f"{name} = ", f"{name} = {value} + 0 * ", 1)
            assert text != old
        (folder / "meshqueue.js").write_text(text)
        return Phone(app, rich_user(app.house.db, credit), folder)

    return copy


def wait_for_news(install: Install) -> Phone:
    """A look only after news: the next one of its own accord is a minute away."""
    return install(FIRST_PAUSE="60000", SILENT_PAUSE="60000", LIVE_PAUSE="60000")


async def test_from_a_prompt_to_a_model(install: Install) -> None:
    """Progress on the way, then the job, its files with links, and a GLB behind them."""
    phone = install()
    order = {"prompt": "a lamp", "refine": False}
    async with phone.app.house.working(), phone.run("generate", **order) as journey:
        made = await journey.end()
    assert made["job"]["status"] == journey.seen[-1]["status"] == "SUCCEEDED", made
    shown = [row["progress"] for row in journey.seen]
    assert shown == sorted(shown)
    models = [f["bytes"] for f in made["files"] if (f["role"], f["format"]) == ("model", "glb")]
    assert (made["magic"], [made["bytes"]]) == ("glTF", models)
    assert phone.app.front.realtime.joins == 1


async def test_files_that_are_gone(install: Install) -> None:
    """The job's result still tells of them; none of them is offered any more."""
    phone = install()
    async with phone.app.house.working():
        made = await phone.result("generate", prompt="a lamp", refine=False)
    assert len(made["files"]) == len(made["job"]["result_payload"]["files"]) > 0
    with phone.app.house.db.user(phone.user_id) as user:
        user.execute("select public.delete_asset(%s)", made["job"]["asset_id"])
    assert await phone.result("signed", job=made["job"]) == []


async def test_lost_answers(install: Install) -> None:
    """Of an upload and twice of a create: one image, one job, reserved once."""
    phone = install()
    phone.app.front.cut_after(".png")
    phone.app.front.cut_after("/rpc/create_ai_job_with_credits", times=2)
    async with phone.app.house.working():
        made = await phone.result("generate", images=[IMAGE, IMAGE], refine=False)
    sent = made["job"]["request_payload"]["images"]
    assert sent[1]["angle"] == "left"
    assert set(phone.app.house.objects("inputs")) == {image["path"] for image in sent}
    assert phone.app.front.count("/rpc/create_ai_job_with_credits") == 3
    cost = made["job"]["credits_cost"]
    assert jobs.account(phone.app.house.db, phone.user_id) == (100 - cost, 0)


async def test_not_enough_credits(install: Install) -> None:
    """A sentence with both numbers, and no picture left behind."""
    phone = install(credit=3)
    error = await phone.result("generate", images=[IMAGE], refine=False)
    assert (error["name"], error["code"]) == ("JobError", "PT402")
    assert error["message"] == "This costs 25 credits, and you have 3."
    assert not phone.app.house.objects("inputs")


async def test_a_wrong_field(install: Install) -> None:
    """Details name the field; nothing is charged."""
    phone = install()
    error = await phone.result("generate", prompt="a lamp", remesh={"target_polycount": 1})
    assert (error["code"], error["details"]) == ("PT400", "remesh.target_polycount")
    assert error["hint"]
    assert jobs.account(phone.app.house.db, phone.user_id) == (100, 0)


async def test_without_realtime_looks_tell(install: Install) -> None:
    """Where no connection is to be had, the end is still learnt, and cancelJob works."""
    phone = install()
    phone.app.front.realtime.up = False
    job = jobs.create(phone.app.house.db, phone.user_id)
    async with phone.run("watch", id=str(job["id"])) as journey:
        assert (await phone.result("cancel", id=str(job["id"])))["status"] == "CANCELED"
        assert (await journey.end())["status"] == "CANCELED"
    assert phone.app.front.realtime.joins == 0


async def test_a_lost_message_loses_no_end(install: Install) -> None:
    """Joined, and deaf: the next look tells."""
    phone = install()
    phone.app.front.realtime.mute = True
    job = jobs.create(phone.app.house.db, phone.user_id)
    async with phone.run("watch", id=str(job["id"])) as journey:
        await until(lambda: phone.app.front.realtime.joins, "a join")
        jobs.cancel(phone.app.house.db, phone.user_id, job["id"])
        assert (await journey.end())["status"] == "CANCELED"


async def test_a_message_tells_at_once(install: Install) -> None:
    """Two watchers on one channel, told while the next look is a minute away."""
    phone = wait_for_news(install)
    made = [jobs.create(phone.app.house.db, phone.user_id)["id"] for _ in range(2)]
    async with phone.run("both", ids=[str(each) for each in made]) as journey:
        await until(lambda: phone.app.front.count("/ai_jobs") == 4, "the looks after the join")
        for job_id in made:
            jobs.cancel(phone.app.house.db, phone.user_id, job_id)
        async with asyncio.timeout(30):
            ended = await journey.end()
    assert [row["status"] for row in ended] == ["CANCELED", "CANCELED"]
    assert phone.app.front.realtime.joins == 1


async def test_a_new_connection_looks_again(install: Install) -> None:
    """What happened while the connection was away is seen when it is back."""
    phone = wait_for_news(install)
    realtime = phone.app.front.realtime
    job = jobs.create(phone.app.house.db, phone.user_id)
    async with phone.run("watch", id=str(job["id"])) as journey:
        await until(lambda: phone.app.front.count("/ai_jobs") == 2, "the look after the join")
        realtime.up = False
        realtime.hang_up()
        await until(lambda: phone.app.front.count("/ai_jobs") == 3, "the look after the loss")
        jobs.cancel(phone.app.house.db, phone.user_id, job["id"])
        realtime.up = True
        async with asyncio.timeout(30):
            assert (await journey.end())["status"] == "CANCELED"


async def test_abort(install: Install) -> None:
    """Ends the waiting at once and leaves nothing behind; the job goes on."""
    phone = wait_for_news(install)
    async with phone.run("generate", prompt="a lamp") as journey:
        await until(lambda: phone.app.front.realtime.joins, "a join")
        journey.abort()
        error = await journey.end()
    assert error["name"] == "AbortError"
    assert jobs.job(phone.app.house.db, journey.seen[0]["id"])["status"] == "QUEUED"


@pytest.mark.parametrize("path", [".png", "/rpc/create_ai_job_with_credits", "/ai_jobs"])
async def test_aborted_at_any_moment(install: Install, path: str) -> None:
    """While an upload, the create or a look hangs: it ends at once, nothing is left."""
    phone = install()
    phone.app.front.hold(path)
    async with phone.run("generate", images=[IMAGE]) as journey:
        await until(lambda: phone.app.front.count(path), "the request")
        journey.abort()
        async with asyncio.timeout(30):
            assert (await journey.end())["name"] == "AbortError"


async def test_tokens_of_the_apps_own(install: Install) -> None:
    """A client that has no session, only access tokens, says whose images they are."""
    phone = install()
    made = await phone.result("own", images=[IMAGE])
    (image,) = made["request_payload"]["images"]
    assert list(phone.app.house.objects("inputs")) == [image["path"]]
    assert phone.app.front.realtime.joins == 1


async def test_an_apps_own_mistake_comes_back_to_it(install: Install) -> None:
    """What an async onProgress throws ends the watch; no rejection is left unhandled."""
    phone = install()
    job = jobs.create(phone.app.house.db, phone.user_id)
    error = await phone.result("mistaken", id=str(job["id"]))
    assert error["message"] == "the app's own"
