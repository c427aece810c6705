"""Accessors as numpy arrays: views of the file's own bytes wherever that is possible."""

from typing import Any

import numpy as np
import numpy.typing as npt

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.layout import COMPONENT_BYTES, WIDTHS, element_bytes

Array = npt.NDArray[Any]

DTYPES: dict[int, np.dtype[Any]] = {
    5120: np.dtype("i1"),
    5121: np.dtype("u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
COMPONENT_TYPES = {dtype: component_type for component_type, dtype in DTYPES.items()}


def read_accessor(document: Document, index: int) -> Array:
    """One row an element. Read-only, and without a copy unless the accessor is sparse."""
    accessor = document.item("accessors", index)
    if accessor["type"].startswith("MAT"):
        raise GlbError(f"accessor {index}", "matrices are not read")
    dense = read_dense(document, accessor)
    return read_sparse(document, index, dense) if "sparse" in accessor else dense


def read_dense(document: Document, accessor: Json) -> Array:
    dtype, width = DTYPES[accessor["componentType"]], WIDTHS[accessor["type"]]
    if "bufferView" not in accessor:
        return np.zeros((accessor["count"], width), dtype)
    view = document.item("bufferViews", accessor["bufferView"])
    return np.ndarray(
        (accessor["count"], width),
        dtype,
        document.view(accessor["bufferView"]),
        accessor.get("byteOffset", 0),
        (view.get("byteStride", element_bytes(accessor)), dtype.itemsize),
    )


def read_sparse(document: Document, index: int, dense: Array) -> Array:
    accessor = document.item("accessors", index)
    sparse = accessor["sparse"]
    at = read_packed(document, sparse["indices"], sparse["indices"]["componentType"], 1, sparse)
    values = read_packed(
        document, sparse["values"], accessor["componentType"], dense.shape[1], sparse
    )
    if len(at) and at.max() >= len(dense):
        raise GlbError(f"accessor {index}", f"sparse names element {at.max()} of {len(dense)}")
    filled = dense.copy()
    filled[at[:, 0]] = values
    return filled


def read_packed(
    document: Document, place: Json, component_type: int, width: int, sparse: Json
) -> Array:
    count, offset = sparse["count"], place.get("byteOffset", 0)
    data = document.view(place["bufferView"])
    size = count * width * COMPONENT_BYTES[component_type]
    return np.frombuffer(data[offset : offset + size], DTYPES[component_type]).reshape(count, width)
