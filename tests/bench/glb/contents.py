"""What lies in a file: how much of it is images, and which image is which map."""

import io
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bench.glb.surface import Floats

PACKED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization"}
WORTH_PACKING = 500  # triangles
TRIANGLES = 4
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Contents:
    path: Path
    size: int
    json: Json
    binary: bytes

    @classmethod
    def read(cls, path: Path) -> "Contents":
        data = path.read_bytes()
        (length,) = struct.unpack_from("<I", data, 12)
        return cls(path, len(data), json.loads(data[20 : 20 + length]), data[28 + length :])

    @property
    def geometry_bytes(self) -> int:
        """All that is no image, wherever images are."""
        images = self.json.get("images", [])
        written_out = sum(len(image.get("uri", "")) for image in images)
        return self.size - written_out - sum(len(self.image(i)) for i in range(len(images)))

    @property
    def image_count(self) -> int:
        return len(self.json.get("images", []))

    def image(self, index: int) -> bytes:
        """Empty where it is not in the BIN chunk."""
        place = self.json["images"][index].get("bufferView")
        return b"" if place is None else self.view(place)

    def view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        start = view.get("byteOffset", 0)
        return self.binary[start : start + view["byteLength"]]

    @property
    def has_meshes_to_pack(self) -> bool:
        return not PACKED & set(self.json.get("extensionsUsed", [])) and any(
            self.triangles(primitive) >= WORTH_PACKING and not primitive.get("targets")
            for mesh in self.json.get("meshes", [])
            for primitive in mesh["primitives"]
        )

    def triangles(self, primitive: Json) -> int:
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            return 0
        corners = primitive.get("indices", primitive["attributes"].get("POSITION"))
        return 0 if corners is None else int(self.json["accessors"][corners]["count"]) // 3

    def maps(self) -> dict[str, int]:
        """The images that materials use, by where they use them."""
        found = {}
        for number, material in enumerate(self.json.get("materials", [])):
            for slot, texture in slots(material):
                image = self.source(self.json["textures"][texture])
                if image is not None:
                    found[f"{number} {slot}"] = image
        return found

    def source(self, texture: Json) -> int | None:
        webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
        found: int | None = webp.get("source", texture.get("source"))
        return found


def slots(material: Any) -> Iterator[tuple[str, int]]:
    """Of extensions too; no two of them use one name."""
    if not isinstance(material, dict):
        return
    for name, value in material.items():
        if name.endswith("Texture") and isinstance(value, dict) and "index" in value:
            yield name, value["index"]
        else:
            yield from slots(value)


def decibels(source: bytes, output: bytes) -> float:
    """Of the colours where something is to be seen; an output of another size is scaled first."""
    with Image.open(io.BytesIO(source)) as one, Image.open(io.BytesIO(output)) as other:
        before = pixels(in_bytes(one))
        after = pixels(in_bytes(other).resize(one.size, Image.Resampling.BICUBIC))
    seen = before[:, 3] > 0
    error = np.mean((before[seen] - after[seen]) ** 2) if seen.any() else 0.0
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def in_bytes(image: Image.Image) -> Image.Image:
    """Pillow cuts 16 bits off at 255 rather than dividing them."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGBA")


def pixels(image: Image.Image) -> Floats:
    return np.asarray(image, dtype=np.float64).reshape(-1, 4)
