"""Draco's own rounding, step by step in its own precision, so that its results can be predicted.

Compilers for some processors fuse a multiplication and the addition after it. `fused` predicts
that; what was encoded must equal one of the two predictions to the last bit.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def to_steps(values: Floats, origin: Floats, span: np.float32, bits: int, *, fused: bool) -> Ints:
    inverse = np.float32((1 << bits) - 1) / span
    shifted = values - origin
    if fused:
        sums = (shifted.astype(np.float64) * inverse + 0.5).astype(np.float32)
        return np.floor(sums).astype(np.int32)
    shifted *= inverse
    shifted += np.float32(0.5)
    np.floor(shifted, out=shifted)
    return shifted.astype(np.int32)


def from_steps(steps: Ints, origin: Floats, span: np.float32, bits: int, *, fused: bool) -> Floats:
    delta = span / np.float32((1 << bits) - 1)
    if fused:
        return (steps.astype(np.float64) * delta + origin).astype(np.float32)
    values = steps.astype(np.float32)
    values *= delta
    values += origin
    return values


def rounded(
    values: Floats, origin: Floats, span: np.float32, bits: int, *, fused: bool = False
) -> Floats:
    """What decoding gives for these values."""
    steps = to_steps(values, origin, span, bits, fused=fused)
    return from_steps(steps, origin, span, bits, fused=fused)


def box(values: Floats) -> tuple[Floats, np.float32]:
    """Draco's box of an attribute whose grid is not given: its minimum and its largest side."""
    low = values.min(axis=0)
    span = np.float32((values.max(axis=0) - low).max())
    return low, span if span > 0 else np.float32(1)


def on_octahedron(normals: npt.NDArray[np.float64], bits: int, *, fused: bool = False) -> Ints:
    """The three whole numbers, their sizes adding up to a constant, that stand for a direction."""
    centre = ((1 << bits) - 2) // 2
    sizes = np.abs(normals)
    scaled = normals * (1.0 / (sizes[:, 0] + sizes[:, 1] + sizes[:, 2]))[:, None]
    wide = scaled.astype(np.longdouble) if fused else scaled
    whole: Ints = np.floor((wide * centre + 0.5).astype(np.float64)).astype(np.int32)
    rest = centre - np.abs(whole[:, 0]) - np.abs(whole[:, 1])
    over = np.minimum(rest, 0)  # the first two were rounded up too far: shorten the second
    whole[:, 1] += np.where(whole[:, 1] > 0, over, -over)
    whole[:, 2] = np.where(scaled[:, 2] < 0, -1, 1) * np.maximum(rest, 0)
    return whole
