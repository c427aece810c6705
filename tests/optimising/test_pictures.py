"""What is sent of an order's picture, made in a process that may die."""

import asyncio
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.optimising import models
from tests.optimising.children import stopped_child
from worker.ending import end_tasks
from worker.optimising import Code, Optimisers, Sound, Unchecked, Unsound
from worker.providers.images import prepare_picture
from worker.providers.order import Picture

MIB = 1 << 20


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_is_prepared_elsewhere(tmp_path: Path, kind: str) -> None:
    """The same bytes as here."""
    data = models.picture(kind)
    here = prepare_picture(data, 0)
    target = tmp_path / "target"
    verdict = await Optimisers(1).prepare(models.put(tmp_path, data), target, 0)
    assert isinstance(here, Picture)
    assert verdict == Sound({"content_type": here.content_type})
    assert target.read_bytes() == here.data


async def test_the_largest_that_is_allowed_fits(tmp_path: Path) -> None:
    """25 million pixels with alpha, in the form that takes most memory."""
    target = tmp_path / "target"
    verdict = await Optimisers(1).prepare(models.put(tmp_path, models.vast()), target, 0)
    assert verdict == Sound({"content_type": "image/png"})
    assert Image.open(BytesIO(target.read_bytes())).size == (2048, 2048)


async def test_a_refusal_names_the_picture(tmp_path: Path) -> None:
    """As it is told to its user."""
    source = models.put(tmp_path, b"GIF89a" + bytes(99))
    verdict = await Optimisers(1).prepare(source, tmp_path / "target", 2)
    why = "images[2]: not a PNG, JPEG or WebP file; convert it to one of these."
    assert verdict == Unsound((why,))
    assert models.names_in(tmp_path) == {"source.glb"}


async def test_a_picture_that_does_not_fit_is_not_decoded(tmp_path: Path) -> None:
    """Want of memory is told as that, not as a damaged file."""
    source = models.put(tmp_path, models.blank(5000))
    optimisers = Optimisers(1, memory_bytes=120 * MIB)
    verdict = await optimisers.prepare(source, tmp_path / "target", 0)
    assert verdict == Unchecked(Code.OUT_OF_MEMORY, "it needed more than 120 MiB")


async def test_a_picture_waits_for_no_model(tmp_path: Path) -> None:
    """Though one model at a time is worked on, and that one takes for ever."""
    optimisers = Optimisers(1)
    model = models.put(tmp_path, models.large(), "model.glb")
    working = asyncio.create_task(optimisers.optimise(model, tmp_path / "small.glb", "balanced"))
    await stopped_child()
    source = models.put(tmp_path, models.picture("PNG"))
    verdict = await optimisers.prepare(source, tmp_path / "target", 0)
    assert isinstance(verdict, Sound)
    assert not working.done()
    await end_tasks([working])
