"""One primitive through Draco and back."""

from concurrent.futures import Future
from typing import NamedTuple

from worker.glb.geometry.encode import Work
from worker.glb.geometry.levels import encode_best
from worker.glb.geometry.verify import Decoded, Expected, expect, verify
from worker.glb.options import Options


class Attempt(NamedTuple):
    blob: bytes
    level: int
    decoded: Decoded


def attempt(work: Work, expected: Future[Expected], options: Options) -> Attempt:
    """Encoded and checked in one thread.

    The decoder then finds the memory that the encoder gave back: 30 MB less at 300,000 triangles.
    """
    level, blob = encode_best(work, options)
    return Attempt(blob, level, verify(blob, work, expected.result()))


def promise(expected: Future[Expected], work: Work) -> None:
    """Whoever waits is told, also of a failure."""
    try:
        expected.set_result(expect(work))
    except BaseException as error:
        expected.set_exception(error)
        raise
