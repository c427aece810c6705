"""Decimation by collapsing edges, many at once, in random order: a mesh as providers return it.

An edge goes only where the surface stays closed and every other edge keeps two triangles.
"""

import numpy as np

from tests.bench.glb.surface import Integers, Mesh, isosurface

SURPLUS = 0.37  # resolution squared, for two to three times the triangles that are wanted
SHARED_NEIGHBOURS = 2


def model_like_mesh(triangles: int, seed: int) -> Mesh:
    """Within a few triangles of what is asked."""
    random = np.random.default_rng(seed)
    mesh = isosurface(resolution=int(np.sqrt(triangles * SURPLUS)), seed=seed)
    while (surplus := len(mesh.triangles) - triangles) > 1:
        chosen = collapsible_edges(mesh, random)[: (surplus + 1) // 2]
        if not len(chosen):
            break
        mesh = collapsed(mesh, chosen)
    return mesh


def collapsible_edges(mesh: Mesh, random: np.random.Generator) -> Integers:
    """Short edges first, none near another, none that would pinch the surface."""
    edges = half_edges(mesh)
    lengths = np.linalg.norm(mesh.positions[edges[:, 0]] - mesh.positions[edges[:, 1]], axis=1)
    order = np.empty(len(edges), np.int64)
    order[np.argsort(lengths * random.uniform(0.3, 1, len(edges)))] = np.arange(len(edges))
    best = lowest_around(len(mesh.positions), edges, order)
    best = lowest_around(len(mesh.positions), edges, np.minimum(*best[edges.T]))
    alone = np.minimum(*best[edges.T]) == order
    chosen = edges[alone][np.argsort(order[alone])]
    return np.asarray(chosen[shared_neighbours(mesh, chosen) == SHARED_NEIGHBOURS])


def half_edges(mesh: Mesh) -> Integers:
    """Every edge once: a closed mesh has each in both directions."""
    both = np.concatenate([mesh.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    return both[both[:, 0] < both[:, 1]]


def lowest_around(vertices: int, edges: Integers, values: Integers) -> Integers:
    lowest = np.full(vertices, np.iinfo(np.int64).max)
    for ends in edges.T:
        np.minimum.at(lowest, ends, values)
    return lowest


def shared_neighbours(mesh: Mesh, chosen: Integers) -> Integers:
    """How many vertices are next to both ends of each edge."""
    one, other = (neighbour_keys(mesh, ends) for ends in chosen.T)
    common = np.intersect1d(one, other, assume_unique=True)
    return np.bincount(common // len(mesh.positions), minlength=len(chosen))


def neighbour_keys(mesh: Mesh, centres: Integers) -> Integers:
    """A number for each pair of a row of `centres` and a neighbour of the vertex in it."""
    row = np.full(len(mesh.positions), -1)
    row[centres] = np.arange(len(centres))
    edges = half_edges(mesh)
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[row[both[:, 0]] >= 0]
    return np.asarray(row[both[:, 0]] * len(mesh.positions) + both[:, 1])


def collapsed(mesh: Mesh, chosen: Integers) -> Mesh:
    """Each edge becomes a vertex in its middle."""
    kept, gone = chosen.T
    positions = mesh.positions.copy()
    positions[kept] = (positions[kept] + positions[gone]) / 2
    names = np.arange(len(positions))
    names[gone] = kept
    triangles = names[mesh.triangles]
    one, two, three = triangles.T
    used, renumbered = np.unique(
        triangles[(one != two) & (two != three) & (three != one)], return_inverse=True
    )
    return Mesh(positions[used], renumbered.reshape(-1, 3))
