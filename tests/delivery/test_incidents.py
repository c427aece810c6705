"""What a provider's own servers say in a bad hour: its files lie there for days."""

from pathlib import Path

import pytest

from tests.fetching.fetching import MOST, fetching
from tests.fetching.site import Line, Reaction, Request, Site
from worker.pipeline.delivery.bringing import noted
from worker.pipeline.delivery.ending import GiveUp, Later
from worker.pipeline.delivery.haul import Haul, judge
from worker.pipeline.delivery.links import MODEL
from worker.providers.outcome import Link


async def leads_to_http(_: Request, line: Line) -> None:
    await line.answer(302, location="http://status.test/")


async def leads_inside(_: Request, line: Line) -> None:
    await line.answer(302, location="https://10.0.0.7/")


async def leads_around(_: Request, line: Line) -> None:
    await line.answer(302, location="/")


async def says_no_length(_: Request, line: Line) -> None:
    await line.head(200, connection="close")
    await line.send(b"glTF")


async def packs_it(_: Request, line: Line) -> None:
    await line.answer(200, b"glTF", content_encoding="br")


async def serves_too_much(_: Request, line: Line) -> None:
    await line.head(200, content_length=MOST + 1)


async def haul_from(says: Reaction, target: Path, url: str = "") -> Haul:
    haul = Haul()
    async with Site(says) as site, fetching(site) as fetcher:
        link = Link(*MODEL, url or site.url)
        assert noted(haul, link, await fetcher.fetch(link.url, target)) is None
    return haul


@pytest.mark.parametrize(
    "says", [leads_to_http, leads_inside, leads_around, says_no_length, packs_it]
)
async def test_a_model_that_is_led_astray_is_waited_for(says: Reaction, tmp_path: Path) -> None:
    """Nothing of it is taken; fresh links are asked for, until the delivery's deadline."""
    haul = await haul_from(says, tmp_path / "model.glb")
    assert haul.is_worth_another_try()
    assert isinstance(judge(haul), Later)


async def test_a_link_that_leads_inside_is_waited_for(tmp_path: Path) -> None:
    """A name server's one wrong answer; not a byte goes there."""
    haul = await haul_from(says_no_length, tmp_path / "model.glb", "https://10.0.0.7/model.glb")
    assert isinstance(judge(haul), Later)


@pytest.mark.parametrize("url", ["", "https://[secret]"])
async def test_what_no_other_link_mends_ends_the_job(url: str, tmp_path: Path) -> None:
    """Too large, or no address at all: its credits are released at once."""
    haul = await haul_from(serves_too_much, tmp_path / "model.glb", url)
    assert not haul.is_worth_another_try()
    assert isinstance(judge(haul), GiveUp)
