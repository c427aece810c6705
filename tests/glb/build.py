"""Builds GLB files in code: every test says what it needs, and no sample is copied."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import COMPONENT_TYPES
from worker.glb.container import Json, write_container

Array = npt.NDArray[Any]
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
VERTICES, INDICES = 34962, 34963


@dataclass
class Builder:
    """Each `add` gives the index of what it added."""

    root: Json = field(default_factory=lambda: {"asset": {"version": "2.0"}})
    binary: bytearray = field(default_factory=bytearray)

    def add(self, kind: str, item: Json) -> int:
        items: list[Json] = self.root.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def view(self, data: bytes, **more: Any) -> int:
        self.binary += bytes(-len(self.binary) % 4)
        offset = len(self.binary)
        self.binary += data
        place = {"buffer": 0, "byteOffset": offset, "byteLength": len(data)}
        return self.add("bufferViews", place | more)

    def accessor(self, values: Array, *, bounds: bool = False, **more: Any) -> int:
        rows = values.reshape(len(values), -1)
        target = {} if more.pop("bare", False) else {"target": VERTICES}
        item = {
            "bufferView": self.view(np.ascontiguousarray(rows).tobytes(), **target),
            "componentType": COMPONENT_TYPES[values.dtype],
            "count": len(rows),
            "type": TYPES[rows.shape[1]],
        }
        if bounds:
            item |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        return self.add("accessors", item | more)

    def indices(self, faces: Array) -> int:
        flat = faces.reshape(-1, 1)
        index = self.accessor(flat, bare=True)
        self.root["bufferViews"][-1]["target"] = INDICES
        return index

    def primitive(
        self, attributes: dict[str, Array], faces: Array | None = None, **more: Any
    ) -> Json:
        item: Json = {
            "attributes": {
                name: self.accessor(values, bounds=name == "POSITION", normalized=True)
                if values.dtype.kind in "iu" and not name.startswith(("JOINTS", "_"))
                else self.accessor(values, bounds=name == "POSITION")
                for name, values in attributes.items()
            }
        }
        if faces is not None:
            item["indices"] = self.indices(faces)
        return item | more

    def mesh(self, *primitives: Json, **more: Any) -> int:
        """With a node in the scene that shows it."""
        mesh = self.add("meshes", {"primitives": list(primitives)} | more)
        node = self.add("nodes", {"mesh": mesh})
        scene = self.root.setdefault("scenes", [{"nodes": []}])[0]
        scene["nodes"].append(node)
        return mesh

    def image(self, data: bytes, mime: str, **more: Any) -> int:
        return self.add("images", {"bufferView": self.view(data), "mimeType": mime} | more)

    def texture(self, image: int, **more: Any) -> int:
        return self.add("textures", {"source": image} | more)

    def material(self, **more: Any) -> int:
        return self.add("materials", more)

    def textured(self) -> "Builder":
        """Every primitive gets a material whose texture TEXCOORD_0 places."""
        texture = {"index": self.add("textures", {})}
        material = self.material(pbrMetallicRoughness={"baseColorTexture": texture})
        for mesh in self.root["meshes"]:
            for primitive in mesh["primitives"]:
                primitive["material"] = material
        return self

    def declare(self, name: str, *, required: bool = False) -> None:
        keys = ("extensionsUsed", "extensionsRequired") if required else ("extensionsUsed",)
        for key in keys:
            self.root.setdefault(key, []).append(name)

    def data(self) -> bytes:
        buffers = {"buffers": [{"byteLength": len(self.binary)}]} if self.binary else {}
        return write_container(buffers | self.root, [bytes(self.binary)] if self.binary else [])


@dataclass(frozen=True)
class Surface:
    positions: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    uvs: npt.NDArray[np.float32]
    faces: npt.NDArray[np.uint32]

    @property
    def attributes(self) -> dict[str, Array]:
        return {"POSITION": self.positions, "NORMAL": self.normals, "TEXCOORD_0": self.uvs}


def bumpy(rows: int = 24, seed: int = 1) -> Surface:
    """A square of hills: rows by rows vertices, no two triangles alike."""
    noise = np.random.default_rng(seed).normal(size=(rows, rows)) * 0.2 / rows
    u, v = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, rows), indexing="ij")
    height = np.sin(5 * u) * np.cos(4 * v) / 5 + noise
    slopes = np.gradient(height, 1 / (rows - 1))
    normals = np.stack([-slopes[0], -slopes[1], np.ones_like(u)], axis=-1).reshape(-1, 3)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    corner = (np.arange(rows - 1)[:, None] * rows + np.arange(rows - 1)).ravel()
    around = np.stack([corner, corner + rows, corner + rows + 1, corner + 1], axis=1)
    return Surface(
        positions=np.stack([u, v, height], axis=-1).reshape(-1, 3).astype(np.float32),
        normals=normals.astype(np.float32),
        uvs=np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        faces=np.concatenate([around[:, [0, 1, 2]], around[:, [0, 2, 3]]]).astype(np.uint32),
    )


def one_mesh(surface: Surface | None = None, **more: Any) -> Builder:
    """A file with one indexed primitive of positions, normals and texture coordinates."""
    surface = surface or bumpy()
    builder = Builder()
    builder.mesh(builder.primitive(surface.attributes, surface.faces, **more))
    return builder


def with_longer_json(data: bytes, old: bytes, new: bytes) -> bytes:
    """What the writer would not write so: deep, or with numbers that it writes in another way."""
    more = len(new) - len(old)
    size, length = (int.from_bytes(data[at : at + 4], "little") + more for at in (8, 12))
    head = data[:8] + size.to_bytes(4, "little") + length.to_bytes(4, "little")
    return head + data[16:].replace(old, new)
