"""Downloads that break off, and go on."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.fetching.fetching import fetching, nothing, whole
from tests.fetching.site import Line, Reaction, Request, Site
from worker.fetching import NotFetched, Reason

BODY, OTHER = (Random(seed).randbytes(500_000) for seed in (2, 3))  # noqa: S311 - no secrets
TAG = '"one"'
DATE = "Sat, 21 Nov 2026 08:00:00 GMT"


async def begin(line: Line, **lines: object) -> None:
    """Announces all of it, and breaks off."""
    said = {"accept_ranges": "bytes", "etag": TAG} | lines
    await line.head(200, content_length=len(BODY), **said)
    await line.send(BODY[:200_000])


async def rest(line: Line, first: int, /, body: bytes = BODY, **lines: str) -> None:
    span = f"bytes {first}-{len(body) - 1}/{len(body)}"
    await line.answer(206, body[first:], **({"content_range": span, "etag": TAG} | lines))


def then(*reactions: Callable[[Request, Line], object]) -> Reaction:
    """One for each request, in turn."""
    left = iter(reactions)

    async def react(request: Request, line: Line) -> None:
        await next(left)(request, line)  # type: ignore[misc] # they are coroutines

    return react


async def breaks_off(_: Request, line: Line) -> None:
    await begin(line)


async def goes_on(request: Request, line: Line) -> None:
    assert request.first_byte is not None
    await rest(line, request.first_byte)


async def test_a_cut_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """It names what it has a part of, and asks for the rest alone."""
    async with Site(then(breaks_off, goes_on)) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)
    _, second = site.requests
    assert second.lines["range"] == "bytes=200000-"
    assert second.lines["if-range"] == TAG


async def test_a_date_serves_where_there_is_no_tag(tmp_path: Path) -> None:
    """Last-Modified is a version too."""

    async def dated(_: Request, line: Line) -> None:
        await begin(line, etag="", last_modified=DATE)

    async def continued(_: Request, line: Line) -> None:
        await rest(line, 200_000, etag="", last_modified=DATE)

    async with Site(then(dated, continued)) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)
    assert site.requests[1].lines["if-range"] == DATE


async def test_it_goes_on_three_times(tmp_path: Path) -> None:
    """While each brings something; the end of a span that is not the file's is a cut, too."""

    async def a_piece(request: Request, line: Line) -> None:
        first = request.first_byte
        assert first is not None
        span = f"bytes {first}-{first + 99_999}/{len(BODY)}"
        await line.answer(206, BODY[first : first + 100_000], content_range=span, etag=TAG)

    async with (
        Site(then(breaks_off, a_piece, a_piece, goes_on)) as site,
        fetching(site) as fetcher,
    ):
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)


async def test_the_fourth_cut_ends_it(tmp_path: Path) -> None:
    """The pipeline decides when to try again."""

    async def a_little(request: Request, line: Line) -> None:
        first = request.first_byte or 0
        span = f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"
        length = len(BODY) - first
        await line.head(206, content_length=length, content_range=span)
        await line.send(BODY[first : first + 10])

    several = then(breaks_off, a_little, a_little, a_little, goes_on)
    async with Site(several) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.why == "the connection was cut after 200030 of 500000 bytes"
    assert outcome.reason is Reason.PASSING
    assert len(site.requests) == 4


async def test_a_server_that_gives_nothing_more_is_left_alone(tmp_path: Path) -> None:
    """Without progress there is no third request."""

    async def nothing_more(_: Request, __: Line) -> None:
        return

    async with Site(then(breaks_off, nothing_more, goes_on)) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.reason is Reason.PASSING
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    "lines",
    [{"accept_ranges": ""}, {"accept_ranges": "none"}, {"etag": ""}, {"etag": 'W/"weak"'}],
)
async def test_what_can_not_be_resumed_is_not(tmp_path: Path, lines: dict[str, str]) -> None:
    """Without ranges, or without a version that promises the same bytes."""

    async def plain(_: Request, line: Line) -> None:
        await begin(line, **lines)

    async with Site(then(plain, goes_on)) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.why == "the connection was cut after 200000 of 500000 bytes"
    assert len(site.requests) == 1


async def test_a_changed_file_starts_over(tmp_path: Path) -> None:
    """The new one whole; nothing of the old one is left in it or in its hash."""

    async def anew(_: Request, line: Line) -> None:
        await line.answer(200, OTHER[:300_000], accept_ranges="bytes", etag='"two"')

    async with Site(then(breaks_off, anew)) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), OTHER[:300_000])


async def test_a_shorter_file_leaves_nothing_of_the_longer(tmp_path: Path) -> None:
    """What was written is cut off."""

    async def anew(_: Request, line: Line) -> None:
        await line.answer(200, b"short")

    async with Site(then(breaks_off, anew)) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), b"short")


async def test_a_changed_file_that_breaks_off_goes_on_as_itself(tmp_path: Path) -> None:
    """The third request names the second version."""

    async def anew(_: Request, line: Line) -> None:
        await line.head(200, content_length=len(OTHER), accept_ranges="bytes", etag='"two"')
        await line.send(OTHER[:100])

    async def other_rest(_: Request, line: Line) -> None:
        await rest(line, 100, OTHER, etag='"two"')

    async with Site(then(breaks_off, anew, other_rest)) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), OTHER)
    assert site.requests[2].lines["if-range"] == '"two"'


@pytest.mark.parametrize(
    "lies",
    [
        {"content_range": "bytes 199999-499999/500000"},
        {"content_range": "bytes 0-299999/500000"},
        {"content_range": "bytes 200000-499999/500001"},
        {"content_range": "bytes 200000-499999/*"},
        {"content_range": "bytes 200000-500000/500000"},
        {"content_range": "bytes 200000-400000/500000"},
        {"content_range": "bytes */500000"},
        {"content_range": "bytes 2\u00b2-3/4".encode().decode("latin-1")},
        {"content_range": ""},
        {"etag": '"two"'},
        {"content_encoding": "gzip"},
    ],
)
async def test_another_part_than_asked_for_is_no_part(tmp_path: Path, lies: dict[str, str]) -> None:
    """Nothing is put together that may not belong together."""

    async def lying(_: Request, line: Line) -> None:
        await rest(line, 200_000, BODY, **lies)

    async with Site(then(breaks_off, lying)) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched(
        "it answers with another part than the one that was asked for", Reason.PASSING
    )


async def test_more_than_its_span_is_no_part(tmp_path: Path) -> None:
    """Chunks may bring what no length announced."""

    async def more(_: Request, line: Line) -> None:
        span = f"bytes 200000-{len(BODY) - 1}/{len(BODY)}"
        await line.head(206, content_range=span, transfer_encoding="chunked")
        await line.chunk(BODY[200_000:] + b"more")
        await line.chunk(b"")

    async with Site(then(breaks_off, more)) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.why == "it is longer than the 500000 bytes that it announced"


async def test_a_range_that_can_not_be_starts_over(tmp_path: Path) -> None:
    """416 says that the file is another one now: the next request asks for all of it."""

    async def not_that(_: Request, line: Line) -> None:
        await line.answer(416, content_range="bytes */10")

    async def anew(request: Request, line: Line) -> None:
        assert request.first_byte is None
        assert "if-range" not in request.lines
        await line.answer(200, OTHER[:10])

    async with Site(then(breaks_off, not_that, anew)) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), OTHER[:10])


async def test_a_link_that_dies_meanwhile_is_dead(tmp_path: Path) -> None:
    """A signature may expire between two requests."""

    async def expired(_: Request, line: Line) -> None:
        await line.answer(403)

    async with Site(then(breaks_off, expired)) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched("it answers 403", Reason.DEAD_LINK)


async def test_it_goes_on_through_a_redirect(tmp_path: Path) -> None:
    """From the first address again: the one that it led to may have been signed for minutes."""

    async def onward(request: Request, line: Line) -> None:
        await line.answer(302, location=f"/signed?{len(request.lines)}")

    hops = then(onward, breaks_off, onward, goes_on)
    async with Site(hops) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(f"{site.url}/a", tmp_path / "a"), BODY)
    paths = [request.path.partition("?")[0] for request in site.requests]
    assert paths == ["/a", "/signed", "/a", "/signed"]
