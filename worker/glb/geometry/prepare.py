"""From a mesh's groups to work for Draco: triangles, one grid, and a plan for each attribute."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from worker.glb.accessors import DTYPES, Array, read_accessor
from worker.glb.document import Document
from worker.glb.geometry.channels import Channel, Source, Way, plan_channels
from worker.glb.geometry.encode import Work
from worker.glb.geometry.faces import Shape, read_shape
from worker.glb.geometry.fingerprint import hashed_rows
from worker.glb.geometry.grid import Grid, grid_over
from worker.glb.geometry.groups import FLOAT, Group, staying_positions
from worker.glb.geometry.normals import mended_normals
from worker.glb.geometry.stretch import Stretches
from worker.glb.geometry.texels import Texels
from worker.glb.geometry.weld import welded
from worker.glb.options import Options
from worker.glb.validate import is_readable


class Prepared(NamedTuple):
    group: Group
    shape: Shape
    work: Work
    note: str = ""


class Refused(NamedTuple):
    """One reason for all groups of a family that have none of their own."""

    why: str


@np.errstate(over="ignore", invalid="ignore")  # what is no number is refused or kept bit by bit
def prepare_family(
    document: Document,
    family: Sequence[Group],
    options: Options,
    texels: Texels,
    stretches: Stretches,
) -> list[Prepared] | Refused:
    """Without those that have no area: they can't be seen to gape, and so stay without harm."""
    read = [(group, shape_of(document, group)) for group in family if not group.why_not]
    eligible = [group for group, shape in read if len(shape.faces)]
    shapes = [shape for _, shape in read if len(shape.faces)]
    if not shapes:
        return []
    if any(shape.opens for _, shape in read):
        return Refused("it has triangles without area that may open when it moves")
    if not all(np.isfinite(shape.positions).all() for shape in shapes):
        return Refused("positions are not finite")
    if touches_what_stays(document, family, eligible, shapes):
        return Refused("it shares an edge with a primitive that stays as it is, and would crack")
    grid = grid_over(shapes, options, stretches.of(eligible))
    if isinstance(grid, str):
        return Refused(grid)
    return [
        prepare(document, group, shape, grid, planned(document, group, shape, options, texels))
        for group, shape in zip(eligible, shapes, strict=True)
    ]


def shape_of(document: Document, group: Group) -> Shape:
    shape = read_shape(document, group)
    has_order_of_its_own = group.indices is not None or not len(shape.faces)
    return shape if has_order_of_its_own else welded(document, group, shape)


def touches_what_stays(
    document: Document, family: Sequence[Group], eligible: Sequence[Group], shapes: Sequence[Shape]
) -> bool:
    """Whole numbers stay too, in their places, though they are encoded."""
    moving = [shape.positions for shape in shapes if not shape.whole]
    if not moving:
        return False
    staying = staying_positions(family)
    if not all(are_plain(document, index) for index in staying):
        return True
    fixed = [read_accessor(document, index) for index in staying if index is not None]
    fixed += [
        shown_positions(document, group, shape)
        for group, shape in zip(eligible, shapes, strict=True)
        if shape.whole
    ]
    return bool(fixed) and bool(np.isin(hashes(fixed), hashes(moving)).any())


def shown_positions(document: Document, group: Group, shape: Shape) -> Array:
    """Where viewers put whole numbers: of a normalized type the largest is 1."""
    accessor = document.item("accessors", group.attributes["POSITION"])
    if not accessor.get("normalized", False):
        return shape.positions
    largest = np.iinfo(DTYPES[accessor["componentType"]]).max
    shown: Array = np.maximum(shape.positions / np.float32(largest), np.float32(-1))
    return shown


def are_plain(document: Document, positions: int | None) -> bool:
    if positions is None:
        return False
    accessor = document.item("accessors", positions)
    kind = accessor["componentType"], accessor["type"]
    return kind == (FLOAT, "VEC3") and is_readable(document, accessor)


def hashes(places: Iterable[Array]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.concatenate([hashed_rows([positions + 0]) for positions in places])


def prepare(
    document: Document, group: Group, shape: Shape, grid: Grid, others: tuple[list[Channel], str]
) -> Prepared:
    channels, note = others
    positions = position_channel(document, group, shape, grid)
    return Prepared(group, shape, Work(shape.faces, (positions, *channels), grid), note)


def planned(
    document: Document, group: Group, shape: Shape, options: Options, texels: Texels
) -> tuple[list[Channel], str]:
    sources, note = read_sources(document, group, shape, texels.by_set(group))
    return plan_channels(sources, options), note


def position_channel(document: Document, group: Group, shape: Shape, grid: Grid) -> Channel:
    accessor = document.item("accessors", group.attributes["POSITION"])
    if not shape.whole:
        return Channel("POSITION", Way.POSITION, shape.positions, bits=grid.bits)
    whole = shape.take(read_accessor(document, group.attributes["POSITION"]))
    normalized = bool(accessor.get("normalized", False))
    return Channel("POSITION", Way.WHOLE_POSITION, np.ascontiguousarray(whole), normalized)


def read_sources(
    document: Document, group: Group, shape: Shape, texels: Mapping[str, int]
) -> tuple[list[Source], str]:
    note = ""
    sources = []
    for name in sorted(group.attributes.keys() - {"POSITION"}):
        accessor = document.item("accessors", group.attributes[name])
        values = shape.take(read_accessor(document, group.attributes[name]))
        if name == "NORMAL" and values.dtype == np.float32 and values.shape[1] == 3:  # noqa: PLR2004
            values, broken = mended_normals(values, shape)
            note = f"{broken} normals that were none were taken from the faces" if broken else ""
        values = np.ascontiguousarray(values)
        normalized = bool(accessor.get("normalized", False))
        sources.append(Source(name, values, normalized, texels.get(name)))
    return sources, note
