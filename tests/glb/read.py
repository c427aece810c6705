"""Reads what the optimiser wrote, with Google's decoder and none of the checks under test."""

from dataclasses import dataclass
from typing import Any

import DracoPy  # type: ignore[import-not-found]
import numpy as np
import numpy.typing as npt

from worker.glb.accessors import DTYPES, read_accessor
from worker.glb.container import Json
from worker.glb.document import Document

Array = npt.NDArray[Any]
DRACO = "KHR_draco_mesh_compression"


@dataclass(frozen=True)
class Geometry:
    attributes: dict[str, Array]
    faces: Array
    accessors: dict[str, Json]
    compressed: bool

    @property
    def corners(self) -> Array:
        """Where each triangle's corners are, each turned to begin with its lowest, in order."""
        return sorted_triangles(self.attributes["POSITION"][self.faces])


def read_geometry(data: bytes, mesh: int = 0, primitive: int = 0) -> Geometry:
    document = Document.read(data)
    item = document.item("meshes", mesh)["primitives"][primitive]
    accessors = {name: document.item("accessors", at) for name, at in item["attributes"].items()}
    if DRACO in item.get("extensions", {}):
        return read_draco(document, item["extensions"][DRACO], accessors)
    attributes = {name: read_accessor(document, at) for name, at in item["attributes"].items()}
    if "indices" in item:
        faces = read_accessor(document, item["indices"]).reshape(-1, 3)
    else:
        faces = np.arange(len(attributes["POSITION"])).reshape(-1, 3)
    return Geometry(attributes, faces, accessors, compressed=False)


def read_draco(document: Document, payload: Json, accessors: dict[str, Json]) -> Geometry:
    mesh = DracoPy.decode(bytes(document.view(payload["bufferView"])))
    found = {attribute["unique_id"]: attribute["data"] for attribute in mesh.attributes}
    attributes = {
        name: found[unique_id].astype(DTYPES[accessors[name]["componentType"]])
        for name, unique_id in payload["attributes"].items()
    }
    return Geometry(attributes, mesh.faces, accessors, compressed=True)


def as_floats(geometry: Geometry, name: str) -> Array:
    values = geometry.attributes[name]
    if not geometry.accessors[name].get("normalized"):
        return values.astype(np.float64)
    return np.maximum(values / np.iinfo(values.dtype).max, -1)


def sorted_triangles(triangles: Array) -> Array:
    rows = triangles.reshape(len(triangles), 3, -1)
    first = np.array([min(range(3), key=lambda corner: tuple(row[corner])) for row in rows])
    turned = np.stack([np.roll(row, -at, axis=0) for row, at in zip(rows, first, strict=True)])
    flat = turned.reshape(len(turned), -1)
    return flat[np.lexsort(flat.T[::-1])]


def nearest(source: Geometry, output: Geometry) -> Array:
    """For each vertex of the output the source's vertex that lies nearest to it."""
    here, there = source.attributes["POSITION"], output.attributes["POSITION"]
    return np.array([np.abs(here - point).sum(axis=1).argmin() for point in there])
