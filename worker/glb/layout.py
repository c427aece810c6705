"""How many bytes an element of an accessor takes. Needs no numpy, so that checking needs none."""

from worker.glb.container import Json

COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
COLUMNS = {"MAT2": 2, "MAT3": 3, "MAT4": 4}


def element_bytes(accessor: Json) -> int:
    """Columns of a matrix begin on multiples of four bytes."""
    kind = accessor["type"]
    component = COMPONENT_BYTES[accessor["componentType"]]
    columns = COLUMNS.get(kind)
    if columns is None:
        return component * WIDTHS[kind]
    return columns * (-(-columns * component // 4) * 4)


def extent(accessor: Json, stride: int | None) -> int:
    """From the first byte of the first element to the last byte of the last."""
    count: int = accessor["count"]
    size = element_bytes(accessor)
    return (count - 1) * (stride or size) + size if count else 0
