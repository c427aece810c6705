"""Small files with what breaks optimisers, built from nothing: each is named by what it has."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.glb.models import ARRAY, ELEMENTS, Glb, ai_like_model

Floats = NDArray[np.float32]
Primitive = dict[str, Any]

SIDE = 24
FAR_AWAY = np.array([1000, 0, -500])
POINTS, STRIP, FAN = 0, 5, 6
UNSIGNED_BYTE = 5121


def ground(side: int = SIDE) -> tuple[Floats, NDArray[np.uint32]]:
    """A rolling lawn: the corners of side by side squares, two triangles each."""
    across, along = np.meshgrid(np.linspace(0, 1, side + 1), np.linspace(0, 1, side + 1))
    height = 0.1 * np.sin(across * 7) * np.cos(along * 5)
    first = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).reshape(-1)
    corners = first[:, None] + [0, 1, side + 2, 0, side + 2, side + 1]
    points = np.stack([across, height, along], axis=-1).reshape(-1, 3)
    return points.astype(np.float32), corners.reshape(-1, 1).astype(np.uint32)


def attributes(glb: Glb, points: Floats) -> dict[str, int]:
    upright = np.stack([-0.3 * points[:, 0], np.ones(len(points)), 0.2 * points[:, 2]], axis=1)
    normals = upright / np.linalg.norm(upright, axis=1, keepdims=True)
    return {
        "POSITION": glb.accessor(points, "VEC3", ARRAY),
        "NORMAL": glb.accessor(normals.astype(np.float32), "VEC3", ARRAY),
        "TEXCOORD_0": glb.accessor(np.ascontiguousarray(points[:, [0, 2]]), "VEC2", ARRAY),
    }


def finished(glb: Glb, *primitives: Primitive, **node: Any) -> bytes:
    """One mesh on one node, in one scene."""
    mesh = glb.add("meshes", {"primitives": list(primitives)})
    root = glb.add("nodes", {"mesh": mesh} | node)
    glb.root |= {"scene": 0, "scenes": [{"nodes": [root]}]}
    return glb.to_bytes()


def provider() -> bytes:
    return ai_like_model(4000, texture=128)


def seam() -> bytes:
    """Two primitives that meet, one of them reaching far: apart they would get two grids."""
    glb = Glb()
    points, corners = ground()
    beyond = (points * [7.3, 1, 1] + [1, 0, 0]).astype(np.float32)
    return finished(
        glb,
        {
            "attributes": attributes(glb, points),
            "indices": glb.accessor(corners, "SCALAR", ELEMENTS),
        },
        {
            "attributes": attributes(glb, beyond),
            "indices": glb.accessor(corners, "SCALAR", ELEMENTS),
        },
    )


def soup() -> bytes:
    glb = Glb()
    points, corners = ground()
    return finished(glb, {"attributes": attributes(glb, points[corners.reshape(-1)])})


def strip_and_fan() -> bytes:
    glb = Glb()
    turns = np.linspace(0, 6, 400)
    ribbon = np.stack([np.cos(turns), turns % 0.013, np.sin(turns)], axis=1).astype(np.float32)
    return finished(
        glb,
        {"attributes": attributes(glb, ribbon), "mode": STRIP},
        {"attributes": attributes(glb, ribbon), "mode": FAN},
    )


def far_and_tiled() -> bytes:
    """A thousand units from the origin, coordinates from -3 to 40, some vertices used by nobody."""
    glb = Glb()
    points, corners = ground()
    stray = np.array([[9e5, 0, 0]], np.float32)
    named = attributes(glb, np.concatenate([points + FAR_AWAY, stray]).astype(np.float32))
    tiled = np.concatenate([points[:, [0, 2]] * 43 - 3, [[0, 0]]]).astype(np.float32)
    named["TEXCOORD_0"] = glb.accessor(tiled, "VEC2", ARRAY)
    return finished(
        glb, {"attributes": named, "indices": glb.accessor(corners, "SCALAR", ELEMENTS)}
    )


def degenerate() -> bytes:
    """Triangles without area, triangles that come twice, and some that face both ways."""
    glb = Glb()
    points, corners = ground()
    whole = corners.reshape(-1, 3)
    extra = [whole[:40, [0, 0, 1]], whole[:30], whole[50:80, ::-1]]
    indices = np.concatenate([whole, *extra]).astype(np.uint32).reshape(-1, 1)
    return finished(
        glb,
        {
            "attributes": attributes(glb, points),
            "indices": glb.accessor(indices, "SCALAR", ELEMENTS),
        },
    )


def without_normals() -> bytes:
    """Some normals are zero, some are not numbers."""
    glb = Glb()
    points, corners = ground()
    named = attributes(glb, points)
    normals = np.tile(np.array([0, 1, 0], np.float32), (len(points), 1))
    normals[10:20] = 0
    normals[30:40] = np.nan
    named["NORMAL"] = glb.add(
        "accessors",
        {
            "bufferView": glb.view(normals.tobytes(), target=ARRAY),
            "componentType": 5126,
            "count": len(normals),
            "type": "VEC3",
        },
    )
    return finished(
        glb, {"attributes": named, "indices": glb.accessor(corners, "SCALAR", ELEMENTS)}
    )


def morphed() -> bytes:
    glb = Glb()
    points, corners = ground()
    moved = (points * [0, 1, 0]).astype(np.float32)
    primitive = {
        "attributes": attributes(glb, points),
        "indices": glb.accessor(corners, "SCALAR", ELEMENTS),
        "targets": [{"POSITION": glb.accessor(moved, "VEC3", ARRAY)}],
    }
    return finished(glb, primitive, weights=[0.5])


def points_beside_triangles() -> bytes:
    """A cloud that shares the vertices of a surface, so neither may reorder them alone."""
    glb = Glb()
    points, corners = ground()
    named = attributes(glb, points)
    surface = {"attributes": named, "indices": glb.accessor(corners, "SCALAR", ELEMENTS)}
    return finished(glb, surface, {"attributes": named, "mode": POINTS})


def skinned() -> bytes:
    """Two bones, weights that do not add up to one, tangents, a feature id and a colour."""
    glb = Glb()
    points, corners = ground()
    share = points[:, :1]
    weights = np.concatenate([share, 0.9 - share * 0.9, share * 0, share * 0], axis=1)
    named = attributes(glb, points)
    named["WEIGHTS_0"] = glb.accessor(weights.astype(np.float32), "VEC4", ARRAY)
    named["JOINTS_0"] = byte_accessor(glb, np.tile([0, 1, 0, 0], (len(points), 1)), "VEC4")
    tangents = np.tile(np.array([0.8, 0, 0.6, -1], np.float32), (len(points), 1))
    named["TANGENT"] = glb.accessor(tangents, "VEC4", ARRAY)
    named["_FEATURE_ID_0"] = byte_accessor(glb, np.arange(len(points))[:, None] % 251, "SCALAR")
    primitive = {"attributes": named, "indices": glb.accessor(corners, "SCALAR", ELEMENTS)}
    glb.add("nodes", {"name": "root bone", "children": [1]})
    glb.add("nodes", {"name": "end bone", "translation": [0, 1, 0]})
    identity = np.tile(np.eye(4, dtype=np.float32).reshape(1, 16), (2, 1))
    glb.add("skins", {"joints": [0, 1], "inverseBindMatrices": matrices(glb, identity)})
    whole = finished(glb, primitive, skin=0)
    assert whole
    glb.root["scenes"] = [{"nodes": [0, 2]}]
    return glb.to_bytes()


def byte_accessor(glb: Glb, values: NDArray[Any], kind: str) -> int:
    """Vertex data begins every four bytes."""
    width = values.shape[1]
    padded = np.zeros((len(values), 4), np.uint8)
    padded[:, :width] = values
    view = glb.view(padded.tobytes(), byteStride=4, target=ARRAY)
    described = {"componentType": UNSIGNED_BYTE, "count": len(values), "type": kind}
    return glb.add("accessors", {"bufferView": view} | described)


def matrices(glb: Glb, values: Floats) -> int:
    described = {"componentType": 5126, "count": len(values), "type": "MAT4"}
    return glb.add("accessors", {"bufferView": glb.view(values.tobytes())} | described)


SCENES: dict[str, Callable[[], bytes]] = {
    scene.__name__: scene
    for scene in (
        provider,
        seam,
        soup,
        strip_and_fan,
        far_and_tiled,
        degenerate,
        without_normals,
        morphed,
        points_beside_triangles,
        skinned,
    )
}
