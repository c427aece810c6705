"""Corners that are equal in everything become one vertex.

Draco does it too, but three times as slowly and with 150 bytes a corner; where a file has no
indices that is most of the work.
"""

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import Array, read_accessor
from worker.glb.document import Document
from worker.glb.geometry.faces import Shape
from worker.glb.geometry.fingerprint import hashed_rows
from worker.glb.geometry.groups import Group


def welded(document: Document, group: Group, shape: Shape) -> Shape:
    """The first of equal vertices stays. Equal hashes are not enough: all bits are compared."""
    rows = [shape.take(read_accessor(document, index)) for index in group.attributes.values()]
    first, numbers = first_of_equals(hashed_rows(rows))
    if len(first) == len(numbers) or not all(is_same(row, first[numbers]) for row in rows):
        return shape
    return shape._replace(
        faces=numbers[shape.faces].astype(np.uint32),
        vertices=first if shape.vertices is None else shape.vertices[first],
        positions=shape.positions[first],
    )


def first_of_equals(
    keys: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each different key stands first, in the order of the file, and the key of each row.

    numpy's own `unique` sorts in a stable way, which takes twice as long, and the first of equals
    can be found without.
    """
    order = np.argsort(keys)
    starts = np.flatnonzero(begins_another(keys[order]))
    first = np.minimum.reduceat(order, starts)
    kept = np.zeros(len(keys), bool)
    kept[first] = True
    ranks = np.cumsum(kept) - 1
    numbers = np.empty_like(order)
    numbers[order] = np.repeat(ranks[first], np.diff(starts, append=len(keys)))
    return np.flatnonzero(kept), numbers


def begins_another(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    begins = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return begins


def is_same(values: Array, others: npt.NDArray[np.int64]) -> bool:
    packed = np.ascontiguousarray(values)
    row = packed.itemsize * packed.shape[1]
    bits = packed.view(np.uint8).reshape(len(packed), row)
    if row % 4 == 0:
        bits = bits.view(np.uint32)
    return np.array_equal(np.take(bits, others, axis=0), bits)
