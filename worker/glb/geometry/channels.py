"""How each attribute travels: rounded by Draco, made smaller within a bound, or bit by bit."""

import math
import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import COMPONENT_TYPES, Array
from worker.glb.options import Options, Preset

NORMAL_BITS, UV_BITS = 10, 12
COARSEST_UV_BITS, FINEST_UV_BITS = 10, 16
UNIT = 0.01  # how far from 1 a tangent's length may be
TINY = 1e-6
KNOWN = re.compile(r"(TEXCOORD|COLOR|JOINTS)_\d+|NORMAL|TANGENT")


class Way(Enum):
    POSITION = "position"
    WHOLE_POSITION = "position in whole numbers"
    NORMAL = "normal"
    UV = "texture coordinates"
    COLOUR = "colour"
    EXACT = "exact"


class Channel(NamedTuple):
    """One attribute as it will be: `values` are what the decoder must give back, rounding apart."""

    name: str
    way: Way
    values: Array
    normalized: bool = False
    bits: int = 0
    note: str = ""

    @property
    def component_type(self) -> int:
        return COMPONENT_TYPES[self.values.dtype.newbyteorder("<")]


class Source(NamedTuple):
    name: str
    values: Array
    normalized: bool
    texels: int | None  # along the longer side of the largest texture that it places, if any


Plan = Callable[[Source, Options], Channel | None]


def plan_channels(sources: list[Source], options: Options) -> list[Channel]:
    """Everything but positions. A plan that can't keep its bound gives None: then bit by bit."""
    weights = rounded_weights([s for s in sources if is_float_weight(s)])
    channels: list[Channel] = []
    for source in sources:
        if source.name in weights:
            channels.append(Channel(source.name, Way.EXACT, weights[source.name], normalized=True))
            continue
        plan = plan_for(source, taken={channel.way for channel in channels})
        channels.append((plan and plan(source, options)) or exact(source))
    return channels


def plan_for(source: Source, taken: set[Way]) -> Plan | None:
    known = KNOWN.fullmatch(source.name)
    if not known:
        return None
    kind = known[1] or source.name
    if source.values.dtype != np.float32:
        return narrowed if kind == "JOINTS" else first_colour if kind == "COLOR" else None
    if kind == "TEXCOORD":
        return second_uv if Way.UV in taken else first_uv
    return {"NORMAL": normal, "TANGENT": tangent, "COLOR": float_colour}.get(kind)


def exact(source: Source) -> Channel:
    return Channel(source.name, Way.EXACT, source.values, source.normalized)


def normal(source: Source, options: Options) -> Channel | None:
    if source.values.shape[1] != 3:  # noqa: PLR2004
        return None
    return Channel(source.name, Way.NORMAL, source.values, bits=options.normal_bits or NORMAL_BITS)


def first_uv(source: Source, options: Options) -> Channel | None:
    """What places no texture may be data, so it keeps every bit."""
    if source.texels is None or not np.isfinite(source.values).all():
        return None
    bits = options.uv_bits or uv_bits(source.values, source.texels, options.preset)
    return Channel(source.name, Way.UV, source.values, bits=bits) if bits else None


def uv_bits(values: Array, texels: int, preset: Preset) -> int | None:
    span = float((values.max(axis=0) - values.min(axis=0)).max())
    return bits_over(span, texels, preset) if math.isfinite(span) else None


def bits_over(span: float, texels: int, preset: Preset) -> int | None:
    """A quarter of a texel, or half of one where the textures themselves lose more."""
    if preset in (Preset.WEB, Preset.SMALL):
        bits = max(COARSEST_UV_BITS, math.ceil(math.log2(texels * span + 1)))
    else:
        bits = max(UV_BITS, math.ceil(math.log2(max(1.0, texels * span))) + 1)
    return bits if bits <= FINEST_UV_BITS else None


def second_uv(source: Source, options: Options) -> Channel | None:
    """Draco has one place for texture coordinates; 16 bits of the unit square do for a texture."""
    values = source.values
    if source.texels is None or not ((values >= 0) & (values <= 1)).all():
        return None
    if not bits_over(1.0, source.texels, options.preset):
        return None
    return Channel(source.name, Way.EXACT, to_unorm(values, np.uint16), normalized=True)


def tangent(source: Source, options: Options) -> Channel | None:
    """Signed bytes: at most half of 1/127 off. Needs an extension that the core does not have."""
    values = source.values
    if "KHR_mesh_quantization" in options.without or values.shape[1] != 4:  # noqa: PLR2004
        return None
    lengths = np.linalg.norm(values[:, :3], axis=1)
    if not (np.abs(lengths - 1) <= UNIT).all() or not (np.abs(values[:, 3]) == 1).all():
        return None
    signed = np.clip(np.rint(values * np.float32(127)), -127, 127).astype(np.int8)
    return Channel(source.name, Way.EXACT, signed, normalized=True)


def first_colour(source: Source, options: Options) -> Channel | None:
    del options
    if source.name == "COLOR_0" and source.values.dtype == np.uint8 and source.normalized:
        return Channel(source.name, Way.COLOUR, source.values, normalized=True)
    return None


def float_colour(source: Source, options: Options) -> Channel | None:
    """Bytes where the colours were bytes once, 16 bits otherwise; more than white stays a float."""
    values = source.values
    if not ((values >= 0) & (values <= 1)).all():
        return None
    small = to_unorm(values, np.uint8)
    if np.abs(small / np.float32(255) - values).max() > TINY:
        return Channel(source.name, Way.EXACT, to_unorm(values, np.uint16), normalized=True)
    packed = Source(source.name, small, normalized=True, texels=None)
    return first_colour(packed, options) or exact(packed)


def narrowed(source: Source, options: Options) -> Channel | None:
    del options
    if source.values.dtype != np.uint16 or source.values.max() > 255:  # noqa: PLR2004
        return None
    return Channel(source.name, Way.EXACT, source.values.astype(np.uint8))


def to_unorm(values: Array, dtype: type[np.uint8 | np.uint16]) -> Array:
    return np.rint(values.astype(np.float64) * np.iinfo(dtype).max).astype(dtype)


def is_float_weight(source: Source) -> bool:
    return source.name.startswith("WEIGHTS_") and source.values.dtype == np.float32


def rounded_weights(sources: list[Source]) -> dict[str, npt.NDArray[np.uint8]]:
    """Bytes whose sum over all sets is the rounded original sum: it may be other than 1.

    Every weight is rounded down, then those that lost most are raised by one. None moves by 1/255.
    """
    if not sources or any(not is_share(source.values) for source in sources):
        return {}
    scaled = np.concatenate([source.values for source in sources], axis=1).astype(np.float64) * 255
    whole = np.floor(scaled)
    missing = np.rint(scaled.sum(axis=1)) - whole.sum(axis=1)
    lost = np.argsort(np.argsort(-(scaled - whole), axis=1, kind="stable"), axis=1)
    parts = np.split(
        (whole + (lost < missing[:, None])).astype(np.uint8),
        np.cumsum([source.values.shape[1] for source in sources])[:-1],
        axis=1,
    )
    return {source.name: part for source, part in zip(sources, parts, strict=True)}


def is_share(values: Array) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())
