"""Calls Draco. What its Python binding can't say is put right in the bytes afterwards.

The binding knows no signed generic attributes. Their type stands in the stream as one plain byte
of the header `attribute type 4, data type, components, normalized 0, unique id`, so they are
encoded as unsigned of the same size under a rare id and that byte is changed. Two's complement
costs 1.5 % more than a biased form would, and needs no such form to be known to any decoder.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from worker.glb.accessors import Array
from worker.glb.geometry.channels import Channel, Way
from worker.glb.geometry.faces import Faces
from worker.glb.geometry.grid import Grid

GENERIC = 4
FIRST_SIGNED_ID = 90
# data types of Draco: what we encode as → what it is
SIGNED: dict[object, tuple[np.dtype[Any], int, int]] = {
    np.dtype("i1"): (np.dtype("u1"), 2, 1),
    np.dtype("<i2"): (np.dtype("<u2"), 4, 3),
}


class EncodingError(Exception):
    """Draco would not, or the result could not be put right. The primitive stays as it is."""


@dataclass(frozen=True, slots=True)
class Work:
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
            work.positions.values,
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
    except (DracoPy.EncodingFailedException, ValueError, AssertionError) as error:
        raise EncodingError(f"Draco refused it: {error}") from None
    return with_signed_types(blob, work)


def as_double(channel: Channel | None) -> Array | None:
    """The binding insists on double precision, and makes single of it again."""
    return None if channel is None else channel.values.astype(np.float64)


def generic_ids(work: Work) -> dict[str, int]:
    exact = [channel for channel in work.channels if channel.way is Way.EXACT]
    return {
        channel.name: number + (FIRST_SIGNED_ID if channel.values.dtype in SIGNED else 0)
        for number, channel in enumerate(exact)
    }


def generic_attributes(work: Work) -> dict[int, Array]:
    ids = generic_ids(work)
    return {
        ids[channel.name]: channel.values.view(SIGNED[channel.values.dtype][0])
        if channel.values.dtype in SIGNED
        else channel.values
        for channel in work.channels
        if channel.name in ids
    }


def unique_ids(work: Work) -> dict[str, int]:
    """The binding counts on from the largest generic id: colour, texture, normal, position last."""
    ids = generic_ids(work)
    following = max(ids.values(), default=-1) + 1
    for way in (Way.COLOUR, Way.UV, Way.NORMAL, Way.POSITION):
        channel = work.of(way)
        if channel is not None:
            ids[channel.name] = following
            following += 1
    return ids


def with_signed_types(blob: bytes, work: Work) -> bytes:
    ids = generic_ids(work)
    for channel in work.channels:
        if channel.name in ids and channel.values.dtype in SIGNED:
            _, unsigned, signed = SIGNED[channel.values.dtype]
            tail = bytes([channel.values.shape[1], 0, ids[channel.name]])
            header = bytes([GENERIC, unsigned]) + tail
            if blob.count(header) != 1:
                raise EncodingError(f"{channel.name}: its header was not found exactly once")
            blob = blob.replace(header, bytes([GENERIC, signed]) + tail)
    return blob
