"""Draco data that others made. It may be damaged, or made to do damage."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from worker.glb.accessors import Array
from worker.glb.geometry.decoder import LENGTH
from worker.glb.geometry.draco_header import declared_faces

DECODER = Path(__file__).with_name("decoder.py")
BYTES_A_SECOND = 100_000  # a twentieth of what the slowest real model was decoded at
SECONDS_AT_LEAST = 3
PATIENCE = 6  # times that, by the clock: the processor may have other work
# A million triangles take 0.3 GB to decode.
MAX_FACES = 10_000_000
MAX_BYTES = 1 << 30  # decoded; older formats don't say beforehand how many faces they have


class ForeignError(Exception):
    """What was sent can't be used; says why."""


@dataclass(frozen=True, slots=True)
class Mesh:
    faces: Array
    attributes: Mapping[int, Array]  # by unique id


def decode(streams: Sequence[bytes]) -> list[Mesh | ForeignError]:
    """In a process of its own. What can't be decoded has its reason in its place."""
    faces = sum(declared_faces(stream) or 0 for stream in streams)
    if faces > MAX_FACES:
        raise ForeignError(f"claims {faces:,} triangles, over the limit of {MAX_FACES:,}")
    seconds = SECONDS_AT_LEAST + sum(map(len, streams)) // BYTES_A_SECOND
    sent = b"".join(LENGTH.pack(len(stream)) + stream for stream in streams)
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(DECODER), str(seconds), str(MAX_BYTES)],
            input=sent,
            capture_output=True,
            timeout=PATIENCE * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ForeignError(f"is not decoded after {PATIENCE * seconds} seconds") from None
    if done.returncode:
        raise ForeignError(f"is not decoded within {seconds} seconds and 4 GB, or breaks Draco")
    return list(answers(BytesIO(done.stdout), len(streams)))


def answers(told: BytesIO, count: int) -> Iterator[Mesh | ForeignError]:
    for _ in range(count):
        facts = json.loads(told.readline())
        if "error" in facts:
            yield ForeignError(facts["error"])
        else:
            faces, *values = (read_array(told) for _ in range(1 + len(facts["ids"])))
            if len(faces) and any(len(rows) <= faces.max() for rows in values):
                yield ForeignError("is damaged: it names vertices that it does not have")
            else:
                yield Mesh(faces, dict(zip(facts["ids"], values, strict=True)))


def read_array(told: BytesIO) -> Array:
    array: Array = np.load(told, allow_pickle=False)
    return array
