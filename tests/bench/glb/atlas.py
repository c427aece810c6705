"""Texture coordinates as an unwrapper lays them: many small charts, seams between them."""

from dataclasses import dataclass

import numpy as np

from tests.bench.glb.surface import Floats, Integers, Mesh, vertex_normals

VERTICES_A_CHART = 700
MARGIN = 0.04  # of a chart's tile
SIDES = 6
SMOOTHINGS = 6
TINY = 1e-30


@dataclass(frozen=True)
class Unwrapped:
    positions: Floats
    normals: Floats
    uvs: Floats
    triangles: Integers


def unwrap(mesh: Mesh) -> Unwrapped:
    """A vertex at a seam comes once for each chart that it belongs to."""
    faces = smooth_directions(mesh)
    charts = charts_of(mesh, faces)
    pairs = np.stack([mesh.triangles, np.repeat(charts[:, None], 3, axis=1)], axis=2)
    chosen, corners = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
    vertices, chart = chosen.T
    flat = flattened(mesh.positions[vertices], chart_directions(faces, charts)[chart])
    return Unwrapped(
        mesh.positions[vertices],
        vertex_normals(mesh)[vertices],
        packed(flat, chart),
        corners.reshape(-1, 3),
    )


def smooth_directions(mesh: Mesh) -> Floats:
    """Where each triangle's neighbourhood looks: so that charts do not fray."""
    at_vertices = vertex_normals(mesh)
    for _ in range(SMOOTHINGS):
        faces = at_vertices[mesh.triangles].mean(axis=1)
        sums = [np.bincount(mesh.triangles.reshape(-1), np.repeat(axis, 3)) for axis in faces.T]
        at_vertices = np.stack(sums, axis=1)
        at_vertices /= np.linalg.norm(at_vertices, axis=1, keepdims=True) + TINY
    return np.asarray(at_vertices[mesh.triangles].mean(axis=1))


def charts_of(mesh: Mesh, faces: Floats) -> Integers:
    """Triangles go together that look to one of six sides and lie in one block."""
    axes = np.abs(faces).argmax(axis=1)
    sides = axes * 2 + (faces[np.arange(len(faces)), axes] < 0)
    corners = mesh.positions[mesh.triangles]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(crossed, axis=1).sum() / 2
    block = np.sqrt(area / len(mesh.positions) * VERTICES_A_CHART)
    cells = np.floor(corners.mean(axis=1) / block).astype(np.int64) + (1 << 10)
    names = ((cells[:, 0] << 11 | cells[:, 1]) << 11 | cells[:, 2]) * SIDES + sides
    _, charts = np.unique(names, return_inverse=True)
    return charts


def chart_directions(faces: Floats, charts: Integers) -> Floats:
    sums = np.stack([np.bincount(charts, axis) for axis in faces.T], axis=1)
    return np.asarray(sums / (np.linalg.norm(sums, axis=1, keepdims=True) + TINY))


def flattened(positions: Floats, directions: Floats) -> Floats:
    """Onto the plane that each vertex's chart faces: lengths are nearly kept."""
    least = np.eye(3)[np.abs(directions).argmin(axis=1)]
    across = np.cross(directions, least)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + TINY
    up = np.cross(directions, across)
    return np.stack([(positions * across).sum(axis=1), (positions * up).sum(axis=1)], axis=1)


def packed(flat: Floats, chart: Integers) -> Floats:
    """One scale for all charts, each in a tile of its own."""
    count = int(chart.max()) + 1
    low = np.full((count, 2), np.inf)
    high = np.full((count, 2), -np.inf)
    np.minimum.at(low, chart, flat)
    np.maximum.at(high, chart, flat)
    across = int(np.ceil(np.sqrt(count)))
    inside = (flat - low[chart]) / (high - low).max() * (1 - 2 * MARGIN) + MARGIN
    tiles = np.stack([chart % across, chart // across], axis=1)
    return np.asarray((tiles + inside) / across)
