"""What a seed looks like: its shape, its triangles at any number, its texture at any size."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from worker.simulator.models.arrays import Floats
from worker.simulator.models.atlas import Plot, plots
from worker.simulator.models.dice import Dice
from worker.simulator.models.forms import drawn
from worker.simulator.models.mesh import Mesh, joined
from worker.simulator.models.rings import rings, shared_out
from worker.simulator.models.shape import Survey, centred, warp
from worker.simulator.models.tessellation import tessellated
from worker.simulator.models.textures import Canvas, painted

FEWEST_A_PART = 18  # triangles: a ring of three by three
SMALLEST_SHARE = 0.015  # of the triangles and of the texture, however small a part is


class Sculpture:
    def __init__(self, seed: str) -> None:
        form, parts = drawn(seed)
        self._surface = Dice(f"{seed}/surface").seed()
        self.shape, self.surveys = centred(parts, warp(self._surface, form.bend))

    @cached_property
    def plots(self) -> list[Plot]:
        return plots(_shares(self.surveys).tolist())

    def mesh(self, polycount: int) -> Mesh:
        """Large parts get more triangles; where there are few, the last parts are left out."""
        kept = max(1, min(len(self.shape.parts), polycount // FEWEST_A_PART))
        shares = _shares(self.surveys[:kept])
        counts = shared_out(polycount // 2, shares, FEWEST_A_PART // 2)
        return joined([self._part(index, int(count)) for index, count in enumerate(counts)])

    def canvas(self, size: int) -> Canvas:
        return painted(self.shape, self.plots, size, self._surface)

    def _part(self, index: int, vertices: int) -> Mesh:
        part, survey, plot = self.shape.parts[index], self.surveys[index], self.plots[index]
        seed = self._surface + 1000 * (index + 1)
        laid = rings(survey, vertices, seed, is_ring=part.is_ring)
        return tessellated(self.shape, part, laid, plot, seed)


def _shares(surveys: Sequence[Survey]) -> Floats:
    areas = np.array([survey.area for survey in surveys])
    raised = np.maximum(areas / areas.sum(), SMALLEST_SHARE)
    made: Floats = raised / raised.sum()
    return made
