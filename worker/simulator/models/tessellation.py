"""From a part and its rings to triangles.

Nothing lies on a regular grid: rings have different numbers of vertices, each vertex strays a
little both ways, and neighbouring rings are laced in the order in which their vertices come.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.simulator.models.arrays import Floats, Indices
from worker.simulator.models.atlas import Plot
from worker.simulator.models.dice import scattered
from worker.simulator.models.mesh import Mesh
from worker.simulator.models.part import Part
from worker.simulator.models.rings import Rings
from worker.simulator.models.shape import Shape

# No triangle turns over as long as these stay well under 0.25.
STRAY_ROUND = 0.2
STRAY_ALONG = 0.15


@dataclass(frozen=True)
class Loops:
    """The rings laid out vertex by vertex. Each ends with its first one again: the seam."""

    counts: Indices
    along: Floats
    turn: Floats
    point: Indices

    @property
    def starts(self) -> Indices:
        return np.cumsum(self.counts + 1) - self.counts - 1


def tessellated(shape: Shape, part: Part, rings: Rings, plot: Plot, seed: int) -> Mesh:
    along, turn = _strayed(rings, seed, is_ring=part.is_ring)
    loops = _loops(rings.counts, along, turn, is_ring=part.is_ring)
    if not part.is_ring:
        along, turn = np.append(along, [0.0, 1.0]), np.append(turn, [0.0, 0.0])
    flat = _flat_ring(loops) if part.is_ring else _flat_with_poles(loops, len(along))
    return Mesh(
        shape.surface(part, along, turn),
        flat.point,
        plot.coordinates(flat.along, flat.turn),
        flat.triangles,
    )


@dataclass(frozen=True)
class Flat:
    """The corners and triangles, not yet bent into space."""

    along: Floats
    turn: Floats
    point: Indices
    triangles: Indices


def _strayed(rings: Rings, seed: int, *, is_ring: bool) -> tuple[Floats, Floats]:
    ring = np.repeat(np.arange(len(rings.counts)), rings.counts)
    place = _within(rings.counts)
    sideways = scattered(len(ring), seed) * STRAY_ROUND * (place > 0)
    onwards = scattered(len(ring), seed + 1) * STRAY_ALONG
    if is_ring:
        onwards *= ring > 0  # the seam runs straight
    room = _room(rings.along, is_ring=is_ring)[ring]
    return rings.along[ring] + onwards * room, (place + sideways) / rings.counts[ring]


def _within(counts: Indices) -> Indices:
    """0, 1, 2 … for each of so many."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _room(along: Floats, *, is_ring: bool) -> Floats:
    """How far the nearest neighbouring ring or pole is."""
    before, after = (along[-1] - 1, along[0] + 1) if is_ring else (0.0, 1.0)
    gaps = np.diff(np.concatenate([[before], along, [after]]))
    return np.minimum(gaps[:-1], gaps[1:])


def _loops(counts: Indices, along: Floats, turn: Floats, *, is_ring: bool) -> Loops:
    first = np.cumsum(counts) - counts
    if is_ring:  # the last loop is the first one again, one round further along
        counts, first = np.append(counts, counts[0]), np.append(first, 0)
    loop = np.repeat(np.arange(len(counts)), counts + 1)
    place = _within(counts + 1)
    at_end = place == counts[loop]
    point = first[loop] + np.where(at_end, 0, place)
    further = (loop == len(counts) - 1) * float(is_ring)
    return Loops(counts, along[point] + further, np.where(at_end, 1.0, turn[point]), point)


def _flat_ring(loops: Loops) -> Flat:
    return Flat(loops.along, loops.turn, loops.point, _bands(loops))


def _flat_with_poles(loops: Loops, points: int) -> Flat:
    """A fan closes each end. Its pole is one point, and a corner of its own in each triangle."""
    first, last = loops.counts[0], loops.counts[-1]
    low = np.arange(first)
    high = np.arange(last) + loops.starts[-1]
    low_pole = np.arange(first) + len(loops.point)
    high_pole = np.arange(last) + len(loops.point) + first
    fans = [
        np.stack([low + 1, low, low_pole], axis=-1),
        np.stack([high, high + 1, high_pole], axis=-1),
    ]
    return Flat(
        np.concatenate([loops.along, np.zeros(first), np.ones(last)]),
        np.concatenate([loops.turn, _middles(loops, low), _middles(loops, high)]),
        np.concatenate([loops.point, np.full(first, points - 2), np.full(last, points - 1)]),
        np.concatenate([_bands(loops), *fans]),
    )


def _middles(loops: Loops, left: Indices) -> Floats:
    made: Floats = (loops.turn[left] + loops.turn[left + 1]) / 2
    return made


def _bands(loops: Loops) -> Indices:
    """The triangles between each loop and the next: the edges of both, in order round them."""
    loop = np.repeat(np.arange(len(loops.counts)), loops.counts)
    left = loops.starts[loop] + _within(loops.counts)
    middle = _middles(loops, left)
    lower, upper = loop < len(loops.counts) - 1, loop > 0
    band = np.concatenate([loop[lower], loop[upper] - 1])
    order = np.argsort(band + np.concatenate([middle[lower], middle[upper]]), kind="stable")
    is_upper = (np.arange(len(band)) >= lower.sum())[order]
    left = np.concatenate([left[lower], left[upper]])[order]
    return _laced(loops, band[order], left, is_upper)


def _laced(loops: Loops, band: Indices, left: Indices, is_upper: NDArray[np.bool_]) -> Indices:
    """Each edge with the vertex that the opposite loop has reached by then."""
    edges = loops.counts[:-1] + loops.counts[1:]
    passed = _within(edges) - (left - loops.starts[band + is_upper])
    opposite = loops.starts[band + ~is_upper] + passed
    first = np.where(is_upper, left + 1, left)
    second = np.where(is_upper, left, left + 1)
    return np.stack([first, second, opposite], axis=-1)
