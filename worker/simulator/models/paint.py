"""What a part's surface is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.simulator.models.arrays import Floats
from worker.simulator.models.colour import Colour
from worker.simulator.models.noise import Noise


@dataclass(frozen=True)
class Place:
    """Places on a part: how far along, how far round, and where in space."""

    along: Floats
    turn: Floats
    points: Floats
    noise: Noise


Pattern = Callable[[Place], Floats]
"""Where the pattern's colour lies over the ground's, from 0 to 1."""


@dataclass(frozen=True)
class Paint:
    ground: Colour
    over: Colour
    pattern: Pattern
    roughness: float = 0.75
    over_roughness: float | None = None
    metallic: float = 0.0
    over_metallic: float | None = None
    mottle: float = 0.14
    """How much the colour's lightness wanders."""
    grain: float = 5.0
    """How fine it does."""
    relief: float = 0.4
    """How deep the grain goes into the normal map."""
    step: float = 0.0
    """How far the pattern stands out of the ground."""
