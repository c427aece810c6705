"""Is what Draco made really the model? Decode it and compare every triangle, every attribute."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from worker.glb.geometry.channels import Channel, Way
from worker.glb.geometry.encode import DRACO_TYPES, EncodingError, Work, unique_ids
from worker.glb.geometry.fingerprint import blocks, fingerprint
from worker.glb.geometry.rounding import box, on_octahedron, rounded

Array = npt.NDArray[Any]


class Expected(NamedTuple):
    """Taken from the source while Draco is still encoding it."""

    fingerprint: int
    position_error: float


class Decoded(NamedTuple):
    vertices: int
    triangles: int
    low: list[float]
    high: list[float]


@np.errstate(over="ignore", invalid="ignore")  # what is no number fails the comparison
def expect(work: Work) -> Expected:
    return Expected(fingerprint(work.faces, expected_columns(work)), position_error(work))


def position_error(work: Work) -> float:
    if work.positions.way is Way.WHOLE_POSITION:
        return 0.0
    values = work.positions.values
    farthest = [farthest_square(work, values[block]) for block in blocks(len(values))]
    return math.sqrt(np.max(farthest))


def farthest_square(work: Work, values: Array) -> float:
    moved = rounded(values, work.grid.origin, work.grid.span, work.grid.bits)
    return float(np.square(moved.astype(np.float64) - values).sum(axis=1).max())


def expected_columns(work: Work, *, fused: bool = False) -> Iterator[Array]:
    for channel in work.channels:
        yield expected_values(work, channel, fused=fused)


def expected_values(work: Work, channel: Channel, *, fused: bool) -> Array:
    match channel.way:
        case Way.POSITION:
            grid = work.grid
            return rounded(channel.values, grid.origin, grid.span, grid.bits, fused=fused)
        case Way.UV:
            return rounded(channel.values, *box(channel.values), channel.bits, fused=fused)
        case Way.NORMAL:
            return directions(channel.values, channel.bits, fused=fused)
        case _:
            return channel.values


def directions(normals: Array, bits: int, *, fused: bool = False) -> Array:
    parts = [
        on_octahedron(normals[block].astype(np.float64), bits, fused=fused)
        for block in blocks(len(normals))
    ]
    return np.concatenate(parts)


@np.errstate(over="ignore", invalid="ignore")
def verify(blob: bytes, work: Work, expected: Expected) -> Decoded:
    """Raise an EncodingError unless decoding gives what rounding the source must give."""
    import DracoPy  # type: ignore[import-not-found]  # noqa: PLC0415 - has no types

    if not expected.position_error <= work.grid.bound:
        raise EncodingError(f"a vertex would move by {expected.position_error:.3g}")
    try:
        mesh = DracoPy.decode(blob)
    except (DracoPy.FileTypeException, MemoryError, RuntimeError, ValueError) as error:
        raise EncodingError(f"what Draco wrote can't be decoded: {error}") from None
    attributes = {attribute["unique_id"]: attribute for attribute in mesh.attributes}
    columns = list(decoded_columns(work, attributes))
    if len(mesh.faces) != len(work.faces):
        raise EncodingError(f"{len(work.faces) - len(mesh.faces)} triangles would be lost")
    found = fingerprint(mesh.faces, columns)
    if found != expected.fingerprint and found != fused_fingerprint(work):
        raise EncodingError("what was decoded differs from the source")
    positions = columns[0]
    low, high = positions.min(axis=0), positions.max(axis=0)
    return Decoded(len(positions), len(mesh.faces), low.tolist(), high.tolist())


def fused_fingerprint(work: Work) -> int:
    return fingerprint(work.faces, expected_columns(work, fused=True))


def decoded_columns(work: Work, attributes: dict[int, dict[str, Any]]) -> Iterator[Array]:
    ids = unique_ids(work)
    if len(attributes) != len(ids):
        raise EncodingError(f"{len(attributes)} attributes came back of {len(ids)}")
    for channel in work.channels:
        found = attributes.get(ids[channel.name])
        if found is None or found["data_type"] != DRACO_TYPES[channel.values.dtype]:
            raise EncodingError(f"{channel.name} came back as another type or not at all")
        if found["data"].shape[1] != channel.values.shape[1]:
            raise EncodingError(f"{channel.name} came back with another width")
        yield decoded_values(channel, found["data"])


def decoded_values(channel: Channel, values: Array) -> Array:
    """The binding widens what it has no type for; small whole numbers survive that."""
    if channel.way is Way.NORMAL:
        return directions(values, channel.bits)
    return values.astype(channel.values.dtype, copy=False)
