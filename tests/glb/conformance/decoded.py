"""What a loader sees of a GLB: arrays, whether they were compressed or not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

KINDS = {
    "Int8Array": np.int8,
    "Uint8Array": np.uint8,
    "Int16Array": np.int16,
    "Uint16Array": np.uint16,
    "Uint32Array": np.uint32,
    "Float32Array": np.float32,
}
TRIANGLES, STRIP, FAN = 4, 5, 6


class UndecodableError(ValueError):
    """The decoder refused a file; the text says what it said."""


@dataclass(frozen=True)
class Grid:
    """The lattice that Draco laid the positions on."""

    bits: int
    range: float
    origin: tuple[float, float, float]

    @property
    def step(self) -> float:
        return self.range / ((1 << self.bits) - 1)


@dataclass(frozen=True)
class Primitive:
    mesh: int
    number: int
    mode: int
    packed: bool
    grid: Grid | None
    attributes: Mapping[str, Array]
    normalized: Mapping[str, bool]
    indices: Array | None
    targets: Sequence[Mapping[str, Array]]

    @property
    def name(self) -> str:
        return f"mesh {self.mesh} primitive {self.number}"

    @property
    def has_triangles(self) -> bool:
        return self.mode in (TRIANGLES, STRIP, FAN)

    def corners(self) -> Integers:
        """Vertex numbers, three a triangle, wound as the mode says."""
        indices = self.indices
        count = len(self.attributes["POSITION"])
        flat = np.arange(count) if indices is None else indices.reshape(-1).astype(np.int64)
        if self.mode == STRIP:
            return strip_corners(flat)
        if self.mode == FAN:
            hub = np.full(max(len(flat) - 2, 0), flat[0] if len(flat) else 0)
            return np.stack([flat[1:-1], flat[2:], hub], axis=1)
        return flat[: len(flat) // 3 * 3].reshape(-1, 3)

    def values(self, name: str) -> Floats:
        """As a shader sees them: normalized integers become fractions."""
        array = self.attributes[name]
        if not self.normalized[name] or array.dtype.kind == "f":
            return array.astype(np.float64)
        return np.maximum(array / np.iinfo(array.dtype).max, -1.0)


@dataclass(frozen=True)
class Decoded:
    json: Mapping[str, Any]
    primitives: Sequence[Primitive]
    exact: Mapping[str, Array]
    images: Sequence[bytes]

    @property
    def triangles(self) -> int:
        return sum(len(each.corners()) for each in self.primitives if each.has_triangles)


def strip_corners(flat: Array) -> Integers:
    numbers = np.arange(max(len(flat) - 2, 0))
    odd = numbers % 2
    corners = np.stack([numbers, numbers + 1 + odd, numbers + 2 - odd], axis=1)
    return np.asarray(flat[corners], dtype=np.int64).reshape(-1, 3)


def load_decoded(folder: Path, number: int) -> Decoded:
    said = json.loads((folder / f"{number}.json").read_bytes())
    if "problem" in said:
        raise UndecodableError(said["problem"])
    data = (folder / f"{number}.bin").read_bytes()
    return Decoded(
        said["json"],
        [load_primitive(each, data) for each in said["primitives"]],
        {name: load_array(place, data) for name, place in said["exact"].items()},
        [load_array(place, data).tobytes() for place in said["images"]],
    )


def load_primitive(said: Mapping[str, Any], data: bytes) -> Primitive:
    grid = said["grid"]
    return Primitive(
        said["mesh"],
        said["primitive"],
        said["mode"],
        said["packed"],
        grid and Grid(grid["bits"], grid["range"], tuple(grid["origin"])),
        load_arrays(said["attributes"], data),
        {name: place["normalized"] for name, place in said["attributes"].items()},
        load_array(said["indices"], data) if said["indices"] else None,
        [load_arrays(target, data) for target in said["targets"]],
    )


def load_arrays(said: Mapping[str, Any], data: bytes) -> dict[str, Array]:
    return {name: load_array(place, data) for name, place in said.items()}


def load_array(place: Mapping[str, Any], data: bytes) -> Array:
    kind = np.dtype(KINDS[place["kind"]])
    flat = np.frombuffer(data, kind, place["length"], place["offset"])
    return flat.reshape(-1, place["components"])
