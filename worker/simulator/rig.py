"""A skeleton for a finished GLB: a spine of joints, weights by height, a swaying walk."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

JOINTS = ("hips", "spine", "chest", "head")
SWAY = 0.2  # radians to each side
STEP_SECONDS = 1.0

HEADER = struct.Struct("<III")
CHUNK = struct.Struct("<II")
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
FLOAT, BYTE = 5126, 5121


class Glb:
    """A GLB taken apart, to which things are added."""

    def __init__(self, data: bytes) -> None:
        length, _ = CHUNK.unpack_from(data, HEADER.size)
        begin = HEADER.size + CHUNK.size
        self.document: dict[str, Any] = json.loads(data[begin : begin + length])
        self.binary = bytearray(data[begin + length + CHUNK.size :])

    def add(self, kind: str, values: NDArray[Any], **extra: Any) -> int:
        """Appends an accessor and says its number."""
        self.binary += bytes(-len(self.binary) % 4)
        views, accessors = self.document["bufferViews"], self.document["accessors"]
        raw = values.tobytes()
        views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(raw)})
        self.binary += raw
        component = BYTE if values.dtype == np.uint8 else FLOAT
        found = {"bufferView": len(views) - 1, "componentType": component, "count": len(values)}
        accessors.append({**found, "type": kind, **extra})
        return len(accessors) - 1

    def heights(self, accessor: int) -> NDArray[np.float32]:
        found = self.document["accessors"][accessor]
        view = self.document["bufferViews"][found["bufferView"]]
        begin = view.get("byteOffset", 0) + found.get("byteOffset", 0)
        stride = view.get("byteStride", 12) // 4
        raw = np.frombuffer(bytes(self.binary), "<f4", offset=begin, count=found["count"] * stride)
        return raw.reshape(-1, stride)[:, 1]

    def pack(self) -> bytes:
        self.binary += bytes(-len(self.binary) % 4)
        self.document["buffers"][0]["byteLength"] = len(self.binary)
        text = json.dumps(self.document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        body = CHUNK.pack(len(text), JSON_CHUNK) + text
        body += CHUNK.pack(len(self.binary), BINARY_CHUNK) + bytes(self.binary)
        return HEADER.pack(0x46546C67, 2, HEADER.size + len(body)) + body


def rigged(data: bytes, *, animated: bool) -> bytes:
    glb = Glb(data)
    primitive = glb.document["meshes"][0]["primitives"][0]
    heights = glb.heights(primitive["attributes"]["POSITION"])
    places = np.linspace(float(heights.min()), float(heights.max()), len(JOINTS))
    primitive["attributes"] |= _weights(glb, heights, places)
    first = _joints(glb, places)
    _skin(glb, first, places)
    if animated:
        _animation(glb, first + 1)
    return glb.pack()


def _weights(glb: Glb, heights: NDArray[np.float32], places: NDArray[np.float64]) -> dict[str, int]:
    """Each vertex hangs on the two joints next to its height."""
    position = np.interp(heights, places, np.arange(len(places)))
    lower = np.minimum(position.astype(np.uint8), len(places) - 2)
    share = (position - lower).astype("<f4")
    joints, weights = np.zeros((len(heights), 4), np.uint8), np.zeros((len(heights), 4), "<f4")
    joints[:, 0], joints[:, 1] = lower, lower + 1
    weights[:, 0], weights[:, 1] = 1 - share, share
    joints[weights == 0] = 0  # the format wants joint 0 where nothing hangs
    return {"JOINTS_0": glb.add("VEC4", joints), "WEIGHTS_0": glb.add("VEC4", weights)}


def _joints(glb: Glb, places: NDArray[np.float64]) -> int:
    nodes = glb.document["nodes"]
    first = len(nodes)
    steps = np.diff(places, prepend=0.0)
    for position, (name, step) in enumerate(zip(JOINTS, steps, strict=True)):
        node = {"name": name, "translation": [0.0, float(step), 0.0]}
        below = {} if position == len(JOINTS) - 1 else {"children": [first + position + 1]}
        nodes.append(node | below)
    glb.document["scenes"][0]["nodes"].append(first)
    return first


def _skin(glb: Glb, first: int, places: NDArray[np.float64]) -> None:
    matrices = np.tile(np.eye(4, dtype="<f4"), (len(JOINTS), 1, 1))
    matrices[:, 3, 1] = -places  # column-major: the translation is the last row in memory
    joints = list(range(first, first + len(JOINTS)))
    inverse = glb.add("MAT4", matrices)
    glb.document["skins"] = [{"inverseBindMatrices": inverse, "joints": joints, "skeleton": first}]
    carrier = next(node for node in glb.document["nodes"] if "mesh" in node)
    carrier["skin"] = 0


def _animation(glb: Glb, joint: int) -> None:
    times = np.array([0, STEP_SECONDS / 2, STEP_SECONDS], "<f4")
    angles = np.array([-SWAY, SWAY, -SWAY]) / 2
    turns = np.zeros((3, 4), "<f4")
    turns[:, 2], turns[:, 3] = np.sin(angles), np.cos(angles)
    sampler = {
        "input": glb.add("SCALAR", times, min=[0.0], max=[STEP_SECONDS]),
        "output": glb.add("VEC4", turns),
        "interpolation": "LINEAR",
    }
    channel = {"sampler": 0, "target": {"node": joint, "path": "rotation"}}
    glb.document["animations"] = [{"name": "walk", "samplers": [sampler], "channels": [channel]}]
