"""Who gets which part of the texture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from worker.simulator.models.arrays import Floats

MARGIN = 1 / 128  # round each plot, so that neither filters nor smaller copies mix neighbours


@dataclass(frozen=True)
class Plot:
    """A rectangle of the texture, from its upper left corner; the whole is 1 by 1."""

    left: float
    top: float
    width: float
    height: float

    def coordinates(self, along: Floats, turn: Floats) -> Floats:
        """Round goes to the right, along goes up."""
        right = self.left + MARGIN + turn * (self.width - 2 * MARGIN)
        down = self.top + MARGIN + (1 - along) * (self.height - 2 * MARGIN)
        return np.stack([right, down], axis=-1)

    def along(self, down: Floats) -> Floats:
        made: Floats = 1 - (down - self.top - MARGIN) / (self.height - 2 * MARGIN)
        return made

    def turn(self, right: Floats) -> Floats:
        made: Floats = (right - self.left - MARGIN) / (self.width - 2 * MARGIN)
        return made

    def split(self, share: float) -> tuple["Plot", "Plot"]:
        """Across its longer side."""
        if self.width >= self.height:
            cut = self.width * share
            return (
                Plot(self.left, self.top, cut, self.height),
                Plot(self.left + cut, self.top, self.width - cut, self.height),
            )
        cut = self.height * share
        return (
            Plot(self.left, self.top, self.width, cut),
            Plot(self.left, self.top + cut, self.width, self.height - cut),
        )


def plots(areas: Sequence[float], whole: Plot | None = None) -> list[Plot]:
    """One for each area, in proportion; together they fill the texture."""
    plot = whole or Plot(0.0, 0.0, 1.0, 1.0)
    if len(areas) == 1:
        return [plot]
    half = _half(areas)
    share = sum(areas[:half]) / sum(areas)
    first, second = plot.split(share)
    return plots(areas[:half], first) + plots(areas[half:], second)


def _half(areas: Sequence[float]) -> int:
    """Where to cut the list so that both sides weigh about the same."""
    sums = np.cumsum(areas)
    return 1 + int(np.argmin(np.abs(sums[:-1] - sums[-1] / 2)))
