"""Bodies that are too long, too short, too slow, packed, or none at all."""

import asyncio
import gzip
import random
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fetching.fetching import HASTE, MOST, fetching, nothing, whole
from tests.fetching.site import Line, Reaction, Request, Site
from worker.fetching import NotFetched, Reason
from worker.fetching.patience import Patience

BODY = random.Random(1).randbytes(300_000)  # noqa: S311 - no secret, and the same each time
IMPATIENT = replace(HASTE, stall=0.3)


async def outcome_of(
    reaction: Reaction, target: Path, most: int = MOST, patience: Patience = HASTE
) -> NotFetched:
    async with Site(reaction) as site, fetching(site, most=most, patience=patience) as fetcher:
        return nothing(await fetcher.fetch(f"{site.url}/?secret", target), target)


async def test_a_chunked_body_arrives_whole(tmp_path: Path) -> None:
    """Its end is marked, so no length is needed."""

    async def chunked(_: Request, line: Line) -> None:
        await line.head(200, transfer_encoding="chunked")
        for start in range(0, len(BODY), 70_000):
            await line.chunk(BODY[start : start + 70_000])
        await line.chunk(b"")

    async with Site(chunked) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)


async def test_a_drip_arrives_whole(tmp_path: Path) -> None:
    """Slow is not stalled."""

    async def drips(_: Request, line: Line) -> None:
        await line.head(200, content_length=500)
        for start in range(500):
            await line.send(BODY[start : start + 1])
            await asyncio.sleep(0)

    async with Site(drips) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY[:500])


async def test_a_drip_that_never_ends_meets_the_total(tmp_path: Path) -> None:
    """However often a byte comes."""

    async def drips(_: Request, line: Line) -> None:
        await line.head(200, content_length=MOST)
        while True:
            await line.send(b"a")
            await asyncio.sleep(0.001)

    patience = replace(HASTE, total=0.2)
    async with Site(drips) as site, fetching(site, patience=patience) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched("it took longer than 0.2 s", Reason.PASSING)


async def test_a_stall_ends_the_wait(tmp_path: Path) -> None:
    """And says how far it came."""

    async def stalls(_: Request, line: Line) -> None:
        await line.head(200, content_length=len(BODY))
        await line.send(BODY[:1000])
        await line.hang()

    outcome = await outcome_of(stalls, tmp_path / "a", patience=IMPATIENT)
    assert outcome == NotFetched("no byte came in time after 1000 of 300000 bytes", Reason.PASSING)


async def test_a_server_that_never_answers_ends_the_wait(tmp_path: Path) -> None:
    """It accepted the connection: that is all."""

    async def silent(_: Request, line: Line) -> None:
        await line.hang()

    outcome = await outcome_of(silent, tmp_path / "a", patience=IMPATIENT)
    assert outcome == NotFetched("no byte came in time", Reason.PASSING)


async def test_an_endless_body_is_cut_at_the_limit(tmp_path: Path) -> None:
    """Whatever it did not announce."""
    sent = 0

    async def endless(_: Request, line: Line) -> None:
        nonlocal sent
        await line.head(200, transfer_encoding="chunked")
        while True:
            await line.chunk(bytes(10_000))
            sent += 10_000

    outcome = await outcome_of(endless, tmp_path / "a")
    assert outcome == NotFetched(f"it is larger than {MOST} bytes", Reason.TOO_LARGE)
    assert sent < 20 * MOST


async def test_an_endless_head_is_no_answer(tmp_path: Path) -> None:
    """Nothing is gathered without a bound."""

    async def endless(_: Request, line: Line) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await line.send(b"a: " + b"b" * 5000 + b"\r\n")

    outcome = await outcome_of(endless, tmp_path / "a")
    assert outcome == NotFetched("it hung up, or speaks no HTTP", Reason.PASSING)


async def test_an_announced_excess_is_not_even_read(tmp_path: Path) -> None:
    """Its length is looked at first."""

    async def large(_: Request, line: Line) -> None:
        await line.head(200, content_length=MOST + 1)
        await line.hang()

    outcome = await outcome_of(large, tmp_path / "a")
    assert outcome == NotFetched(f"it is larger than {MOST} bytes", Reason.TOO_LARGE)


async def test_a_file_of_just_the_limit_is_fetched(tmp_path: Path) -> None:
    """A limit of one fetch goes before the fetcher's own."""

    async def served(_: Request, line: Line) -> None:
        await line.answer(200, BODY)

    async with Site(served) as site, fetching(site, most=5) as fetcher:
        target = tmp_path / "a"
        whole(await fetcher.fetch(site.url, target, most_bytes=len(BODY)), BODY)
        outcome = nothing(await fetcher.fetch(site.url, target, len(BODY) - 1), target)
        assert outcome.why == "it is larger than 299999 bytes"
        assert nothing(await fetcher.fetch(site.url, target), target).why.endswith("than 5 bytes")


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_empty_body_is_no_file(tmp_path: Path, *, chunked: bool) -> None:
    """It would be a stored nothing."""

    async def empty(_: Request, line: Line) -> None:
        if not chunked:
            return await line.answer(200, b"")
        await line.head(200, transfer_encoding="chunked")
        return await line.chunk(b"")

    outcome = await outcome_of(empty, tmp_path / "a")
    assert outcome == NotFetched("it is empty", Reason.PASSING)


async def test_a_short_body_is_no_file(tmp_path: Path) -> None:
    """Less than was announced."""

    async def short(_: Request, line: Line) -> None:
        await line.head(200, content_length=len(BODY))
        await line.send(BODY[:-1])

    outcome = await outcome_of(short, tmp_path / "a")
    assert outcome.reason is Reason.PASSING
    assert outcome.why == "the connection was cut after 299999 of 300000 bytes"


async def test_what_follows_the_announced_bytes_is_not_the_file(tmp_path: Path) -> None:
    """HTTP ends a message at its length."""

    async def long(_: Request, line: Line) -> None:
        await line.head(200, content_length=len(BODY) - 7)
        await line.send(BODY)

    async with Site(long) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY[:-7])


async def test_a_cut_chunked_body_is_no_file(tmp_path: Path) -> None:
    """Its last chunk is missing."""

    async def cut(_: Request, line: Line) -> None:
        await line.head(200, transfer_encoding="chunked")
        await line.chunk(BODY)

    outcome = await outcome_of(cut, tmp_path / "a")
    assert outcome == NotFetched("the connection was cut after 300000 bytes", Reason.PASSING)


async def test_a_body_without_an_end_is_refused(tmp_path: Path) -> None:
    """Nobody could tell whether it was cut."""

    async def until_the_end(_: Request, line: Line) -> None:
        await line.head(200, connection="close")
        await line.send(BODY)

    outcome = await outcome_of(until_the_end, tmp_path / "a")
    assert outcome == NotFetched("it doesn't say how long the file is", Reason.REFUSED)


@pytest.mark.parametrize(
    "answer",
    [
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 30 + b"\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nsecret\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: secret\r\nconnection: upgrade\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_http_is_a_passing_fault(tmp_path: Path, answer: bytes) -> None:
    """Nothing of the server's text is repeated."""

    async def nonsense(_: Request, line: Line) -> None:
        await line.send(answer)

    outcome = await outcome_of(nonsense, tmp_path / "a")
    assert outcome.reason is Reason.PASSING
    assert "secret" not in outcome.why


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate"])
async def test_what_was_packed_unasked_is_unpacked(tmp_path: Path, coding: str) -> None:
    """Some CDNs compress whatever they are asked."""
    packed = zlib.compress(BODY) if coding == "deflate" else gzip.compress(BODY)

    async def packs(_: Request, line: Line) -> None:
        await line.answer(200, packed, content_encoding=coding)

    async with Site(packs) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)


async def test_a_packed_body_of_several_parts_is_unpacked(tmp_path: Path) -> None:
    """Gzip allows it."""

    async def packs(_: Request, line: Line) -> None:
        halves = gzip.compress(BODY[:1000]) + gzip.compress(BODY[1000:])
        await line.answer(200, halves, content_encoding="gzip")

    async with Site(packs) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)


@pytest.mark.parametrize(
    ("packed", "coding", "why", "reason"),
    [
        (
            gzip.compress(BODY)[:-9],
            "gzip",
            "it ended in the middle of what it had compressed",
            Reason.PASSING,
        ),
        (BODY, "gzip", "it is said to be compressed, and can't be unpacked", Reason.PASSING),
        (BODY, "br", "it is compressed as 'br', which was not asked for", Reason.REFUSED),
        (
            gzip.compress(gzip.compress(BODY)),
            "gzip, gzip",
            "it is compressed as 'gzip, gzip', which was not asked for",
            Reason.REFUSED,
        ),
    ],
)
async def test_what_can_not_be_unpacked_is_no_file(
    tmp_path: Path, packed: bytes, coding: str, why: str, reason: Reason
) -> None:
    """Neither a part of it, nor the packed form itself."""

    async def packs(_: Request, line: Line) -> None:
        await line.answer(200, packed, content_encoding=coding)

    assert await outcome_of(packs, tmp_path / "a") == NotFetched(why, reason)


async def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """200 kB hold 200 MB; the limit counts what comes out."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()

    async def bombs(_: Request, line: Line) -> None:
        await line.answer(200, bomb, content_encoding="gzip")

    tracemalloc.start()
    outcome = await outcome_of(bombs, tmp_path / "a", most=50_000_000)
    _, most_taken = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome == NotFetched("it is larger than 50000000 bytes", Reason.TOO_LARGE)
    assert most_taken < 3_000_000


async def test_a_cancelled_fetch_leaves_nothing(tmp_path: Path) -> None:
    """Neither a file nor a connection."""
    begun = asyncio.Event()
    left = asyncio.Event()

    async def stalls(_: Request, line: Line) -> None:
        await line.head(200, content_length=len(BODY))
        await line.send(BODY[:200_000])
        begun.set()
        try:
            while True:
                await line.send(b"")
                await asyncio.sleep(0)
        finally:
            left.set()

    async with Site(stalls) as site, fetching(site) as fetcher:
        task = asyncio.ensure_future(fetcher.fetch(site.url, tmp_path / "a"))
        await begun.wait()
        task.cancel()
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
        assert not (tmp_path / "a").exists()
        await left.wait()
