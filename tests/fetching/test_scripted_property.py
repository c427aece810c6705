"""Servers that drip, cut, change their file and lie, as a machine thinks them up."""

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.fetching.fetching import HASTE, fetching
from tests.fetching.site import Line, Request, Site
from worker.fetching import Fetched, NotFetched

MOST = 400_000


class Lie(Enum):
    NONE = auto()
    OFFSET = auto()
    TOTAL = auto()
    NO_SPAN = auto()
    MORE_THAN_THE_SPAN = auto()
    LONGER_THAN_IT_IS = auto()
    NOT_THAT_RANGE = auto()
    BUSY = auto()
    GONE = auto()
    PART_UNASKED = auto()
    PACKED = auto()


@dataclass(frozen=True)
class Step:
    """How one request is answered."""

    version: int
    cut_at: float
    """Of what is left to send; 1 and more is no cut."""
    piece: int
    chunked: bool
    heeds_ranges: bool
    offers_ranges: bool
    lie: Lie


STEPS = st.builds(
    Step,
    version=st.sampled_from([0] * 6 + [1]),
    cut_at=st.floats(0, 1.5),
    piece=st.sampled_from([1_000, 16_384, 65_536, 200_000]),
    chunked=st.booleans(),
    heeds_ranges=st.sampled_from([True] * 6 + [False]),
    offers_ranges=st.sampled_from([True] * 6 + [False]),
    lie=st.sampled_from([Lie.NONE] * 24 + list(Lie)),
)
SIZES = st.sampled_from([0, 1, MOST, MOST + 1]) | st.integers(2, 350_000)
VERSIONS = st.tuples(st.tuples(SIZES, st.just(1)), st.tuples(SIZES, st.just(2)))


class Scripted:
    def __init__(self, files: Sequence[bytes], steps: Sequence[Step]) -> None:
        self._files = files
        self._left = list(steps)

    async def __call__(self, request: Request, line: Line) -> None:
        step = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        file = self._files[step.version]
        first = request.first_byte if self._gives_a_part(step, request) else None
        match step.lie:
            case Lie.NOT_THAT_RANGE:
                await line.answer(416, content_range=f"bytes */{len(file)}")
            case Lie.BUSY:
                await line.answer(503, b"busy")
            case Lie.GONE:
                await line.answer(404, b"gone")
            case Lie.PART_UNASKED if file and first is None:
                await self._send(line, step, file, len(file) // 2)
            case _:
                await self._send(line, step, file, first)

    def _gives_a_part(self, step: Step, request: Request) -> bool:
        same = request.lines.get("if-range") == _tag(step)
        return step.heeds_ranges and same and request.first_byte is not None

    async def _send(self, line: Line, step: Step, file: bytes, first: int | None) -> None:
        start = first or 0
        if step.lie is Lie.OFFSET and first is not None:
            start = max(0, start - 7)
        body = file[start:]
        said = {"etag": _tag(step), "accept-ranges": "bytes" if step.offers_ranges else "none"}
        if first is not None and step.lie is not Lie.NO_SPAN:
            total = len(file) + (5 if step.lie is Lie.TOTAL else 0)
            said["content-range"] = f"bytes {start}-{len(file) - 1}/{total}"
        if step.lie is Lie.MORE_THAN_THE_SPAN and first is not None:
            body += b"more"
        if step.lie is Lie.PACKED:
            said["content-encoding"] = "gzip"
        await self._body(line, step, 200 if first is None else 206, body, said)

    async def _body(
        self, line: Line, step: Step, status: int, body: bytes, said: dict[str, str]
    ) -> None:
        if step.chunked:
            await line.head(status, **said, transfer_encoding="chunked")
        else:
            more = 9 if step.lie is Lie.LONGER_THAN_IT_IS else 0
            await line.head(status, **said, content_length=len(body) + more)
        sent = body[: int(len(body) * step.cut_at)]
        for at in range(0, len(sent), step.piece):
            piece = sent[at : at + step.piece]
            await (line.chunk(piece) if step.chunked else line.send(piece))
        if step.chunked and len(sent) == len(body) and step.lie is not Lie.LONGER_THAN_IT_IS:
            await line.chunk(b"")


def _tag(step: Step) -> str:
    return f'"{step.version}"'


async def outcome_of(script: Scripted, target: Path) -> tuple[Fetched | NotFetched, int]:
    async with Site(script) as site, fetching(site, most=MOST, patience=HASTE) as fetcher:
        return await fetcher.fetch(site.url, target), len(site.requests)


@given(versions=VERSIONS, steps=st.lists(STEPS, min_size=4, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_fetch_ends_with_every_byte_or_with_none(
    versions: tuple[tuple[int, int], tuple[int, int]], steps: list[Step]
) -> None:
    """The file is one version of what the server has, whole; or it is not there."""
    files = [Random(seed).randbytes(size) for size, seed in versions]  # noqa: S311 - no secrets
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "a"
        outcome, requests = asyncio.run(outcome_of(Scripted(files, steps), target))
        assert requests <= 4
        if isinstance(outcome, NotFetched):
            event(outcome.why.translate(_WITHOUT_NUMBERS))
            assert list(Path(folder).iterdir()) == []
            return
        event(f"fetched by {requests} requests")
        body = target.read_bytes()
        assert body in files
        assert 0 < len(body) <= MOST
        assert (outcome.bytes, outcome.sha256) == (len(body), hashlib.sha256(body).hexdigest())


_WITHOUT_NUMBERS = str.maketrans(dict.fromkeys("0123456789", "n"))
