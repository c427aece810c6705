"""Models such as AI providers return: one mesh, an atlas, three textures."""

import re
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tests.bench.glb.atlas import Unwrapped, unwrap
from tests.bench.glb.paint import base_colour, normal_map, occlusion_roughness_metal
from tests.bench.glb.thinning import model_like_mesh
from tests.support.cache import cache_folder

SIZES = {"gen10k": 10_000, "gen100k": 100_000, "gen300k": 300_000, "gen500k": 500_000}
AI_MODEL = re.compile(r"(AI|gen)\d+k")
TEXTURE = 2048
MANY = 4000
# Of a changed generator; so that what an older one left in the cache is not measured.
EDITION = 2
FLOAT, UINT32 = 5126, 5125
ARRAY, ELEMENTS = 34962, 34963


class Glb:
    """Collects buffer views and accessors."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {"asset": {"version": "2.0", "generator": "meshqueue bench"}}
        self.binary = bytearray()

    def add(self, kind: str, item: dict[str, Any]) -> int:
        self.root.setdefault(kind, []).append(item)
        return len(self.root[kind]) - 1

    def view(self, data: bytes, **more: int) -> int:
        self.binary += bytes(-len(self.binary) % 4)
        place = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        self.binary += data
        return self.add("bufferViews", place | more)

    def accessor(self, array: NDArray[Any], kind: str, target: int) -> int:
        described: dict[str, Any] = {
            "bufferView": self.view(array.tobytes(), target=target),
            "componentType": UINT32 if array.dtype == np.uint32 else FLOAT,
            "count": len(array),
            "type": kind,
        }
        if kind == "VEC3":
            described |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        return self.add("accessors", described)

    def texture(self, data: bytes, mime: str) -> dict[str, int]:
        image = self.add("images", {"bufferView": self.view(data), "mimeType": mime})
        return {"index": self.add("textures", {"source": image})}

    def to_bytes(self) -> bytes:
        self.binary += bytes(-len(self.binary) % 4)
        self.root["buffers"] = [{"byteLength": len(self.binary)}]
        text = orjson.dumps(self.root)
        text += b" " * (-len(text) % 4)
        length = 28 + len(text) + len(self.binary)
        head = struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A)
        return head + text + struct.pack("<II", len(self.binary), 0x004E4942) + self.binary


def is_ai_model(name: str) -> bool:
    """Those made here, and samples named like them, textures and all."""
    return AI_MODEL.fullmatch(name) is not None


def ai_like_model(triangles: int, *, texture: int = TEXTURE, seed: int = 5) -> bytes:
    glb = Glb()
    primitive = add_geometry(glb, unwrap(model_like_mesh(triangles, seed)))
    primitive["material"] = add_material(glb, texture, np.random.default_rng(seed))
    glb.add("meshes", {"primitives": [primitive]})
    glb.add("nodes", {"mesh": 0, "name": "model"})
    glb.root |= {"scene": 0, "scenes": [{"nodes": [0]}]}
    return glb.to_bytes()


def add_geometry(glb: Glb, mesh: Unwrapped) -> dict[str, Any]:
    return {
        "attributes": {
            "POSITION": glb.accessor(mesh.positions.astype(np.float32), "VEC3", ARRAY),
            "NORMAL": glb.accessor(mesh.normals.astype(np.float32), "VEC3", ARRAY),
            "TEXCOORD_0": glb.accessor(mesh.uvs.astype(np.float32), "VEC2", ARRAY),
        },
        "indices": glb.accessor(
            mesh.triangles.astype(np.uint32).reshape(-1, 1), "SCALAR", ELEMENTS
        ),
    }


def add_material(glb: Glb, size: int, random: np.random.Generator) -> int:
    colour = glb.texture(base_colour(size, random), "image/jpeg")
    rough = glb.texture(occlusion_roughness_metal(size, random), "image/png")
    material = {
        "pbrMetallicRoughness": {"baseColorTexture": colour, "metallicRoughnessTexture": rough},
        "occlusionTexture": rough,
        "normalTexture": glb.texture(normal_map(size, random), "image/png"),
    }
    return glb.add("materials", material)


def json_heavy_model() -> bytes:
    """4,000 small meshes, each with a node: 2.5 MB of JSON."""
    glb = Glb()
    glb.root |= {"scene": 0, "scenes": [{"nodes": list(range(MANY))}]}
    corners = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.uint32).reshape(-1, 1)
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], np.float32)
    normals = np.array([[-1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], np.float32)
    for number in range(MANY):
        attributes = {
            "POSITION": glb.accessor(points * (1 + number % 7), "VEC3", ARRAY),
            "NORMAL": glb.accessor(normals, "VEC3", ARRAY),
        }
        indices = glb.accessor(corners, "SCALAR", ELEMENTS)
        primitive = {"attributes": attributes, "indices": indices}
        glb.add("meshes", {"name": f"part {number} of the whole", "primitives": [primitive]})
        glb.add("nodes", {"mesh": number, "name": f"node {number}", "translation": [number, 0, 0]})
    return glb.to_bytes()


def generated_models() -> list[Path]:
    """Made once and kept; the same on every machine but for the last bits of floats."""
    return [kept(name, partial(ai_like_model, triangles)) for name, triangles in SIZES.items()]


def kept(name: str, make: Callable[[], bytes]) -> Path:
    file = cache_folder("glb-models", str(EDITION)) / f"{name}.glb"
    if not file.exists():
        file.write_bytes(make())
    return file
