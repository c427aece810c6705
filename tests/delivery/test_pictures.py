"""Input images on their way to a provider."""

import os
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
from tests.fetching.site import Line, Request, Site
from tests.optimising import models
from tests.storage.fast import FAST
from tests.support import jobs
from tests.support.daemon import the_end, until
from tests.support.jobs import rich_user
from tests.support.project import token
from tests.support.small_disk import small_disk
from worker.database.records import Run
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
    url: str

    async def read(self, *images: dict[str, Any], user: UUID | None = None) -> Any:
        run: Run = Wish(list(images), user or uuid4())  # type: ignore[assignment]  # enough of it
        return await self.pictures.read(run)

    def upload(self, path: str) -> None:
        file = self.folder / "objects" / "inputs" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(PNG)


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    async def served(_: Request, line: Line) -> None:
        await line.answer(200, PNG)

    async with Site(served) as site, fetching(site) as fetcher:
        storage = FolderStorage(folder / "objects")
        yield Desk(Pictures(storage, fetcher), folder, site.url)


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
