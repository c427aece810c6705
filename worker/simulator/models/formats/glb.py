"""glTF 2.0 in one file: one mesh, one primitive, its pictures inside, nothing compressed."""

import json
import struct
from typing import Any

from worker.simulator.models.arrays import Floats, Indices
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

FLOAT, UNSIGNED_INT = 5126, 5125
VERTICES, INDICES = 34962, 34963
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
GREY = (0.8, 0.8, 0.8, 1.0)


def glb(mesh: Mesh, maps: Maps) -> bytes:
    document = _Document()
    primitive = {
        "attributes": document.vertices(mesh, textured=bool(maps.separate)),
        "indices": document.indices(mesh.triangles if maps.separate else mesh.faces),
        "material": 0,
    }
    material = document.material(maps)
    return document.packed(primitive, material)


class _Document:
    def __init__(self) -> None:
        self._binary = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []

    def vertices(self, mesh: Mesh, *, textured: bool) -> dict[str, int]:
        """Where a seam parts the texture, a textured model has a point twice."""
        if not textured:
            return self._attributes(POSITION=mesh.points, NORMAL=mesh.normals)
        points, normals = mesh.points[mesh.point], mesh.normals[mesh.point]
        return self._attributes(POSITION=points, NORMAL=normals, TEXCOORD_0=mesh.coordinates)

    def indices(self, triangles: Indices) -> int:
        view = self._view(triangles.astype("<u4").tobytes(), target=INDICES)
        facts = {"componentType": UNSIGNED_INT, "count": triangles.size, "type": "SCALAR"}
        return self._accessor(view, facts)

    def material(self, maps: Maps) -> dict[str, Any]:
        if not maps.separate:
            surface = {"baseColorFactor": GREY, "metallicFactor": 0.0, "roughnessFactor": 0.9}
            return {"name": "material", "pbrMetallicRoughness": surface}
        base = {"baseColorTexture": self._texture(maps.separate["base_color"], "image/jpeg")}
        if maps.packed is None:
            dull = {**base, "metallicFactor": 0.0, "roughnessFactor": 0.8}
            return {"name": "material", "pbrMetallicRoughness": dull}
        packed = self._texture(maps.packed, "image/png")
        return {
            "name": "material",
            "pbrMetallicRoughness": {**base, "metallicRoughnessTexture": packed},
            "normalTexture": self._texture(maps.separate["normal"], "image/png"),
            "occlusionTexture": packed,
        }

    def packed(self, primitive: dict[str, Any], material: dict[str, Any]) -> bytes:
        textures = [{"sampler": 0, "source": index} for index in range(len(self._images))]
        sampler = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}
        pictures = {"images": self._images, "textures": textures, "samplers": [sampler]}
        tree = {
            "asset": {"version": "2.0", "generator": "meshqueue simulator"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0, "name": "model"}],
            "meshes": [{"name": "model", "primitives": [primitive]}],
            "materials": [material],
            **(pictures if self._images else {}),
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._binary)}],
        }
        return _framed(json.dumps(tree, separators=(",", ":")).encode(), bytes(self._binary))

    def _attributes(self, **attributes: Floats) -> dict[str, int]:
        return {name: self._attribute(name, values) for name, values in attributes.items()}

    def _attribute(self, name: str, values: Floats) -> int:
        stored = values.astype("<f4")
        facts = {"componentType": FLOAT, "count": len(stored), "type": f"VEC{stored.shape[1]}"}
        if name == "POSITION":
            facts |= {"min": stored.min(axis=0).tolist(), "max": stored.max(axis=0).tolist()}
        return self._accessor(self._view(stored.tobytes(), target=VERTICES), facts)

    def _accessor(self, view: int, facts: dict[str, Any]) -> int:
        self._accessors.append({"bufferView": view, **facts})
        return len(self._accessors) - 1

    def _view(self, data: bytes, target: int | None = None) -> int:
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        self._views.append(view if target is None else {**view, "target": target})
        self._binary += data + b"\0" * (-len(data) % 4)
        return len(self._views) - 1

    def _texture(self, file: bytes, content_type: str) -> dict[str, int]:
        self._images.append({"bufferView": self._view(file), "mimeType": content_type})
        return {"index": len(self._images) - 1}


def _framed(tree: bytes, binary: bytes) -> bytes:
    tree += b" " * (-len(tree) % 4)
    chunks = struct.pack("<II", len(tree), JSON_CHUNK) + tree
    chunks += struct.pack("<II", len(binary), BINARY_CHUNK) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
