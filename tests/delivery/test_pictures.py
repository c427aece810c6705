"""Input images on their way to a provider."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.delivery.house import House
from tests.fetching.fetching import fetching
from tests.fetching.site import Line, Reaction, Request, Site
from tests.optimising import models
from tests.optimising.children import child_of_size, children, growth, running_child
from tests.optimising.deadly import deadly
from tests.storage.fast import FAST
from tests.support import jobs
from tests.support.daemon import the_end, until
from tests.support.jobs import rich_user
from tests.support.project import token
from tests.support.small_disk import small_disk
from worker.database.records import Run
from worker.optimising import process
from worker.optimising.optimisers import Optimisers
from worker.pipeline import pictures
from worker.pipeline.pictures import Pictures
from worker.pipeline.workplace import PREFIX
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Picture
from worker.storage.folder import FolderStorage
from worker.storage.supabase import SupabaseStorage

PNG = models.picture("PNG", 256)


@dataclass
class Wish:
    """As much of a run as its images are read by."""

    images: list[dict[str, Any]]
    user_id: UUID = field(default_factory=uuid4)
    stage: str = "GENERATE"

    @property
    def request(self) -> dict[str, Any]:
        return {"images": self.images}


@dataclass
class Desk:
    pictures: Pictures
    folder: Path
    site: Site

    @property
    def url(self) -> str:
        return self.site.url

    async def read(self, *images: dict[str, Any], user: UUID | None = None) -> Any:
        run: Run = Wish(list(images), user or uuid4())  # type: ignore[assignment]  # enough of it
        return await self.pictures.read(run)

    def upload(self, path: str) -> None:
        file = self.folder / "objects" / "inputs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(PNG)


@asynccontextmanager
async def desk(
    folder: Path, image: bytes = PNG, says: Reaction | None = None
) -> AsyncIterator[Desk]:
    async def served(_: Request, line: Line) -> None:
        await line.answer(200, image)

    async with Site(says or served) as site, fetching(site) as fetcher:
        storage = FolderStorage(folder / "objects")
        yield Desk(Pictures(storage, fetcher, Optimisers(1)), folder, site)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_images_are_read_in_their_order(tmp_path: Path, home: Path) -> None:
    """From the bucket and from the web; nothing of them is left on this machine."""
    user = uuid4()
    async with desk(tmp_path) as here:
        here.upload(f"{user}/front.png")
        images = [
            {"path": f"{user}/front.png", "angle": "front"},
            {"url": here.url, "angle": "left"},
        ]
        pictures = await here.read(*images, user=user)
    assert [picture.angle for picture in pictures] == ["front", "left"]
    assert all(isinstance(picture, Picture) for picture in pictures)
    assert models.names_in(home) == set()


async def test_another_users_image_is_not_read(tmp_path: Path) -> None:
    """Whatever a row says: our own key opens every folder, so the path is looked at again."""
    owner, thief = uuid4(), uuid4()
    async with desk(tmp_path) as here:
        here.upload(f"{owner}/front.png")
        outcome = await here.read({"path": f"{owner}/front.png"}, user=thief)
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.INVALID_REQUEST


async def test_a_large_image_does_not_make_the_worker_large(tmp_path: Path) -> None:
    """A thousand bytes that decode to hundreds of megabytes, several at once: all elsewhere."""
    vast = models.vast()
    with growth() as grown:
        async with desk(tmp_path, vast) as here:
            outcomes = await asyncio.gather(*(here.read({"url": here.url}) for _ in range(2)))
    assert all(isinstance(picture, Picture) for (picture,) in outcomes)
    assert grown() < 60 << 20


async def test_an_image_that_kills_its_decoder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker goes on, and the user is told which one it was."""
    monkeypatch.setattr(process, "COMMAND", deadly("looking"))
    async with desk(tmp_path) as here:
        outcome = await here.read({"url": here.url})
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.code) == (Kind.INVALID_REQUEST, "image")
    assert outcome.detail.startswith("images[0]: can't be read (the process was ended by signal 11")


async def test_an_image_whose_decoder_is_killed_is_read_again(tmp_path: Path) -> None:
    """It may have been for what others took."""
    async with desk(tmp_path, models.vast()) as here:
        reading = asyncio.create_task(here.read({"url": here.url}))
        os.kill(await child_of_size(200 << 20), signal.SIGKILL)
        outcome = await reading
    assert isinstance(outcome, tuple)


async def test_an_image_whose_decoder_is_killed_each_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for no better times in a slot that others could use; nothing was bought."""
    monkeypatch.setattr(process, "COMMAND", deadly("looking", signal.SIGKILL))
    async with desk(tmp_path) as here:
        outcome = await here.read({"url": here.url})
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.INVALID_REQUEST
    assert outcome.detail == "images[0]: it takes more memory than there is; send it smaller."


async def test_a_machine_that_can_not_look_blames_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage waits until a process can be started."""
    monkeypatch.setattr(process, "COMMAND", (str(tmp_path / "missing"),))
    async with desk(tmp_path) as here:
        outcome = await here.read({"url": here.url})
    assert isinstance(outcome, Failure)
    assert outcome.next is Next.WAIT


async def test_a_read_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    """A job that ends while its image is decoded takes the decoder along."""
    async with desk(tmp_path, models.vast()) as here:
        reading = asyncio.create_task(here.read({"url": here.url}))
        await running_child()
        reading.cancel()
        await asyncio.wait([reading])
    assert children() == []


async def test_a_server_that_drips_does_not_hold_a_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that one order names on the web has a bound together; then its user is told which."""

    async def drips(request: Request, line: Line) -> None:
        if request.path == "/fine":
            return await line.answer(200, PNG)
        await line.head(200, content_length=1_000_000)
        while True:
            await line.send(b"a")
            await asyncio.sleep(0.001)

    monkeypatch.setattr(pictures, "FOREIGN_WITHIN", 0.5)
    async with desk(tmp_path, says=drips) as here:
        images = [{"url": f"{here.url}/{name}"} for name in ("fine", "drip", "other")]
        outcome = await here.read(*images)
        asked = [request.path for request in here.site.requests]
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.code) == (Kind.INVALID_REQUEST, "image")
    assert outcome.detail.startswith("images[1]: it can't be fetched")
    assert asked == ["/fine", "/drip"]


@pytest.mark.parametrize("troubles", [1, 2])
async def test_a_typed_address_is_tried_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, troubles: int
) -> None:
    """A passing trouble of its server costs no order; one that stays does."""
    monkeypatch.setattr(pictures, "PAUSES", (0.0,) * len(pictures.PAUSES))

    async def busy(_: Request, line: Line) -> None:
        done = len(here.site.requests) > troubles
        await line.answer(200 if done else 503, PNG)

    async with desk(tmp_path, says=busy) as here:
        outcome = await here.read({"url": here.url})
        assert len(here.site.requests) == 2
    assert isinstance(outcome, tuple) is (troubles == 1)


@pytest.mark.parametrize("why", ["no address", "a private address", "too large", "no length"])
async def test_what_is_typed_wrong_is_asked_for_once(tmp_path: Path, why: str) -> None:
    """Its user is told what is taken; waiting mends none of it."""

    async def served(_: Request, line: Line) -> None:
        if why == "too large":
            return await line.head(200, content_length=20_971_521)
        await line.head(200, connection="close")
        return await line.send(PNG)

    typed = {"no address": "https://[secret]", "a private address": "https://10.0.0.7/a.png"}
    async with desk(tmp_path, says=served) as here:
        outcome = await here.read({"url": typed.get(why, here.url)})
        assert len(here.site.requests) == (why not in typed)
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.INVALID_REQUEST
    assert outcome.detail == f"images[0]: {pictures.NOT_TAKEN}"


async def test_what_the_dead_left_goes(tmp_path: Path, home: Path) -> None:
    """A worker that was killed while it read an image cleans up nothing: the next one does."""
    left = home / f"{PREFIX}dead"
    left.mkdir()
    (left / "lock").touch()
    os.utime(left, (0, 0))
    async with desk(tmp_path) as here:
        await here.read({"url": here.url})
    assert not left.exists()


@pytest.mark.parametrize("source", ["the bucket", "the web"])
async def test_a_full_disk_is_not_the_users_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """The stage waits; nobody is told to check an address that is right."""
    user = uuid4()
    with small_disk(tmp_path / "disk", pages=1) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
        (disk.path / "other").write_bytes(b"x")
        async with desk(tmp_path) as here:
            here.upload(f"{user}/front.png")
            of_bucket = {"path": f"{user}/front.png"}
            image = of_bucket if source == "the bucket" else {"url": here.url}
            outcome = await here.read(image, user=user)
    assert isinstance(outcome, Failure)
    assert outcome.next is Next.WAIT
    assert "No space left on device" in outcome.detail


@pytest.mark.newest_postgres
async def test_an_image_that_goes_after_it_was_shown(house: House, tmp_path: Path) -> None:
    """The paid task has it: its user may remove the upload, and still gets the model."""
    user = rich_user(house.db)
    path = f"{user}/front.png"
    storage = SupabaseStorage(house.storage.url, token("service_role"), FAST)
    await storage.put("inputs", path, models.put(tmp_path, PNG, "front.png"), "image/png")
    request = {"images": [{"path": path}], "refine": False}
    job = jobs.create(house.db, user, request)
    async with house.working():
        accepted = "select from meshqueue.submissions where outcome = 'accepted'"
        await until(lambda: house.db.admin.rows(accepted), "the paid task")
        await storage.remove("inputs", [path])
        ended = await the_end(house.db, job["id"])
    await storage.close()
    assert ended["status"] == "SUCCEEDED", ended["error_message"]
