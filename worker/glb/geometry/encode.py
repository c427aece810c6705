"""Calls Draco. What its Python binding can't say is put right in the bytes afterwards.

The binding knows no signed generic attributes. Their type stands in the stream as one plain byte
of the header `attribute type 4, data type, components, normalized 0, unique id`, so they are
encoded as unsigned of the same size under a rare id and that byte is changed. Two's complement
costs 1.5 % more than a biased form would, and needs no such form to be known to any decoder.
Positions that are small integers are narrowed from 32 bits in the same way.
"""

from typing import Any, NamedTuple

import numpy as np

from worker.glb.accessors import Array
from worker.glb.geometry.channels import Channel, Way
from worker.glb.geometry.faces import Faces
from worker.glb.geometry.grid import Grid

POSITION, GENERIC = 0, 4
FIRST_RARE_ID = 90
ERRORS_OF_THE_BINDING = (AssertionError, MemoryError, OverflowError, RuntimeError, ValueError)
UNSIGNED_FOR: dict[Any, np.dtype[Any]] = {
    np.dtype("i1"): np.dtype("u1"),
    np.dtype("<i2"): np.dtype("<u2"),
}
DRACO_TYPES = {
    np.dtype("i1"): 1,
    np.dtype("u1"): 2,
    np.dtype("<i2"): 3,
    np.dtype("<u2"): 4,
    np.dtype("<i4"): 5,
    np.dtype("<u4"): 6,
    np.dtype("<f4"): 9,
}


class EncodingError(Exception):
    """Draco would not, or the result could not be put right. The primitive stays as it is."""


class Work(NamedTuple):
    """A primitive ready for Draco. The first channel is the positions."""

    faces: Faces
    channels: tuple[Channel, ...]
    grid: Grid

    @property
    def positions(self) -> Channel:
        return self.channels[0]

    def of(self, way: Way) -> Channel | None:
        return next((channel for channel in self.channels if channel.way is way), None)


def encode(work: Work, level: int) -> bytes:
    import DracoPy  # type: ignore[import-not-found]  # noqa: PLC0415 - has no types; only where there is something to encode

    uv, normals, colour = work.of(Way.UV), work.of(Way.NORMAL), work.of(Way.COLOUR)
    try:
        blob: bytes = DracoPy.encode(
            as_points(work.positions),
            work.faces,
            quantization_bits=work.grid.bits,
            quantization_origin=work.grid.origin if work.grid.common else None,
            quantization_range=work.grid.span if work.grid.common else -1,
            compression_level=level,
            tex_coord=as_double(uv),
            tex_coord_quantization_bits=uv and uv.bits,
            normals=as_double(normals),
            normal_quantization_bits=normals and normals.bits,
            colors=colour and colour.values,
            generic_attributes=generic_attributes(work),
        )
    except (DracoPy.EncodingFailedException, *ERRORS_OF_THE_BINDING) as error:
        raise EncodingError(f"Draco refused it: {error}") from None
    return with_true_types(blob, work)


def as_double(channel: Channel | None) -> Array | None:
    """The binding insists on double precision, and makes single of it again."""
    return None if channel is None else channel.values.astype(np.float64)


def as_points(positions: Channel) -> Array:
    """Small integers travel as wide ones: the binding knows no others."""
    if positions.way is Way.POSITION:
        return positions.values
    return positions.values.astype("i4" if positions.values.dtype.kind == "i" else "u4")


def generic_ids(work: Work) -> dict[str, int]:
    """Rare where a header is to be found by its id."""
    exact = [channel for channel in work.channels if channel.way is Way.EXACT]
    whole = work.positions.way is Way.WHOLE_POSITION
    return {
        channel.name: number
        + (FIRST_RARE_ID if whole or channel.values.dtype in UNSIGNED_FOR else 0)
        for number, channel in enumerate(exact)
    }


def generic_attributes(work: Work) -> dict[int, Array]:
    ids = generic_ids(work)
    return {
        ids[channel.name]: channel.values.view(
            UNSIGNED_FOR.get(channel.values.dtype, channel.values.dtype)
        )
        for channel in work.channels
        if channel.name in ids
    }


def unique_ids(work: Work) -> dict[str, int]:
    """The binding counts on from the largest generic id: colour, texture, normal, position last."""
    ids = generic_ids(work)
    following = max(ids.values(), default=-1) + 1
    named = [work.of(way) for way in (Way.COLOUR, Way.UV, Way.NORMAL)]
    for channel in (*named, work.positions):
        if channel is not None:
            ids[channel.name] = following
            following += 1
    return ids


def with_true_types(blob: bytes, work: Work) -> bytes:
    ids = unique_ids(work)
    for channel in work.channels:
        written = type_as_written(channel)
        meant = DRACO_TYPES[channel.values.dtype]
        if written != meant:
            kind = POSITION if channel is work.positions else GENERIC
            tail = bytes([channel.values.shape[1], 0, ids[channel.name]])
            header = bytes([kind, written]) + tail
            if blob.count(header) != 1:
                raise EncodingError(f"{channel.name}: its header was not found exactly once")
            blob = blob.replace(header, bytes([kind, meant]) + tail)
    return blob


def type_as_written(channel: Channel) -> int:
    if channel.way is Way.WHOLE_POSITION:
        return DRACO_TYPES[as_points(channel).dtype]
    if channel.way is Way.EXACT:
        return DRACO_TYPES[UNSIGNED_FOR.get(channel.values.dtype, channel.values.dtype)]
    return DRACO_TYPES[channel.values.dtype]
