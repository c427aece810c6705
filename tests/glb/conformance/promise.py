"""What every output owes its source."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from tests.glb.conformance.comparison import Difference
from tests.glb.conformance.decoded import Decoded

HALF_DIAGONAL = 0.87  # of a grid's cell: the furthest that rounding may move a vertex
GRID_AND_A_BIT = 1.0001
ONE_BYTE_STEP = 1 / 255
ONE_TANGENT_STEP = 1 / 127
HALF_A_TEXEL = 0.5
BARE_UV_ERROR = 2**-11
NORMAL_DEGREES = 0.25
MOST_PIXELS = 1 << 28


@dataclass(frozen=True)
class Bounds:
    normal: float = NORMAL_DEGREES
    texels: float = HALF_A_TEXEL


def new_errors(before: Sequence[str], after: Sequence[str]) -> list[str]:
    return sorted((Counter(after) - Counter(before)).elements())


def broken(source: Decoded, difference: Difference, bounds: Bounds) -> Iterator[str]:
    """Each promise that does not hold, with the figure."""
    if difference.lost:
        yield f"{difference.lost} triangles are lost"
    if difference.gained:
        yield f"{difference.gained} triangles came from nowhere"
    yield from difference.other
    uv_bound = bounds.texels / largest_texture(source) if source.images else BARE_UV_ERROR
    for name, value, bound in (
        ("position", difference.position, HALF_DIAGONAL),
        ("grid_of_box", difference.grid_of_box, GRID_AND_A_BIT),
        ("crack", difference.crack, 0.0),
        ("normal", difference.normal, bounds.normal),
        ("uv", difference.uv, uv_bound),
        ("tangent", difference.tangent, ONE_TANGENT_STEP),
        ("weight", difference.weight, ONE_BYTE_STEP),
        ("weight_sum", difference.weight_sum, ONE_BYTE_STEP / 2),
        ("colour", difference.colour, ONE_BYTE_STEP),
    ):
        if not value <= bound + 1e-7:
            yield f"{name}: {value:.3g} is more than {bound:.3g}"


def largest_texture(source: Decoded) -> int:
    return max(side for image in source.images for side in size_of(image))


def size_of(image: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(image)) as opened:
        return opened.size
