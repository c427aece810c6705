"""How nodes stretch what they show: what is low in a mesh may be high in the world.

Taken are the nodes as they stand at rest. What has bones is moved by those alone.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.geometry.groups import Group

Scale = tuple[float, float, float]  # of the mesh's own axes
Axes = tuple[Scale, Scale, Scale]  # where each of them points to
UPRIGHT: Axes = (1, 0, 0), (0, 1, 0), (0, 0, 1)
UNEVEN = 1.01


class Stretches:
    """Reckoned once, and only for a file that stretches anything."""

    def __init__(self, document: Document) -> None:
        self.nodes = document.items("nodes")

    def of(self, family: Iterable[Group]) -> set[Scale]:
        meshes = {mesh for group in family for mesh in group.meshes}
        return {scale for mesh in meshes for scale in self.by_mesh.get(mesh, ())}

    @cached_property
    def by_mesh(self) -> dict[int, set[Scale]]:
        scaled = (node for node in self.nodes if "scale" in node or "matrix" in node)
        if not any(is_uneven(scale_of(own_axes(node))) for node in scaled):
            return {}
        found: dict[int, list[Scale]] = {}
        for node, axes in in_the_world(self.nodes):
            if "mesh" in node and "skin" not in node and is_uneven(scale := scale_of(axes)):
                found.setdefault(node["mesh"], []).append(scale)
        return {mesh: foremost(scales) for mesh, scales in found.items()}


def foremost(scales: Sequence[Scale]) -> set[Scale]:
    """A mesh may be shown a thousand times; for each axis one scale is enough."""
    return {max(scales, key=lambda scale: scale[axis] / min(scale)) for axis in range(3)}


def is_uneven(scale: Scale) -> bool:
    return 0 < UNEVEN * min(scale) < max(scale) < math.inf


def scale_of(axes: Axes) -> Scale:
    x, y, z = axes
    return math.hypot(*x), math.hypot(*y), math.hypot(*z)


def in_the_world(nodes: Sequence[Json]) -> Iterator[tuple[Json, Axes]]:
    """Each once, under the first of its parents that is met."""
    below = {child for node in nodes for child in node.get("children", ())}
    todo = [(number, UPRIGHT) for number in range(len(nodes)) if number not in below]
    seen: set[int] = set()
    while todo:
        number, above = todo.pop()
        if number not in seen:
            seen.add(number)
            x, y, z = own_axes(nodes[number])
            axes = turned(x, above), turned(y, above), turned(z, above)
            yield nodes[number], axes
            todo += [(child, axes) for child in nodes[number].get("children", ())]


def turned(axis: Scale, above: Axes) -> Scale:
    (a, b, c), (x, y, z) = axis, above
    return (
        a * x[0] + b * y[0] + c * z[0],
        a * x[1] + b * y[1] + c * z[1],
        a * x[2] + b * y[2] + c * z[2],
    )


def own_axes(node: Json) -> Axes:
    matrix = numbers(node.get("matrix"), 16)
    if matrix:
        (a, b, c, _), (d, e, f, _), (g, h, i, _) = matrix[:4], matrix[4:8], matrix[8:12]
        return (a, b, c), (d, e, f), (g, h, i)
    rotation = numbers(node.get("rotation"), 4)
    axes = rotated(*rotation) if rotation else UPRIGHT
    scale = numbers(node.get("scale"), 3) or [1.0, 1.0, 1.0]
    x, y, z = (times(axis, by) for axis, by in zip(axes, scale, strict=True))
    return x, y, z


def times(axis: Scale, by: float) -> Scale:
    x, y, z = axis
    return x * by, y * by, z * by


def numbers(value: Any, count: int) -> list[float]:
    """None where there is anything else."""
    if type(value) is not list or len(value) != count:
        return []
    return list(map(float, value)) if {type(number) for number in value} <= {int, float} else []


def rotated(x: float, y: float, z: float, w: float) -> Axes:
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)),
        (2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)),
        (2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)),
    )
